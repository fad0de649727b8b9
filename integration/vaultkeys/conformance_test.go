package vaultkeys_test

import (
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
)

func TestConformance(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	for name, derived := range map[string]bool{"plain keys": false, "derived keys": true} {
		t.Run(name, func(t *testing.T) {
			kmstest.Conformance(t, func(t *testing.T) kmstest.Fixture {
				f := kmstest.Fixture{
					Provider: withToken(t, v, "gateway", "rewrap"),
					Key:      newName("s3-key-"), Other: newName("s3-other-"), Missing: newName("s3-missing-"),
					Bound: newName("s3-bound-"), Denied: newName("denied-"),
					Rotate: func(t *testing.T, key string) { v.RotateKey(t, key) },
					Retire: func(t *testing.T, key string, before int) { v.SetMinDecryptionVersion(t, key, before) },
					Unavailable: func(t *testing.T) func() {
						v.Seal(t)
						return func() { v.Unseal(t) }
					},
				}
				v.CreateKey(t, f.Key, derived)
				v.CreateKey(t, f.Other, derived)
				v.CreateKey(t, f.Bound, true)
				v.CreateKey(t, f.Denied, derived)
				t.Cleanup(func() { absent(t, v, f.Missing) })
				return f
			})
		})
	}
}

// absent fails the test if there is such a key.
func absent(t *testing.T, v *vault.Server, key string) {
	t.Helper()
	if a := v.Do(t, v.RootToken, "GET", "transit/keys/"+key, nil); a.Status != 404 {
		t.Errorf("there is a key %s: %d", key, a.Status)
	}
}
