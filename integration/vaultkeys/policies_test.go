package vaultkeys_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// What the policies of the documentation allow.
func TestPolicies(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	key := newKey(t, v)
	kek, w := wraps(t, withToken(t, v, "gateway"), key)
	for name, may := range map[string]struct{ wrap, unwrap, rewrap bool }{
		"gateway": {wrap: true, unwrap: true},
		"ingest":  {wrap: true},
		"reader":  {unwrap: true},
		"rewrap":  {rewrap: true},
	} {
		t.Run(name, func(t *testing.T) {
			k := withToken(t, v, name)
			check := func(what string, ok bool, err error) {
				t.Helper()
				if ok && err != nil || !ok && !errors.Is(err, kms.ErrAccessDenied) {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err := k.Wrap(t.Context(), key, kek, nil)
			check("Wrap", may.wrap, err)
			_, _, err = k.Unwrap(t.Context(), key, w.Ciphertext, nil)
			check("Unwrap", may.unwrap, err)
			_, err = k.Rewrap(t.Context(), key, []kms.Item{{Wrapped: w.Ciphertext}})
			check("Rewrap", may.rewrap, err)
			_, err = k.Describe(t.Context(), key)
			check("Describe", may.rewrap, err)
		})
	}
}

// Using the name of a key never makes one, whatever the token may do.
func TestNoKeyIsMade(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	v.WritePolicy(t, "careless", `path "transit/*" { capabilities = ["create", "read", "update", "delete", "list"] }`)
	v.WritePolicy(t, "create", `path "transit/encrypt/*" { capabilities = ["create"] }`)
	tokens := map[string]string{
		"root":         v.RootToken,
		"everything":   v.CreateToken(t, vault.Token{Policies: []string{"careless"}}),
		"only create":  v.CreateToken(t, vault.Token{Policies: []string{"create"}}),
		"as it should": token(t, v, "gateway"),
	}
	for name, tok := range tokens {
		t.Run(name, func(t *testing.T) {
			k := open(t, v, vaultkeys.Token(vaultkeys.Value(tok)))
			for _, encContext := range []string{"", `{"a":"b"}`} {
				key := newName("s3-missing-")
				if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), []byte(encContext)); !errors.Is(err, kms.ErrKeyNotFound) {
					t.Errorf("Wrap: %v", err)
				}
				absent(t, v, key)
			}
		})
	}
}

// Without the policy that Vault gives to every token, the program can neither
// renew the token nor ask what it may do. Keys work all the same.
func TestWithoutDefaultPolicy(t *testing.T) {
	t.Parallel()
	v := vault.Start(t, vault.Options{})
	key := newKey(t, v)
	v.Admin(t, "POST", "auth/approle/role/bare", map[string]any{
		"token_policies": policies(t, v, "gateway"), "token_no_default_policy": true, "token_ttl": "1h",
	})
	id, _ := v.Admin(t, "GET", "auth/approle/role/bare/role-id", nil)["role_id"].(string)
	secret, _ := v.Admin(t, "POST", "auth/approle/role/bare/secret-id", nil)["secret_id"].(string)
	k := open(t, v, vaultkeys.AppRole("", id, vaultkeys.Value(secret)), secret)
	works(t, k, key)
	for range 5 {
		if _, err := k.Wrap(t.Context(), newName("denied-"), encryptor.NewKey(), nil); !errors.Is(err, kms.ErrAccessDenied) {
			t.Errorf("Wrap: %v", err)
		}
		if _, err := k.Wrap(t.Context(), newName("s3-missing-"), encryptor.NewKey(), nil); !errors.Is(err, kms.ErrAccessDenied) {
			t.Errorf("Wrap with no key: %v", err)
		}
	}
	v.RevokeLogins(t, "approle")
	works(t, k, key)
	if n := v.Count("auth/approle/login"); n != 2 {
		t.Errorf("%d logins", n)
	}
}

// Keys of other types.
func TestKeyTypes(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	k := withToken(t, v, "gateway")
	for kind, want := range map[string]error{
		"aes128-gcm96": nil, "aes256-gcm96": nil, "chacha20-poly1305": nil,
		"rsa-2048": kms.ErrKeyState, "rsa-4096": kms.ErrKeyState, // what they make is too large
		"ed25519": kms.ErrKeyState, "ecdsa-p256": kms.ErrKeyState, "hmac": kms.ErrKeyState, // they sign
	} {
		t.Run(kind, func(t *testing.T) {
			key := newName("s3-key-")
			body := map[string]any{"type": kind}
			if kind == "hmac" {
				body["key_size"] = 32
			}
			v.Admin(t, "POST", "transit/keys/"+key, body)
			kek := encryptor.NewKey()
			w, err := k.Wrap(t.Context(), key, kek, nil)
			if !errors.Is(err, want) {
				t.Fatalf("Wrap: %v", err)
			}
			if err == nil {
				unwraps(t, k, key, kek, w.Ciphertext)
			}
		})
	}
}

// Not being allowed to use a key is no reason to log in again.
func TestDeniedDoesNotLogIn(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	role := v.CreateAppRole(t, "gateway", vault.Token{Policies: policies(t, v, "gateway"), TTL: time.Hour})
	k := open(t, v, vaultkeys.AppRole("", role.RoleID, vaultkeys.Value(role.SecretID)), role.SecretID)
	denied := newName("denied-")
	v.CreateKey(t, denied, false)
	for range 20 {
		if _, err := k.Wrap(t.Context(), denied, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrAccessDenied) {
			t.Errorf("Wrap: %v", err)
		}
	}
	if n := v.Count("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}
