package kms_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// both runs a test for the two calls that callers share. get is a function
// that gets a key from f, which always needs the provider when it is called.
func both(t *testing.T, test func(t *testing.T, f *fixture, get func(context.Context) (encryptor.Key, error))) {
	t.Run("Generate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil)
			test(t, f, func(ctx context.Context) (encryptor.Key, error) {
				kek, err := f.Generate(ctx, kms.Use{Bucket: "b"}, "key", nil, true)
				return kek.Key, err
			})
		})
	})
	t.Run("Unwrap", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil)
			wrapped := f.generate(t, false).Wrapped
			test(t, f, func(ctx context.Context) (encryptor.Key, error) {
				return f.Unwrap(ctx, kms.Use{}, "key", wrapped, nil)
			})
		})
	})
}

func TestCallersShareACall(t *testing.T) {
	both(t, func(t *testing.T, f *fixture, get func(context.Context) (encryptor.Key, error)) {
		calls := f.memory.TotalCalls()
		release := make(chan struct{})
		f.memory.Before = func(context.Context, string, string) error { <-release; return nil }
		keys := make([]encryptor.Key, 50)
		var wg sync.WaitGroup
		for i := range keys {
			wg.Go(func() {
				var err error
				if keys[i], err = get(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		for _, k := range keys {
			if k.IsZero() || !k.Equal(keys[0]) {
				t.Error("another key")
			}
		}
		if n := f.memory.TotalCalls() - calls; n != 1 {
			t.Errorf("%d calls", n)
		}
		for _, e := range f.takeEvents()[:1] {
			if e.CacheHit || e.VaultRequestID == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// The first caller goes away while others wait for the call that it began.
func TestCallerGoes(t *testing.T) {
	both(t, func(t *testing.T, f *fixture, get func(context.Context) (encryptor.Key, error)) {
		release := make(chan struct{})
		f.memory.Before = func(ctx context.Context, _, _ string) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone, stayed := make(chan error, 1), make(chan error, 1)
		go func() { _, err := get(ctx); gone <- err }()
		synctest.Wait()
		go func() { _, err := get(t.Context()); stayed <- err }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("who has gone gets %v", err)
		}
		close(release)
		if err := <-stayed; err != nil {
			t.Errorf("who has stayed gets %v", err)
		}
	})
}

func TestProviderHangs(t *testing.T) {
	both(t, func(t *testing.T, f *fixture, get func(context.Context) (encryptor.Key, error)) {
		f.memory.Before = func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }
		_, err := get(t.Context())
		if !errors.Is(err, kms.ErrUnavailable) || kms.RetryAfter(err) <= 0 {
			t.Errorf("shared: %v", err)
		}
		if _, err = f.Generate(t.Context(), kms.Use{}, "key", nil, false); !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("alone: %v", err)
		}
		f.memory.Before = nil
		if _, err = get(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// Many callers over a time during which calls begin and end: still one call.
func TestCallersOverTime(t *testing.T) {
	f := newFixture(t, nil)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				f.unwraps(t, f.generate(t, true))
			}
		})
	}
	wg.Wait()
	f.called(t, 1, 0)
}
