package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/transport"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler gives a plain S3-compatible object store the server-side encryption
// of Amazon S3: clients speak unchanged S3 to Caddy, and the store holds only
// ciphertext.
//
// It authenticates clients itself, with secrets of its own, and signs its
// requests to the store with the store's credentials.
//
// In every field, the global placeholders `{env.*}` and `{file.*}` are
// expanded once, when the config is loaded, where the field says that it
// accepts placeholders. Secrets should always be given that way: a literal
// secret can be read through the admin API and in saved configs. Request
// placeholders are not available.
//
// Metadata headers whose names contain `_` or `.` are kept for HTTP/1.1 and
// HTTP/2 requests, although Caddy drops such headers. For HTTP/3 that is not
// possible: turn it off with the server option `protocols h1 h2` if clients
// use such names.
type Handler struct {
	// The scheme, host and port of the store, such as `http://minio:9000`.
	// Its host is the one requests to the store are signed for. With an
	// upstream, this handler is the last one of its route. Accepts
	// placeholders. Either this or `store_host` is required.
	Upstream string `json:"upstream,omitempty"`

	// How to connect to `upstream`: the options of the `http` transport of
	// `reverse_proxy`. Its defaults, where they differ: `compression` is
	// off and cannot be turned on, `versions` is `["1.1"]`,
	// `read_buffer_size` and `write_buffer_size` are 8KiB, and
	// `keep_alive.max_idle_conns_per_host` is 128. HTTP/3 and PROXY protocol
	// are not supported. TLS is used if the upstream's scheme is `https`.
	Transport *reverseproxy.HTTPTransport `json:"transport,omitempty"`

	// The Host header, with the port if there is one, that reaches the store
	// when requests go to it through the handlers that follow, which must end
	// in a `reverse_proxy`. Requests are signed for it, so that the store
	// refuses them if it sees another. For upstreams with plain HTTP,
	// `reverse_proxy` sends this value. For upstreams with TLS it sends the
	// upstream's own host and port instead: give those here, or set the
	// header with `header_up Host`. Accepts placeholders. Either this or
	// `upstream` is required.
	StoreHost string `json:"store_host,omitempty"`

	// The account at the store that requests are signed with. Clients must
	// not know it: it can write what is not encrypted. Required unless
	// `upstream_identity` is `client`: then it is used for `system_bucket`
	// only, and without it what needs that bucket is refused.
	UpstreamCredentials *UpstreamCredentials `json:"upstream_credentials,omitempty"`

	// The region that requests to the store are signed for. Accepts
	// placeholders. Default: `us-east-1`.
	UpstreamRegion string `json:"upstream_region,omitempty"`

	// Whose credentials sign the requests to the store: `service` for
	// `upstream_credentials`, or `client` for the client's own access key and
	// secret, which the store must then know too, so that its policies apply.
	// With `client`, a client that can reach the store directly can write
	// what is not encrypted. Default: `service`.
	UpstreamIdentity gateway.Identity `json:"upstream_identity,omitempty"`

	// How the store checks that it received what was sent: `checksum` for a
	// CRC-32C of the ciphertext in the header of every upload, or `none` for
	// stores that refuse the header. Default: `checksum`.
	UpstreamIntegrity gateway.Integrity `json:"upstream_integrity,omitempty"`

	// The region that clients must sign for. Accepts placeholders. Default:
	// any.
	Region string `json:"region,omitempty"`

	// The master keys of SSE-S3 by id. An id is 1 to 64 characters of `A-Z`,
	// `a-z`, `0-9`, `.`, `_` and `-`. A key is 32 random bytes as base64 or
	// hexadecimal digits, usually a placeholder. At least one key is required,
	// here or in `master_keys_file`.
	MasterKeys map[string]string `json:"master_keys,omitempty"`

	// The path of a file of master keys, as written by `caddy s3-sse keygen`.
	// It is read when the config is loaded; use `caddy reload --force` after
	// changing it. Its keys are used together with those of `master_keys`.
	// Accepts placeholders.
	MasterKeysFile string `json:"master_keys_file,omitempty"`

	// The id of the master key for new objects. All others remain usable for
	// reading. Default: the active key of `master_keys_file`, or else the only
	// key.
	ActiveKey string `json:"active_key,omitempty"`

	// Where the keys of SSE-KMS and DSSE-KMS are: a module of the namespace
	// `http.handlers.s3_sse.keys`. Default: nowhere, so that requests for these
	// modes are refused.
	KeysRaw json.RawMessage `json:"keys,omitempty" caddy:"namespace=http.handlers.s3_sse.keys inline_key=provider"`

	// How the keys of `keys` are named and how long they are remembered.
	KMS *KMSOptions `json:"kms,omitempty"`

	// How objects are encrypted. The first rule whose patterns match a bucket
	// applies. Default: none, so that objects are encrypted as the request or
	// the bucket's own configuration says, otherwise with SSE-S3.
	Encryption []EncryptionRule `json:"encryption,omitempty"`

	// The clients. At least one is required, here or in `credentials_file`,
	// unless there are `public_buckets`.
	Credentials []Credential `json:"credentials,omitempty"`

	// The path of a JSON file of more clients: `{"credentials": [...]}`, with
	// elements like those of `credentials` but without placeholders. The file
	// is checked for changes about once a second and read again without a
	// reload. If the new content is not valid, the old stays in force and an
	// error is logged. Accepts placeholders.
	CredentialsFile string `json:"credentials_file,omitempty"`

	// The domains below which hosts name buckets: with `s3.example.com`, the
	// bucket of a request for `photos.s3.example.com` is `photos`. Lower case,
	// without a port. Requests for any other host name the bucket in their
	// path, as always works for the domains themselves. The site must have
	// addresses, and certificates, for all of these hosts. Accept placeholders.
	// Default: none.
	VirtualHosts []string `json:"virtual_hosts,omitempty"`

	// Patterns of the buckets whose objects anyone may read without
	// signing. A pattern is the name of a bucket in which `*` stands for any
	// characters, `?` for one, and `[a-z]` for one of a range. Default: none.
	PublicBuckets []string `json:"public_buckets,omitempty"`

	// Patterns of the buckets from which objects that are not encrypted may
	// be read, such as those written before this handler was there. Reading
	// them from any other bucket is an error. Default: none.
	PlaintextReads []string `json:"plaintext_reads,omitempty"`

	// The names that the objects of buckets are bound to, by bucket, for
	// buckets that were restored or replicated under another name. Default:
	// the bucket's own name.
	Realms map[string]string `json:"realms,omitempty"`

	// What the ETag of objects is: `md5` for the MD5 of the plaintext as
	// Amazon S3 has it, which costs several times as much CPU time as the
	// encryption; `opaque` for one that says nothing of the plaintext; `auto`
	// for the MD5 where it is known before the body is sent to the store,
	// otherwise opaque. Default: `auto`.
	ETag gateway.ETagPolicy `json:"etag,omitempty"`

	// The size in bytes below which bodies are held in memory and verified
	// before anything is sent to the store, at most 64 MiB. Default: 1 MiB.
	BufferLimit int64 `json:"buffer_limit,omitempty"`

	// The bucket of the store in which the handler keeps the encryption
	// configurations of buckets and the state of multipart uploads, sealed. It
	// is made when it is needed, and clients cannot see or use it. Handlers in
	// front of the same store share it if they have the same master keys; others
	// must have one of their own. Accepts placeholders. Default:
	// `caddy-s3-sse-system`.
	SystemBucket string `json:"system_bucket,omitempty"`

	// Whether a copy under another root key than its source's is encrypted
	// anew, with a data key of its own, which moves all data through Caddy.
	// Otherwise the store copies the ciphertext, and the same data key is sealed
	// under the other root key as well. Default: `false`.
	ReencryptCopies bool `json:"reencrypt_copies,omitempty"`

	gateway s3Server
	keys    *lease               // on the key service, nil without one
	direct  *transport.Transport // to Upstream
	logger  *zap.Logger
	slogger *slog.Logger
	metrics *metrics
}

// Credential is a client and what it may do.
type Credential struct {
	// The access key, which appears in logs. Accepts placeholders. Required.
	AccessKey string `json:"access_key,omitempty"`

	// The secret key, at least 8 characters. Accepts placeholders. Required.
	SecretKey string `json:"secret_key,omitempty"`

	// Patterns of the buckets that the client may use, in the syntax of
	// `public_buckets`. Default: all.
	Buckets []string `json:"buckets,omitempty"`

	// Patterns of the names of the KMS keys that the client may use, for
	// writing and for reading, in the same syntax, in which `*` does not stand
	// for `/`. Default: all.
	KMSKeys []string `json:"kms_keys,omitempty"`

	// Whether to refuse every operation that writes. Default: `false`.
	ReadOnly bool `json:"read_only,omitempty"`
}

// s3Server is what the handler needs of a gateway.
type s3Server interface {
	Serve(w http.ResponseWriter, r *http.Request, in gateway.Inbound)
	Close()
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.s3_sse",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision sets up h. It reads files, but does not contact the store.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	h.slogger = ctx.Slogger()
	x := expander{repl: caddy.NewReplacer(), logger: h.logger}

	cfg := gateway.Config{
		PublicBuckets:   h.PublicBuckets,
		PlaintextReads:  h.PlaintextReads,
		Realms:          h.Realms,
		ETag:            h.ETag,
		BufferLimit:     h.BufferLimit,
		ReencryptCopies: h.ReencryptCopies,
		Logger:          h.slogger,
	}
	var err error
	if cfg.Region, err = x.text("region", h.Region); err != nil {
		return err
	}
	for _, domain := range h.VirtualHosts {
		if domain, err = x.text("virtual_hosts", domain); err != nil {
			return err
		}
		cfg.VirtualHosts = append(cfg.VirtualHosts, domain)
	}
	if cfg.Keys, err = h.masterKeys(x); err != nil {
		return err
	}
	if cfg.Credentials, err = h.clients(x); err != nil {
		return err
	}
	if cfg.Upstream, err = h.upstream(ctx, x); err != nil {
		return err
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if cfg.KMS, err = h.keyService(ctx, x, cfg.Region); err != nil {
		return err
	}
	if cfg.Rules, err = h.rules(&cfg.KMS); err != nil {
		return err
	}
	if cfg.SystemBucket, err = x.text("system_bucket", h.SystemBucket); err != nil {
		return err
	}
	if b := cfg.SystemBucket; b != "" && !bucketName.MatchString(b) {
		return fmt.Errorf("system_bucket: %q cannot be the name of a bucket", b)
	}
	gw, err := gateway.New(cfg)
	if err != nil {
		return err
	}
	h.gateway = gw
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		keepMetadata(srv)
	}
	return nil
}

// bucketName matches the names that buckets can have.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate checks what does not show when the parts are built.
func (h *Handler) Validate() error {
	for i, c := range h.Credentials {
		if err := gateway.CheckPatterns(c.Buckets); err != nil {
			return fmt.Errorf("credential %d: %w", i+1, err)
		}
		if err := checkKeyPatterns(c.KMSKeys); err != nil {
			return fmt.Errorf("credential %d: %w", i+1, err)
		}
	}
	for bucket, name := range h.Realms {
		if bucket == "" || name == "" {
			return errors.New("realm: the bucket and the name must not be empty")
		}
	}
	return nil
}

// Cleanup releases what Provision acquired, as far as it got. Requests that
// are still being served are not disturbed.
func (h *Handler) Cleanup() error {
	h.keys.close()
	if h.gateway != nil {
		h.gateway.Close()
	}
	if h.direct != nil {
		h.direct.CloseIdleConnections()
	}
	if h.Transport != nil {
		return h.Transport.Cleanup() // closes idle connections only
	}
	return nil
}

var (
	_ caddy.Provisioner  = (*Handler)(nil)
	_ caddy.Validator    = (*Handler)(nil)
	_ caddy.CleanerUpper = (*Handler)(nil)
)
