package vaultkeys_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// write puts text into a file as Vault Agent does: whole or not at all.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestAppRole(t *testing.T) {
	t.Parallel()
	v := vault.Start(t, vault.Options{})
	key := newKey(t, v)
	role := v.CreateAppRole(t, "gateway", vault.Token{Policies: policies(t, v, "gateway"), TTL: time.Hour})
	works(t, open(t, v, vaultkeys.AppRole("", role.RoleID, vaultkeys.Value(role.SecretID)), role.SecretID), key)

	// The secret id is replaced, and only then the tokens of the old one end.
	path := filepath.Join(t.TempDir(), "secret-id")
	write(t, path, role.SecretID+"\n")
	k := open(t, v, vaultkeys.AppRole("approle", role.RoleID, vaultkeys.File(path)), role.SecretID)
	works(t, k, key)
	v.Admin(t, "POST", "auth/approle/role/gateway/secret-id/destroy", map[string]any{"secret_id": role.SecretID})
	works(t, k, key)
	v.RevokeLogins(t, "approle")
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Fatalf("with a secret id that Vault does not know: %v", err)
	}
	write(t, path, v.CreateAppRole(t, "gateway", vault.Token{Policies: []string{"gateway"}, TTL: time.Hour}).SecretID)
	eventually(t, "the new secret id", func() bool {
		_, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil)
		return err == nil
	})
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	v := vault.Start(t, vault.Options{})
	key := newKey(t, v)
	v.CreateKubernetesRole(t, "gateway", "storage", "caddy", vault.Token{Policies: policies(t, v, "gateway"), TTL: time.Hour})
	path, jwt := filepath.Join(t.TempDir(), "token"), v.JWT("storage", "caddy")
	write(t, path, jwt)
	k := open(t, v, vaultkeys.Kubernetes("", "gateway", vaultkeys.File(path)), jwt)
	works(t, k, key)

	// The kubelet replaces the file, and the old token ends.
	v.ForgetJWT(jwt)
	write(t, path, v.JWT("storage", "caddy"))
	v.RevokeLogins(t, "kubernetes")
	works(t, k, key)

	other := v.JWT("storage", "other")
	k = open(t, v, vaultkeys.Kubernetes("kubernetes", "gateway", vaultkeys.Value(other)), other)
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("as another account: %v", err)
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	v := vault.Start(t, vault.Options{})
	key := newKey(t, v)
	first, second := token(t, v, "gateway"), token(t, v, "gateway")
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, first+"\n")
	k := open(t, v, vaultkeys.Token(vaultkeys.File(path)), first, second)
	works(t, k, key)

	write(t, path, second)
	v.RevokeToken(t, first)
	eventually(t, "the new token", func() bool {
		_, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil)
		return err == nil
	})

	v.RevokeToken(t, second)
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("with a revoked token: %v", err)
	}
	write(t, path, token(t, v, "gateway"))
	eventually(t, "the newest token", func() bool {
		_, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil)
		return err == nil
	})
}

// Tokens that live for a few seconds are renewed or replaced, with and without
// anybody using keys.
func TestShortTokens(t *testing.T) {
	t.Parallel()
	const ttl = 3 * time.Second
	for name, tt := range map[string]struct {
		token   vault.Token
		renewed bool
	}{
		"renewable": {vault.Token{TTL: ttl}, true},
		"periodic":  {vault.Token{Period: ttl}, true},
		"maximum":   {vault.Token{TTL: ttl, MaxTTL: ttl}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vault.Start(t, vault.Options{})
			key := newKey(t, v)
			tt.token.Policies = policies(t, v, "gateway")
			role := v.CreateAppRole(t, "gateway", tt.token)
			k := open(t, v, vaultkeys.AppRole("", role.RoleID, vaultkeys.Value(role.SecretID)), role.SecretID)
			works(t, k, key)
			again := "auth/approle/login"
			if tt.renewed {
				again = "auth/token/renew-self"
			}
			v.Proxy.Reset()
			eventually(t, "two renewals", func() bool { return v.Count(again) >= 2 })
			works(t, k, key)
		})
	}
}

func TestTLS(t *testing.T) {
	v := vault.Start(t, vault.Options{ClientCertificate: true})
	key := newKey(t, v)
	works(t, withToken(t, v, "gateway"), key)

	// Without trust in the authority and without a certificate of one's own.
	k, err := vaultkeys.New(vaultkeys.Config{Address: v.URL, Auth: vaultkeys.Token(vaultkeys.Value(v.RootToken))})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Wrap: %v", err)
	}
	config := v.TLSConfig(t)
	config.Certificates = nil
	anonymous := &http.Transport{TLSClientConfig: config}
	defer anonymous.CloseIdleConnections()
	k, err = vaultkeys.New(vaultkeys.Config{Address: v.URL, Auth: vaultkeys.Token(vaultkeys.Value(v.RootToken)), Transport: anonymous})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Wrap(t.Context(), key, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Wrap: %v", err)
	}
}
