package rotation

import (
	"context"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// maxPause bounds how long a key service is left alone before it is asked again.
const maxPause = 30 * time.Second

// patient asks a key service again when that may help, as Client does with the
// store: a job goes on for hours and does not fail because a service was away
// for a moment, or wants fewer requests.
type patient struct{ KeyService }

// Generate implements KeyService.
func (p patient) Generate(ctx context.Context, u kms.Use, key string, encContext []byte, bucketKey bool) (kms.KEK, error) {
	return patiently(ctx, func() (kms.KEK, error) { return p.KeyService.Generate(ctx, u, key, encContext, bucketKey) })
}

// Unwrap implements KeyService.
func (p patient) Unwrap(ctx context.Context, u kms.Use, key string, wrapped, encContext []byte) (encryptor.Key, error) {
	return patiently(ctx, func() (encryptor.Key, error) { return p.KeyService.Unwrap(ctx, u, key, wrapped, encContext) })
}

// Rewrap implements KeyService.
func (p patient) Rewrap(ctx context.Context, u kms.Use, key string, items []kms.Item) ([]kms.Rewrapped, error) {
	return patiently(ctx, func() ([]kms.Rewrapped, error) { return p.KeyService.Rewrap(ctx, u, key, items) })
}

// Describe implements KeyService.
func (p patient) Describe(ctx context.Context, u kms.Use, key string) (kms.KeyInfo, error) {
	return patiently(ctx, func() (kms.KeyInfo, error) { return p.KeyService.Describe(ctx, u, key) })
}

// patiently calls until the answer will not be better the next time.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := call()
		if !away(err) || attempt == attempts {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(min(kms.RetryAfter(err), maxPause)):
		}
	}
}

// away reports whether an error means that the key service does not work at
// present, which concerns all objects and not the one that it was asked for.
func away(err error) bool { return kms.RetryAfter(err) > 0 }
