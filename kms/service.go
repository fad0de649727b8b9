package kms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Defaults of Options.
const (
	DefaultCacheSize     = 10_000
	DefaultCacheTTL      = 5 * time.Minute
	DefaultBucketKeyTTL  = 5 * time.Minute
	DefaultBucketKeyUses = 1 << 20
	DefaultTimeout       = 30 * time.Second

	// MaxBucketKeyUses bounds Options.BucketKeyUses: the data keys that one
	// KEK may seal (FORMAT.md, "Key-encryption keys").
	MaxBucketKeyUses = 1 << 24
)

// Options configure a Service. The zero value of every field but Provider
// stands for its default.
type Options struct {
	// Provider has the keys. Required.
	Provider Provider

	// CacheSize bounds the unwrapped KEKs in memory, and separately the bucket
	// keys. Default: DefaultCacheSize.
	CacheSize int

	// CacheTTL is how long an unwrapped KEK is remembered, from the moment
	// when the service unwrapped it; uses do not prolong it. A key that was
	// disabled is used no longer than this. Negative remembers nothing.
	// Default: DefaultCacheTTL.
	CacheTTL time.Duration

	// BucketKeyTTL is how long one KEK serves the new objects of a bucket.
	// Default: DefaultBucketKeyTTL.
	BucketKeyTTL time.Duration

	// BucketKeyUses is how many objects it serves, at most MaxBucketKeyUses.
	// Default: DefaultBucketKeyUses.
	BucketKeyUses int64

	// Timeout bounds every call to the provider. Default: DefaultTimeout.
	Timeout time.Duration

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Audit gets an Event for every use of a key, on the goroutine of the
	// caller, before the method returns. It must not block and may be called
	// concurrently. Default: none.
	Audit func(Event)
}

// Service hands out key-encryption keys. It is safe for concurrent use.
type Service struct {
	opts Options

	unwrapped  *cache // nil if nothing is remembered
	bucketKeys *cache
	flights    singleflight.Group

	// ctx outlives the requests: calls that several of them wait for run under it.
	ctx    context.Context
	cancel context.CancelFunc
}

// KEK is a key-encryption key for a new object.
type KEK struct {
	Key     encryptor.Key
	Wrapped []byte // as stored with the object; not to be changed
	Version int    // version of the key that it is wrapped under; 0 if unknown
}

// New makes a service. It does not contact the provider. The service must be
// closed.
func New(opts Options) (*Service, error) {
	if opts.Provider == nil {
		return nil, errors.New("kms: no provider")
	}
	setDefault(&opts.CacheSize, DefaultCacheSize)
	setDefault(&opts.CacheTTL, DefaultCacheTTL)
	setDefault(&opts.BucketKeyTTL, DefaultBucketKeyTTL)
	setDefault(&opts.BucketKeyUses, DefaultBucketKeyUses)
	setDefault(&opts.Timeout, DefaultTimeout)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	switch {
	case opts.CacheSize < 0:
		return nil, errors.New("kms: the size of the cache is negative")
	case opts.BucketKeyTTL < 0:
		return nil, errors.New("kms: the time to live of bucket keys is negative")
	case opts.Timeout < 0:
		return nil, errors.New("kms: the timeout is negative")
	case opts.BucketKeyUses < 1 || opts.BucketKeyUses > MaxBucketKeyUses:
		return nil, fmt.Errorf("kms: a bucket key may serve 1 to %d objects", MaxBucketKeyUses)
	}
	s := &Service{opts: opts, bucketKeys: newCache(opts.CacheSize, opts.BucketKeyTTL, opts.Now)}
	if opts.CacheTTL > 0 {
		s.unwrapped = newCache(opts.CacheSize, opts.CacheTTL, opts.Now)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// setDefault sets *v to d if it is zero.
func setDefault[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// Close forgets every key and ends calls that are under way. Callers get
// ErrUnavailable from then on. It does not close the provider.
func (s *Service) Close() {
	s.cancel()
	s.bucketKeys.close()
	s.unwrapped.close()
}

// share runs call once for all callers that come with the same id while it is
// under way. It does not end when one of them goes, and runs under the
// service's own context and timeout.
func (s *Service) share(ctx context.Context, id string, call func(context.Context) (secret, error)) (secret, error) {
	results := s.flights.DoChan(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(s.ctx, s.opts.Timeout)
		defer cancel()
		return call(ctx)
	})
	select {
	case <-ctx.Done():
		return secret{}, ctx.Err()
	case r := <-results:
		if r.Err != nil {
			return secret{}, r.Err
		}
		return r.Val.(secret), nil
	}
}

// closed returns an error after Close.
func (s *Service) closed() error {
	if s.ctx.Err() != nil {
		return fmt.Errorf("%w: shutting down", ErrUnavailable)
	}
	return nil
}
