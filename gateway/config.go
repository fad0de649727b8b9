package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// MasterKeys derives the key-encryption keys of SSE-S3. Implementations are
// safe for concurrent use and do not block.
type MasterKeys interface {
	// Active returns the id of the master key that new objects are sealed under.
	Active() string

	// KEK derives the key-encryption key of the object with the given salt
	// from the master key id. An unknown id is an error wrapping
	// localkeys.ErrKeyNotFound.
	KEK(id string, salt [32]byte) (encryptor.Key, error)

	// OuterKEK derives the key-encryption key of the second layer of DSSE-KMS,
	// as KEK does that of SSE-S3.
	OuterKEK(id string, salt [32]byte) (encryptor.Key, error)

	// RecordKey derives the key of a record in the system bucket, as KEK does.
	RecordKey(id string, salt [32]byte) (encryptor.Key, error)
}

// Credential is one client of the gateway and what it may do.
type Credential struct {
	// AccessKey identifies the client in requests and logs.
	AccessKey string

	// Secret is the key that the client signs with.
	Secret sigv4.Secret

	// Buckets are the patterns (path.Match syntax) of the buckets the client
	// may use. Empty means all.
	Buckets []string

	// ReadOnly refuses every operation that writes.
	ReadOnly bool

	// KMSKeys are the patterns (path.Match syntax) of the names of the KMS
	// keys the client may use. Empty means all.
	KMSKeys []string
}

// Credentials finds clients by access key. Implementations are safe for
// concurrent use.
type Credentials interface {
	Lookup(accessKey string) (*Credential, bool)
}

// ETagPolicy says which ETag objects encrypted with SSE-S3 have.
type ETagPolicy string

const (
	// ETagAuto makes the ETag the MD5 of the plaintext, as Amazon S3 does,
	// where that is known before the body is sent to the store: the client
	// sent Content-MD5, or the body is smaller than Config.BufferLimit.
	// Other objects get an opaque ETag, which no client takes for an MD5.
	ETagAuto ETagPolicy = "auto"

	// ETagMD5 computes the MD5 of every body, as Amazon S3 does, at about
	// six times the CPU cost of encrypting it.
	ETagMD5 ETagPolicy = "md5"

	// ETagOpaque gives every object an opaque ETag derived from the store's.
	ETagOpaque ETagPolicy = "opaque"
)

// Integrity says how the store is told to check what it receives.
type Integrity string

const (
	// IntegrityChecksum sends a CRC-32C of the ciphertext with every upload, in
	// a header: the format is such that it is known in advance.
	IntegrityChecksum Integrity = "checksum"

	// IntegrityNone sends uploads without a checksum, for stores that refuse the
	// header.
	IntegrityNone Integrity = "none"
)

// Identity says whose credential signs the requests to the store.
type Identity string

const (
	// IdentityService signs with Upstream.Credential, which clients do not
	// know, so that nobody can go round the gateway.
	IdentityService Identity = "service"

	// IdentityClient signs with the client's own access key and secret, which
	// the store must know too, so that the store's own policies apply.
	// Anonymous requests are sent unsigned.
	IdentityClient Identity = "client"
)

// Upstream is the object store behind the gateway.
type Upstream struct {
	// Endpoint is the scheme and host of the store. Its host is what requests
	// are signed for.
	Endpoint *url.URL

	// Transport sends requests to the store. When nil, every call of Serve
	// must bring one.
	Transport http.RoundTripper

	// Region is the region that requests to the store are signed for.
	// Default: "us-east-1".
	Region string

	// Identity chooses who signs. Default: IdentityService.
	Identity Identity

	// Credential is the service account of IdentityService. With
	// IdentityClient it is used for the system bucket only, and what needs
	// that is refused without it.
	Credential sigv4.Credential

	// Integrity chooses how the store checks uploads. Default: IntegrityChecksum.
	Integrity Integrity
}

// Config configures a Gateway.
type Config struct {
	// Keys seal and open the data keys of SSE-S3. Required.
	Keys MasterKeys

	// Credentials are the clients. Required.
	Credentials Credentials

	// Upstream is the store. Required.
	Upstream Upstream

	// KMS holds the keys of SSE-KMS and DSSE-KMS. Without a Service, requests
	// for these modes are refused.
	KMS KMS

	// Rules say how objects of buckets are encrypted. The first whose
	// patterns match a bucket applies. Default: none.
	Rules []Rule

	// SystemBucket is the bucket of the store in which the gateway keeps
	// bucket settings and the state of multipart uploads, sealed. Clients
	// cannot see or use it. Default: "caddy-s3-sse-system".
	SystemBucket string

	// Region is the region clients must sign for; empty accepts any.
	Region string

	// VirtualHosts are the domains below which hosts name buckets: with
	// "s3.example.com", bucket.s3.example.com. Requests for the domains
	// themselves, and for all other hosts, name the bucket in their path.
	// Default: none.
	VirtualHosts []string

	// PublicBuckets are the patterns (path.Match syntax) of the buckets whose
	// objects anyone may read without signing: GetObject and HeadObject,
	// nothing else. Default: none.
	PublicBuckets []string

	// PlaintextReads are the patterns (path.Match syntax) of the buckets from
	// which objects that are not encrypted may be read. Default: none.
	PlaintextReads []string

	// Realms maps buckets to the name that their objects are bound to, for
	// buckets that were restored or replicated under another name.
	// Default: the bucket's own name.
	Realms map[string]string

	// ReencryptCopies makes a copy under another root key than its source's a
	// new encryption with a new data key, which moves all data through the
	// gateway. Otherwise the store copies the ciphertext and the data key is
	// sealed under the other root key too, so that who once opened the source
	// can open the copy. Default: false.
	ReencryptCopies bool

	// ETag is the ETag policy. Default: ETagAuto.
	ETag ETagPolicy

	// BufferLimit is the size in bytes below which a body is held in memory
	// and verified before anything is sent to the store. Default: 1 MiB.
	// At most 64 MiB.
	BufferLimit int64

	// Logger receives what the operator should know; never a secret.
	// Default: slog.Default().
	Logger *slog.Logger

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

const (
	defaultBufferLimit = 1 << 20
	maxBufferLimit     = 64 << 20
	defaultRegion      = "us-east-1"
	defaultSystem      = "caddy-s3-sse-system"
)

// complete fills in the defaults of c and reports what cannot work.
func (c *Config) complete() error {
	if c.Keys == nil {
		return errors.New("no master keys")
	}
	if c.Credentials == nil {
		return errors.New("no client credentials")
	}
	u := &c.Upstream
	if u.Endpoint == nil || u.Endpoint.Host == "" || (u.Endpoint.Scheme != "http" && u.Endpoint.Scheme != "https") {
		return errors.New("the upstream must be a URL of the form http://host:port or https://host:port")
	}
	if p := u.Endpoint.Path; (p != "" && p != "/") || u.Endpoint.RawQuery != "" || u.Endpoint.User != nil {
		return errors.New("the upstream URL must have no path, query or user")
	}
	setDefault(&u.Region, defaultRegion)
	setDefault(&u.Identity, IdentityService)
	setDefault(&u.Integrity, IntegrityChecksum)
	setDefault(&c.SystemBucket, defaultSystem)
	setDefault(&c.ETag, ETagAuto)
	setDefault(&c.BufferLimit, defaultBufferLimit)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch u.Identity {
	case IdentityService:
		if u.Credential.AccessKey == "" || u.Credential.Secret.IsZero() {
			return errors.New("the service account of the store is missing: give upstream credentials, or let requests be signed as the client")
		}
	case IdentityClient:
	default:
		return fmt.Errorf("unknown upstream identity %q", u.Identity)
	}
	switch u.Integrity {
	case IntegrityChecksum, IntegrityNone:
	default:
		return fmt.Errorf("unknown upstream integrity %q", u.Integrity)
	}
	switch c.ETag {
	case ETagAuto, ETagMD5, ETagOpaque:
	default:
		return fmt.Errorf("unknown ETag policy %q", c.ETag)
	}
	if c.BufferLimit < 0 || c.BufferLimit > maxBufferLimit {
		return fmt.Errorf("buffer limit %d is not between 0 and %d bytes", c.BufferLimit, maxBufferLimit)
	}
	for _, patterns := range [][]string{c.PublicBuckets, c.PlaintextReads} {
		if err := CheckPatterns(patterns); err != nil {
			return err
		}
	}
	for _, domain := range c.VirtualHosts {
		if err := CheckDomain(domain); err != nil {
			return err
		}
	}
	for i := range c.Rules {
		if err := c.Rules[i].check(); err != nil {
			return fmt.Errorf("encryption of %q: %w", c.Rules[i].Buckets, err)
		}
	}
	if err := c.KMS.KeyIDs.Check(); err != nil {
		return err
	}
	return nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// CheckPatterns reports the first pattern that path.Match cannot use.
func CheckPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("bad bucket pattern %q", p)
		}
	}
	return nil
}

func matchAny(patterns []string, bucket string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, bucket); err == nil && ok {
			return true
		}
	}
	return false
}
