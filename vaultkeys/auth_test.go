package vaultkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

func TestLoginRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		auth Auth
		path string
		body map[string]string
	}{
		"AppRole":         {AppRole("", "r", Value("s")), "auth/approle/login", map[string]string{"role_id": "r", "secret_id": "s"}},
		"AppRole at":      {AppRole("a/b", "r", Value("s")), "auth/a/b/login", map[string]string{"role_id": "r", "secret_id": "s"}},
		"Kubernetes":      {Kubernetes("", "r", Value("j.w.t")), "auth/kubernetes/login", map[string]string{"role": "r", "jwt": "j.w.t"}},
		"Kubernetes at":   {Kubernetes("k8s", "r", Value("j.w.t")), "auth/k8s/login", map[string]string{"role": "r", "jwt": "j.w.t"}},
		"token":           {Token(Value("t")), "auth/token/lookup-self", nil},
		"token of a file": {Token(File(writeFile(t, " t\n"))), "auth/token/lookup-self", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			f.issue("t")
			tr, _ := open(t, f, tt.auth)
			f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
				if len(f.requests) > 1 {
					return false
				}
				var body map[string]string
				_ = json.Unmarshal(f.body, &body)
				if path := strings.TrimPrefix(r.URL.Path, "/v1/"); path != tt.path || !cmp.Equal(body, tt.body) {
					t.Errorf("%s %s", path, f.body)
				}
				if r.Header.Get("X-Vault-Namespace") != "team/a" || r.Header.Get("X-Vault-Request") != "true" {
					t.Errorf("header %v", r.Header)
				}
				return false
			}
			works(t, tr)
		})
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadSecrets(t *testing.T) {
	const secret = "hvs.secret"
	for name, s := range map[string]Secret{
		"none":       nil,
		"empty":      Value(""),
		"space":      Value(secret + " x"),
		"line":       Value(secret + "\r\nX-Evil: 1"),
		"not ASCII":  Value(secret + "é"),
		"no file":    File(filepath.Join(t.TempDir(), "missing")),
		"directory":  File(t.TempDir()),
		"empty file": File(writeFile(t, " \n")),
		"large file": File(writeFile(t, strings.Repeat("x", maxSecretSize+1))),
		"error":      func() (string, error) { return "", errors.New("does not work") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, auth := range []Auth{Token(s), AppRole("", "r", s), Kubernetes("", "r", s)} {
				f := &fake{}
				tr, out := open(t, f, auth)
				err := use(t, tr)
				if !errors.Is(err, kms.ErrUnavailable) || f.count("") != 0 {
					t.Errorf("%v, %d requests", err, f.count(""))
				}
				if text := fmt.Sprint(err, out); strings.Contains(text, secret) {
					t.Errorf("it shows the secret: %s", text)
				}
			}
		})
	}
}

// A file may be as large as the limit.
func TestLargeSecret(t *testing.T) {
	want := strings.Repeat("x", maxSecretSize)
	if got, err := File(writeFile(t, want))(); err != nil || got != want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// The file gets another token before the old one ends, as by Vault Agent.
func TestTokenFileIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.issue("first")
		f.issue("second")
		path := writeFile(t, "first")
		tr, _ := open(t, f, Token(File(path)))
		works(t, tr)
		time.Sleep(time.Minute)
		for _, text := range []string{"second", ""} { // nothing: the file is being written
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(checkInterval)
			works(t, tr)
			if token := f.last.Header.Get("X-Vault-Token"); token != "second" {
				t.Errorf("used %q", token)
			}
		}
	})
}

// The token is revoked, and some time later the file gets another one.
func TestTokenFileIsReplacedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.issue("first")
		path := writeFile(t, "first")
		tr, _ := open(t, f, Token(File(path)))
		works(t, tr)
		f.revoke()
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			unavailable(t, tr)
			time.Sleep(time.Second)
		}
		if n := f.count("lookup-self"); n > 30 {
			t.Errorf("the old token was tried %d times", n)
		}
		f.set(func(f *fake) { f.issue("second") })
		if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkInterval)
		works(t, tr)
	})
}

// A token whose policies allow no more than encrypting.
func TestTokenWithoutLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fault: faultAt("-self", 403, "permission denied")}
		f.issue("t")
		tr, _ := open(t, f, Token(Value("t")))
		works(t, tr)
		time.Sleep(24 * time.Hour)
		works(t, tr)
		if n := f.count("-self"); n != 1 {
			t.Errorf("%d requests about the token", n)
		}
	})
}

// A token that somebody else has obtained is kept alive, up to its maximum.
func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour, renewable: true, maxTTL: 10 * time.Hour}
		f.issue("t")
		tr, _ := open(t, f, Token(Value("t")))
		works(t, tr)
		time.Sleep(10*time.Hour - time.Minute)
		works(t, tr)
		if n := f.count("renew-self"); n < 14 || n > 30 {
			t.Errorf("%d renewals", n)
		}
		time.Sleep(time.Minute)
		unavailable(t, tr)
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour, renewable: true, fault: faultAt("renew-self", 403, "permission denied")}
		f.issue("t")
		tr, _ := open(t, f, Token(Value("t")))
		works(t, tr)
		time.Sleep(time.Hour - time.Minute)
		works(t, tr)
		if n := f.count("renew-self"); n != 1 {
			t.Errorf("%d renewals", n)
		}
	})
}

func TestAuthDoesNotShowItself(t *testing.T) {
	const secret = "hvs.secret"
	f := &fake{}
	f.issue(secret)
	for _, auth := range []Auth{Token(Value(secret)), AppRole("", "r", Value(secret)), Kubernetes("", "r", Value(secret))} {
		tr, out := open(t, f, auth)
		works(t, tr)
		token, err := tr.session.token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			for _, v := range []any{auth, &auth, auth.method, tr, *tr, tr.session, &tr.session.grant, tr.session.grant, Config{Auth: auth}} {
				s := fmt.Sprintf(verb, v)
				for _, not := range []string{secret, fmt.Sprintf("%x", secret), token, fmt.Sprintf("%x", token)} {
					if strings.Contains(s, not) {
						t.Errorf("%s of a %T: %s", verb, v, s)
					}
				}
			}
		}
		if s := out.String(); strings.Contains(s, secret) || strings.Contains(s, token) {
			t.Errorf("logged: %s", s)
		}
	}
}
