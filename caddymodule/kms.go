package caddymodule

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// KMSOptions say how the keys of the key management service are named and how
// long they are remembered.
type KMSOptions struct {
	// The name of the key for requests that ask for SSE-KMS or DSSE-KMS
	// without naming a key, as `aws/s3` is on Amazon S3. Accepts placeholders.
	// Default: none, so that such requests are refused.
	DefaultKey string `json:"default_key,omitempty"`

	// The names of keys by their aliases, which clients write with `alias/` in
	// front.
	Aliases map[string]string `json:"aliases,omitempty"`

	// How responses name keys: `arn` for
	// `arn:aws:kms:<arn_region>:<arn_account>:key/<name>`, as Amazon S3 does,
	// or `name` for the name alone. Requests may use either in any case.
	// Default: `arn`.
	KeyIDFormat string `json:"key_id_format,omitempty"`

	// The region in ARNs. Default: `region` of the handler, or else
	// `us-east-1`.
	ARNRegion string `json:"arn_region,omitempty"`

	// The account in ARNs. Default: `000000000000`.
	ARNAccount string `json:"arn_account,omitempty"`

	// How long an unwrapped key-encryption key is remembered. A key that was
	// disabled in the key management service is used no longer than this for
	// reading. Negative remembers none, so that every read asks the service.
	// Default: 5m.
	CacheTTL caddy.Duration `json:"cache_ttl,omitempty"`

	// How many unwrapped key-encryption keys are remembered at most. Default:
	// 10000.
	CacheSize int `json:"cache_size,omitempty"`

	// How long one key-encryption key serves the new objects of a bucket, where
	// bucket keys are used. A key that was disabled is used no longer than this
	// for writing. Default: 5m.
	BucketKeyTTL caddy.Duration `json:"bucket_key_ttl,omitempty"`

	// How many new objects it serves at most, up to 16777216. Default: 1048576.
	BucketKeyUses int64 `json:"bucket_key_uses,omitempty"`

	// How long a request waits for the key management service. Default: 30s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// Formats of key ids.
const (
	keyIDFormatARN  = "arn"
	keyIDFormatName = "name"

	defaultARNRegion  = "us-east-1"
	defaultARNAccount = "000000000000"
)

// keyService loads the provider of keys, if there is one, and returns what the
// gateway needs of it. h.keys is a lease on it from then on.
func (h *Handler) keyService(ctx caddy.Context, x expander, region string) (gateway.KMS, error) {
	var k gateway.KMS
	o := new(KMSOptions)
	if h.KMS != nil {
		o = h.KMS
	}
	if err := o.keyIDs(&k.KeyIDs, region); err != nil {
		return k, fmt.Errorf("kms: %w", err)
	}
	if h.KeysRaw == nil {
		if h.KMS != nil {
			return k, errors.New("kms: there are no keys: say with keys where they are")
		}
		return k, nil
	}
	id, err := x.text("kms: default_key", o.DefaultKey)
	if err != nil {
		return k, err
	}
	if id != "" {
		if k.DefaultKey, err = k.KeyIDs.Parse(id); err != nil {
			return k, fmt.Errorf("kms: default_key: %w", err)
		}
	}
	mod, err := ctx.LoadModule(h, "KeysRaw")
	if err != nil {
		return k, fmt.Errorf("keys: %w", err)
	}
	provider, ok := mod.(kms.Provider)
	if !ok {
		return k, fmt.Errorf("keys: %T does not implement kms.Provider", mod)
	}
	service, err := kms.New(kms.Options{
		Provider:      provider,
		CacheSize:     o.CacheSize,
		CacheTTL:      time.Duration(o.CacheTTL),
		BucketKeyTTL:  time.Duration(o.BucketKeyTTL),
		BucketKeyUses: o.BucketKeyUses,
		Timeout:       time.Duration(o.Timeout),
		Audit:         (&auditLog{ctx.Logger(auditModule{}), h.metrics}).write,
	})
	if err != nil {
		return k, err
	}
	h.keys = &lease{end: service.Close}
	k.Service = service
	return k, nil
}

// keyIDs sets ids to how keys are named.
func (o *KMSOptions) keyIDs(ids *metadata.KeyIDs, region string) error {
	ids.Region, ids.Account, ids.Aliases = o.ARNRegion, o.ARNAccount, o.Aliases
	if ids.Region == "" {
		ids.Region = region
	}
	if ids.Region == "" {
		ids.Region = defaultARNRegion
	}
	if ids.Account == "" {
		ids.Account = defaultARNAccount
	}
	switch o.KeyIDFormat {
	case "", keyIDFormatARN:
	case keyIDFormatName:
		ids.PlainNames = true
	default:
		return fmt.Errorf("key_id_format: %q is not one of %s, %s", o.KeyIDFormat, keyIDFormatARN, keyIDFormatName)
	}
	return ids.Check()
}

// lease ends something when nobody needs it any more: not before close, not
// while there are users, and a little later than that. A nil lease is on nothing.
type lease struct {
	mu     sync.Mutex
	users  int
	closed bool
	end    func() // nil once it was called
}

// use keeps what is leased until the returned function is called.
func (l *lease) use() (done func()) {
	if l == nil {
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.users--
		l.check()
	}
}

// close lets it end.
func (l *lease) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.check()
}

// lateRequests is how long after its config has ended a request may still reach
// a handler, over a connection that was accepted before.
const lateRequests = 5 * time.Second

// check sees to its end if it is time for that. The lock is held.
func (l *lease) check() {
	if !l.closed || l.users > 0 || l.end == nil {
		return
	}
	time.AfterFunc(lateRequests, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if end := l.end; l.users == 0 && end != nil {
			l.end = nil
			end()
		}
	})
}
