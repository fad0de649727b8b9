package vaultkeys_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

// policies are those that the documentation gives.
func policies(t testing.TB, v *vault.Server, names ...string) []string {
	t.Helper()
	for _, name := range names {
		hcl, err := os.ReadFile(filepath.Join("../../docs/vault", name+".hcl"))
		if err != nil {
			t.Fatal(err)
		}
		v.WritePolicy(t, name, string(hcl))
	}
	return names
}

// token makes a token with policies of the documentation.
func token(t testing.TB, v *vault.Server, names ...string) string {
	t.Helper()
	return v.CreateToken(t, vault.Token{Policies: policies(t, v, names...)})
}

// open returns the keys of v for who logs in like that. Nothing that it logs may
// have a secret in it.
func open(t testing.TB, v *vault.Server, auth vaultkeys.Auth, secrets ...string) *vaultkeys.Transit {
	t.Helper()
	var out logs
	transport := &http.Transport{TLSClientConfig: v.TLSConfig(t)}
	k, err := vaultkeys.New(vaultkeys.Config{
		Address: v.URL, Auth: auth, Transport: transport, Timeout: 20 * time.Second,
		Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Close()
		transport.CloseIdleConnections()
		for _, s := range append(secrets, v.RootToken, "hvs.") {
			if strings.Contains(out.String(), s) {
				t.Errorf("a secret was logged:\n%s", out.String())
			}
		}
	})
	return k
}

// withToken returns the keys of v for a token with policies of the documentation.
func withToken(t testing.TB, v *vault.Server, names ...string) *vaultkeys.Transit {
	t.Helper()
	return open(t, v, vaultkeys.Token(vaultkeys.Value(token(t, v, names...))))
}

type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var number atomic.Int64

// newName returns a name that no key has, which begins with prefix.
func newName(prefix string) string { return fmt.Sprintf("%s%d", prefix, number.Add(1)) }

// newKey makes a key that the documented policies allow.
func newKey(t testing.TB, v *vault.Server) string {
	t.Helper()
	name := newName("s3-key-")
	v.CreateKey(t, name, false)
	return name
}

// wraps returns a new key and what the provider makes of it.
func wraps(t testing.TB, k kms.Provider, key string) (encryptor.Key, kms.Wrapped) {
	t.Helper()
	kek := encryptor.NewKey()
	w, err := k.Wrap(t.Context(), key, kek, nil)
	if err != nil {
		t.Fatalf("Wrap: %v", err)
	}
	return kek, w
}

// unwraps fails the test if wrapped does not unwrap to kek.
func unwraps(t testing.TB, k kms.Provider, key string, kek encryptor.Key, wrapped []byte) {
	t.Helper()
	got, _, err := k.Unwrap(t.Context(), key, wrapped, nil)
	if err != nil || !got.Equal(kek) {
		t.Fatalf("Unwrap: the right key: %v, %v", got.Equal(kek), err)
	}
}

// works fails the test if the key cannot be used.
func works(t testing.TB, k kms.Provider, key string) {
	t.Helper()
	kek, w := wraps(t, k, key)
	unwraps(t, k, key, kek, w.Ciphertext)
}

// eventually polls until ok or for a minute.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
