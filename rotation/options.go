package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// Keys are the master keys. *localkeys.Keyring is one.
type Keys interface {
	Active() string
	KEK(id string, salt [32]byte) (encryptor.Key, error)
	OuterKEK(id string, salt [32]byte) (encryptor.Key, error)
}

// KeyService holds the KMS keys. *kms.Service is one.
type KeyService interface {
	Generate(ctx context.Context, u kms.Use, key string, encContext []byte, bucketKey bool) (kms.KEK, error)
	Unwrap(ctx context.Context, u kms.Use, key string, wrapped, encContext []byte) (encryptor.Key, error)
	Rewrap(ctx context.Context, u kms.Use, key string, items []kms.Item) ([]kms.Rewrapped, error)
	Describe(ctx context.Context, u kms.Use, key string) (kms.KeyInfo, error)
	WrappedVersion(wrapped []byte) (version int, ok bool)
}

// Options are common to all jobs.
type Options struct {
	Store     Store
	StoreName string // of the store, by which a state is known to be of it

	Keys Keys
	KMS  KeyService // nil without a key management service

	// Realms maps buckets to the name that their objects are bound to.
	Realms map[string]string

	// SystemBucket is the gateway's own.
	SystemBucket string

	// Buckets are patterns (path.Match syntax) of the buckets. Empty means all.
	Buckets []string

	// Prefix is how the keys of the objects begin.
	Prefix string

	// DryRun changes nothing.
	DryRun bool

	// Exclusive says that nobody else writes objects, so that what a store
	// cannot do atomically may be done.
	Exclusive bool

	// Concurrency is how many objects are worked on at a time. Default: 8.
	Concurrency int

	// State is the path of the file that makes the job go on where it was.
	// Default: none.
	State string

	// Progress is told how far the job is, about once a second and at its end,
	// from one goroutine at a time. Default: nobody.
	Progress func(Progress)

	// Logger gets every problem, and never a secret. Default: slog.Default().
	Logger *slog.Logger

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Progress says how far a job is.
type Progress struct {
	Bucket string
	Key    string // the last that is done
	Count
}

const defaultConcurrency = 8

// complete fills in defaults and reports what cannot work.
func (o *Options) complete() error {
	if o.Store == nil || o.Keys == nil {
		return errors.New("rotation: no store or no master keys")
	}
	for _, p := range o.Buckets {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("bad bucket pattern %q", p)
		}
	}
	if o.Concurrency < 0 {
		return errors.New("the concurrency is negative")
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.KMS != nil {
		o.KMS = patient{o.KMS}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// realm is the name that the objects of a bucket are bound to.
func (o *Options) realm(bucket string) string {
	if r := o.Realms[bucket]; r != "" {
		return r
	}
	return bucket
}

// wants reports whether the objects of a bucket are meant.
func (o *Options) wants(bucket string) bool {
	if bucket == o.SystemBucket {
		return false
	}
	if len(o.Buckets) == 0 {
		return true
	}
	for _, p := range o.Buckets {
		if ok, err := path.Match(p, bucket); err == nil && ok {
			return true
		}
	}
	return false
}
