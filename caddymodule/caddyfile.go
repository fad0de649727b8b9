package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/dustin/go-humanize"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("s3_sse", parseCaddyfile)
	// Ahead of invoke, handle and route as well: placed next to reverse_proxy,
	// a directive at the level of the site would never run when the proxy is
	// inside one of those, and plaintext would reach the store.
	httpcaddyfile.RegisterDirectiveOrder("s3_sse", httpcaddyfile.Before, "invoke")
}

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	s3_sse [<matcher>] {
//	    # the store, reached directly
//	    upstream <url> {
//	        <options of reverse_proxy's transport http...>
//	    }
//	    # or through a reverse_proxy that follows
//	    store_host <host[:port]>
//
//	    upstream_credentials <access_key> <secret_key>
//	    upstream_region      <region>
//	    upstream_identity    service|client
//	    upstream_integrity   checksum|none
//
//	    # master keys
//	    master_key       <id> <key>
//	    master_keys_file <path>
//	    active_key       <id>
//
//	    # keys of a key management service
//	    keys <provider> {
//	        <options of the provider...>
//	    }
//	    kms {
//	        default_key     <key>
//	        alias           <alias> <key>
//	        key_id_format   name|arn [<region> <account>]
//	        cache_ttl       <duration>|off
//	        cache_size      <keys>
//	        bucket_key_ttl  <duration>
//	        bucket_key_uses <objects>
//	        timeout         <duration>
//	    }
//
//	    # how objects are encrypted
//	    encryption <patterns...> {
//	        default     AES256|aws:kms|aws:kms:dsse [<key>]
//	        bucket_key
//	        require     AES256|aws:kms|aws:kms:dsse|SSE-C...
//	        block_sse_c
//	    }
//
//	    # clients
//	    credential <access_key> <secret_key> {
//	        buckets   <patterns...>
//	        kms_keys  <patterns...>
//	        read_only
//	    }
//	    credentials_file <path>
//	    region           <region>
//	    virtual_hosts    <domains...>
//	    public_buckets   <patterns...>
//
//	    # objects
//	    plaintext_reads <patterns...>
//	    realm           <bucket> <name>
//	    etag            auto|md5|opaque
//	    buffer_limit    <size>
//	    system_bucket   <bucket>
//	    reencrypt_copies
//	}
//
// master_key, alias, encryption, credential, buckets, kms_keys, realm,
// virtual_hosts, public_buckets and plaintext_reads can be given several
// times, all others once.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		name := d.Val()
		parse, ok := subdirectives[name]
		if !ok {
			return d.Errf("unrecognized subdirective: %s", name)
		}
		if seen[name] && !repeatable[name] {
			return d.Errf("%s already specified", name)
		}
		seen[name] = true
		if err := parse(h, d); err != nil {
			return err
		}
	}
	return nil
}

// repeatable are the subdirectives that can be given more than once.
var repeatable = map[string]bool{
	"master_key":      true,
	"encryption":      true,
	"credential":      true,
	"realm":           true,
	"virtual_hosts":   true,
	"public_buckets":  true,
	"plaintext_reads": true,
}

var subdirectives = map[string]func(*Handler, *caddyfile.Dispenser) error{
	"upstream":             (*Handler).unmarshalUpstream,
	"store_host":           single(func(h *Handler) *string { return &h.StoreHost }),
	"upstream_credentials": (*Handler).unmarshalUpstreamCredentials,
	"upstream_region":      single(func(h *Handler) *string { return &h.UpstreamRegion }),
	"upstream_identity": oneOf(func(h *Handler) *gateway.Identity { return &h.UpstreamIdentity },
		gateway.IdentityService, gateway.IdentityClient),
	"upstream_integrity": oneOf(func(h *Handler) *gateway.Integrity { return &h.UpstreamIntegrity },
		gateway.IntegrityChecksum, gateway.IntegrityNone),
	"master_key":       pair("an id and a key", func(h *Handler) *map[string]string { return &h.MasterKeys }),
	"master_keys_file": single(func(h *Handler) *string { return &h.MasterKeysFile }),
	"active_key":       single(func(h *Handler) *string { return &h.ActiveKey }),
	"keys":             (*Handler).unmarshalKeys,
	"kms":              (*Handler).unmarshalKMS,
	"encryption":       (*Handler).unmarshalEncryption,
	"credential":       (*Handler).unmarshalCredential,
	"credentials_file": single(func(h *Handler) *string { return &h.CredentialsFile }),
	"region":           single(func(h *Handler) *string { return &h.Region }),
	"virtual_hosts":    (*Handler).unmarshalVirtualHosts,
	"public_buckets":   patterns(func(h *Handler) *[]string { return &h.PublicBuckets }),
	"plaintext_reads":  patterns(func(h *Handler) *[]string { return &h.PlaintextReads }),
	"realm":            pair("a bucket and a name", func(h *Handler) *map[string]string { return &h.Realms }),
	"etag": oneOf(func(h *Handler) *gateway.ETagPolicy { return &h.ETag },
		gateway.ETagAuto, gateway.ETagMD5, gateway.ETagOpaque),
	"buffer_limit":  (*Handler).unmarshalBufferLimit,
	"system_bucket": single(func(h *Handler) *string { return &h.SystemBucket }),
	"reencrypt_copies": func(h *Handler, d *caddyfile.Dispenser) error {
		if h.ReencryptCopies = true; d.NextArg() {
			return d.ArgErr()
		}
		return nil
	},
}

// single parses a subdirective with one argument.
func single(field func(*Handler) *string) func(*Handler, *caddyfile.Dispenser) error {
	return func(h *Handler, d *caddyfile.Dispenser) error {
		if !d.AllArgs(field(h)) {
			return d.ArgErr()
		}
		return nil
	}
}

// oneOf parses a subdirective whose argument is one of a few words.
func oneOf[T ~string](field func(*Handler) *T, words ...T) func(*Handler, *caddyfile.Dispenser) error {
	return func(h *Handler, d *caddyfile.Dispenser) error {
		name := d.Val()
		var word string
		if !d.AllArgs(&word) {
			return d.ArgErr()
		}
		names := make([]string, len(words))
		for i, w := range words {
			if string(w) == word {
				*field(h) = w
				return nil
			}
			names[i] = string(w)
		}
		return d.Errf("%s: %q is not one of %s", name, word, strings.Join(names, ", "))
	}
}

// pair parses a subdirective with a name, which must be new, and a value. What
// is wanted is said in words: Caddy's error for a wrong number of arguments
// shows the last one, which may be a secret.
func pair(wanted string, field func(*Handler) *map[string]string) func(*Handler, *caddyfile.Dispenser) error {
	return func(h *Handler, d *caddyfile.Dispenser) error {
		directive := d.Val()
		var name, value string
		if !d.AllArgs(&name, &value) {
			return d.Errf("%s: want %s", directive, wanted)
		}
		m := field(h)
		if _, taken := (*m)[name]; taken {
			return d.Errf("%s %s already specified", directive, name)
		}
		if *m == nil {
			*m = make(map[string]string)
		}
		(*m)[name] = value
		return nil
	}
}

// patterns parses a subdirective with patterns of buckets.
func patterns(field func(*Handler) *[]string) func(*Handler, *caddyfile.Dispenser) error {
	return func(h *Handler, d *caddyfile.Dispenser) error {
		list, err := unmarshalPatterns(d)
		f := field(h)
		*f = append(*f, list...)
		return err
	}
}

func unmarshalPatterns(d *caddyfile.Dispenser) ([]string, error) {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return nil, d.ArgErr()
	}
	if err := gateway.CheckPatterns(args); err != nil {
		return nil, d.WrapErr(err)
	}
	return args, nil
}

func (h *Handler) unmarshalUpstream(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 1 {
		return d.ArgErr()
	}
	h.Upstream = args[0]
	if !strings.Contains(h.Upstream, "{") {
		if _, err := parseUpstream(h.Upstream); err != nil {
			return d.Errf("upstream: %v", err)
		}
	}
	segment := d.NewFromNextSegment() // the URL and the block after it
	transport := new(reverseproxy.HTTPTransport)
	if err := transport.UnmarshalCaddyfile(segment); err != nil {
		return err
	}
	if segment.Reset(); segment.Next() && segment.NextBlock(0) {
		h.Transport = transport
	}
	return nil
}

func (h *Handler) unmarshalVirtualHosts(d *caddyfile.Dispenser) error {
	domains := d.RemainingArgs()
	if len(domains) == 0 {
		return d.ArgErr()
	}
	for _, domain := range domains {
		if strings.Contains(domain, "{") {
			continue
		}
		if err := gateway.CheckDomain(domain); err != nil {
			return d.Errf("virtual_hosts: %v", err)
		}
	}
	h.VirtualHosts = append(h.VirtualHosts, domains...)
	return nil
}

func (h *Handler) unmarshalUpstreamCredentials(d *caddyfile.Dispenser) error {
	c := new(UpstreamCredentials)
	if !d.AllArgs(&c.AccessKey, &c.SecretKey) {
		return d.Err("upstream_credentials: want an access key and a secret key")
	}
	h.UpstreamCredentials = c
	return nil
}

func (h *Handler) unmarshalCredential(d *caddyfile.Dispenser) error {
	var c Credential
	if !d.AllArgs(&c.AccessKey, &c.SecretKey) {
		return d.Err("credential: want an access key and a secret key")
	}
	for _, other := range h.Credentials {
		if other.AccessKey == c.AccessKey {
			return d.Errf("credential %s already specified", c.AccessKey)
		}
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch d.Val() {
		case "buckets":
			list, err := unmarshalPatterns(d)
			if err != nil {
				return err
			}
			c.Buckets = append(c.Buckets, list...)
		case "kms_keys":
			list := d.RemainingArgs()
			if len(list) == 0 {
				return d.ArgErr()
			}
			if err := checkKeyPatterns(list); err != nil {
				return d.WrapErr(err)
			}
			c.KMSKeys = append(c.KMSKeys, list...)
		case "read_only":
			if d.NextArg() {
				return d.ArgErr()
			}
			if c.ReadOnly {
				return d.Err("read_only already specified")
			}
			c.ReadOnly = true
		default:
			return d.Errf("unrecognized subdirective of credential: %s", d.Val())
		}
	}
	h.Credentials = append(h.Credentials, c)
	return nil
}

func (h *Handler) unmarshalBufferLimit(d *caddyfile.Dispenser) error {
	var s string
	if !d.AllArgs(&s) {
		return d.ArgErr()
	}
	n, err := humanize.ParseBytes(s)
	if err != nil {
		return d.Errf("buffer_limit: %q is not a size such as 512KiB", s)
	}
	if n == 0 || n > 64<<20 {
		return d.Errf("buffer_limit: %s is not between 1 byte and 64MiB", s)
	}
	h.BufferLimit = int64(n)
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
