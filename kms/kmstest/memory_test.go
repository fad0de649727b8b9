package kmstest_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
)

func TestMemory(t *testing.T) {
	kmstest.Conformance(t, func(*testing.T) kmstest.Fixture {
		var down atomic.Bool
		m := kmstest.NewMemory("key", "other", "denied")
		m.SetState("denied", kms.ErrAccessDenied)
		m.Before = func(context.Context, string, string) error {
			if down.Load() {
				return fmt.Errorf("%w: in this test", kms.ErrUnavailable)
			}
			return nil
		}
		return kmstest.Fixture{
			Provider: m, Key: "key", Other: "other", Missing: "missing", Bound: "other", Denied: "denied",
			Rotate: func(_ *testing.T, key string) { m.Rotate(key) },
			Retire: func(_ *testing.T, key string, before int) { m.SetMinDecryptionVersion(key, before) },
			Unavailable: func(*testing.T) func() {
				down.Store(true)
				return func() { down.Store(false) }
			},
		}
	})
}
