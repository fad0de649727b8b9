package vaultkeys_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// withAppRole starts a Vault with a key, for a gateway that logs in by AppRole.
func withAppRole(t *testing.T, issued vault.Token) (*vault.Server, *vaultkeys.Transit, string) {
	t.Helper()
	v := vault.Start(t, vault.Options{})
	issued.Policies = policies(t, v, "gateway")
	role := v.CreateAppRole(t, "gateway", issued)
	return v, open(t, v, vaultkeys.AppRole("", role.RoleID, vaultkeys.Value(role.SecretID)), role.SecretID), newKey(t, v)
}

// unavailable fails the test if the key can be used, or if the error is another
// than that it cannot be used for a while.
func unavailable(t *testing.T, k kms.Provider, key string, wrapped []byte) {
	t.Helper()
	_, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil)
	if !errors.Is(err, kms.ErrUnavailable) || kms.RetryAfter(err) <= 0 {
		t.Errorf("Wrap: %v", err)
	}
	if _, _, err := k.Unwrap(t.Context(), key, wrapped, nil); !errors.Is(err, kms.ErrUnavailable) || kms.RetryAfter(err) <= 0 {
		t.Errorf("Unwrap: %v", err)
	}
}

// recovers waits until the key can be used again.
func recovers(t *testing.T, k kms.Provider, key string, kek encryptor.Key, wrapped []byte) {
	t.Helper()
	eventually(t, "the key", func() bool {
		_, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil)
		return err == nil
	})
	unwraps(t, k, key, kek, wrapped)
}

func TestSealed(t *testing.T) {
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	kek, w := wraps(t, k, key)
	v.Seal(t)
	unavailable(t, k, key, w.Ciphertext)
	v.Unseal(t)
	recovers(t, k, key, kek, w.Ciphertext)
	if n := v.Count("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// Vault dies and comes back: with tokens that are valid still, and after
// they have ended.
func TestDiesAndComesBack(t *testing.T) {
	t.Parallel()
	for name, ttl := range map[string]time.Duration{"before the token ends": time.Hour, "after the token ended": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, k, key := withAppRole(t, vault.Token{TTL: ttl, MaxTTL: ttl})
			kek, w := wraps(t, k, key)
			v.Kill()
			unavailable(t, k, key, w.Ciphertext)
			if ttl < time.Minute {
				time.Sleep(ttl) // the token ends while Vault is away
				unavailable(t, k, key, w.Ciphertext)
			}
			v.Restart(t)
			recovers(t, k, key, kek, w.Ciphertext)
		})
	}
}

// Vault is away when the gateway starts.
func TestStartsWithoutVault(t *testing.T) {
	t.Parallel()
	v := vault.Start(t, vault.Options{})
	role := v.CreateAppRole(t, "gateway", vault.Token{Policies: policies(t, v, "gateway"), TTL: time.Hour})
	key := newKey(t, v)
	kek, w := wraps(t, withToken(t, v, "gateway"), key)
	v.Kill()
	k := open(t, v, vaultkeys.AppRole("", role.RoleID, vaultkeys.Value(role.SecretID)), role.SecretID)
	unavailable(t, k, key, w.Ciphertext)
	v.Restart(t)
	recovers(t, k, key, kek, w.Ciphertext)
}

// Vault does not answer: callers go when their own time is over.
func TestHangs(t *testing.T) {
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	kek, w := wraps(t, k, key)
	release := v.Hold()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := k.Wrap(ctx, key, encryptor.NewKey(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wrap: %v", err)
	}
	release()
	recovers(t, k, key, kek, w.Ciphertext)

	// The provider's own patience, and a slow Vault that is not too slow.
	impatient, err := vaultkeys.New(vaultkeys.Config{
		Address: v.URL, Auth: vaultkeys.Token(vaultkeys.Value(token(t, v, "gateway"))), Timeout: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	release = v.Hold()
	unavailable(t, impatient, key, w.Ciphertext)
	release()
	v.Delay(200 * time.Millisecond)
	works(t, k, key)
}

func TestThrottled(t *testing.T) {
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	kek, w := wraps(t, k, key)
	v.Throttle(t, "transit/", 1)
	var throttled error
	eventually(t, "throttling", func() bool {
		_, _, throttled = k.Unwrap(t.Context(), key, w.Ciphertext, nil)
		return throttled != nil
	})
	if !errors.Is(throttled, kms.ErrThrottled) || kms.RetryAfter(throttled) <= 0 {
		t.Errorf("Unwrap: %v", throttled)
	}
	v.Throttle(t, "transit/", 0)
	recovers(t, k, key, kek, w.Ciphertext)
}

// A revoked token is replaced within the call that finds out.
func TestRevoked(t *testing.T) {
	t.Parallel()
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	kek, w := wraps(t, k, key)
	for range 3 {
		v.RevokeLogins(t, "approle")
		unwraps(t, k, key, kek, w.Ciphertext)
	}
	if n := v.Count("auth/approle/login"); n != 4 {
		t.Errorf("%d logins", n)
	}
}

// Tokens are revoked all the time while many use keys: there is never more than
// one login a second, and everything works when it is over. Vault itself
// counts the logins.
func TestRevokedAllTheTime(t *testing.T) {
	t.Parallel()
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	kek, w := wraps(t, k, key)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _, err := k.Unwrap(ctx, key, w.Ciphertext, nil)
				if err != nil && ctx.Err() == nil && !errors.Is(err, kms.ErrUnavailable) {
					t.Errorf("Unwrap: %v", err)
				}
			}
		})
	}
	for ctx.Err() == nil {
		v.RevokeLogins(t, "approle")
		time.Sleep(20 * time.Millisecond) // Vault has other things to do, too
	}
	wg.Wait()
	unwraps(t, k, key, kek, w.Ciphertext)

	var logins []time.Time
	for _, e := range v.AuditLog(t) {
		if e.Type == "request" && e.Path == "auth/approle/login" {
			logins = append(logins, e.Time)
		}
	}
	if len(logins) < 3 {
		t.Fatalf("%d logins", len(logins))
	}
	// Two may come closer together if the first was longer on its way.
	for i := 2; i < len(logins); i++ {
		if d := logins[i].Sub(logins[i-2]); d < time.Second {
			t.Errorf("three logins within %v", d)
		}
	}
}

// The key goes away while it is in use.
func TestKeyIsDeleted(t *testing.T) {
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	_, w := wraps(t, k, key)
	v.DeleteKey(t, key)
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrKeyNotFound) {
		t.Errorf("Wrap: %v", err)
	}
	if _, _, err := k.Unwrap(t.Context(), key, w.Ciphertext, nil); !errors.Is(err, kms.ErrKeyNotFound) {
		t.Errorf("Unwrap: %v", err)
	}
	absent(t, v, key)
	works(t, k, newKey(t, v))
}
