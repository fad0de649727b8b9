package vaultkeys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// What answers mean, for encrypt, decrypt, rewrap and keys.
func TestClasses(t *testing.T) {
	all := func(err error) [4]error { return [4]error{err, err, err, err} }
	vault := func(s string) string { return fmt.Sprintf(`{"errors":[%q]}`, s) }
	for name, tt := range map[string]struct {
		status       int
		header, body string
		want         [4]error
		after        time.Duration
	}{
		"no such key":        {400, "", vault("encryption key not found"), all(kms.ErrKeyNotFound), 0},
		"would be created":   {400, "", vault("unknown key type none"), all(kms.ErrKeyNotFound), 0},
		"nothing to read":    {404, "", `{"errors":[]}`, all(kms.ErrKeyNotFound), 0},
		"no such engine":     {404, "", vault(`no handler for route "transit/encrypt/key"`), all(kms.ErrUnavailable), time.Second},
		"too old":            {400, "", vault("ciphertext or signature version is disallowed by policy (too old)"), all(kms.ErrKeyState), 0},
		"wrong kind":         {400, "", vault("message encryption not supported for key type ed25519"), all(kms.ErrKeyState), 0},
		"soft-deleted":       {400, "", vault("unable to use soft-deleted key"), all(kms.ErrKeyState), 0},
		"does not decrypt":   {400, "", vault("cipher: message authentication failed"), [4]error{kms.ErrKeyState, kms.ErrCiphertext, kms.ErrCiphertext, kms.ErrKeyState}, 0},
		"denied":             {403, "", vault("1 error occurred:\n\t* permission denied\n\n"), all(kms.ErrAccessDenied), 0},
		"throttled":          {429, "Retry-After: 7", vault("rate limit quota exceeded"), all(kms.ErrThrottled), 7 * time.Second},
		"throttled by proxy": {429, "", "", all(kms.ErrThrottled), time.Second},
		"sealed":             {503, "", vault("Vault is sealed"), all(kms.ErrUnavailable), time.Second},
		"broken":             {500, "", vault("1 error occurred"), all(kms.ErrUnavailable), time.Second},
		"behind":             {412, "Retry-After: 2", vault("required index state not present"), all(kms.ErrUnavailable), 2 * time.Second},
		"bad gateway":        {502, "Retry-After: soon", "<html>", all(kms.ErrUnavailable), time.Second},
		"not Vault, 400":     {400, "", "Client sent an HTTP request to an HTTPS server.\n", all(kms.ErrUnavailable), time.Second},
		"not Vault, 403":     {403, "", `{"message":"forbidden"}`, all(kms.ErrUnavailable), time.Second},
		"not Vault, 404":     {404, "", "404 page not found", all(kms.ErrUnavailable), time.Second},
		"garbage":            {200, "", "<html>", all(kms.ErrUnavailable), time.Second},
		"nothing":            {200, "", "", all(kms.ErrUnavailable), time.Second},
		"no content":         {204, "", "", all(kms.ErrUnavailable), time.Second},
		"no data":            {200, "", "{}", all(kms.ErrUnavailable), time.Second},
		"null":               {200, "", `{"data":null}`, [4]error{kms.ErrUnavailable, kms.ErrCiphertext, kms.ErrUnavailable, kms.ErrUnavailable}, 0},
		"other types":        {200, "", `{"data":{"ciphertext":1,"plaintext":{},"batch_results":"","latest_version":"1"}}`, all(kms.ErrUnavailable), time.Second},
		"other results":      {200, "", `{"data":{"ciphertext":"","plaintext":"%","batch_results":[],"latest_version":0}}`, all(kms.ErrUnavailable), time.Second},
		"too much":           {200, "", `{"x":"` + strings.Repeat("x", maxAnswer+maxItemAnswer) + `"}`, all(kms.ErrUnavailable), time.Second},
		"too much, 400":      {400, "", vault(strings.Repeat("x", maxAnswer+maxItemAnswer)), all(kms.ErrUnavailable), time.Second},
		"a redirect":         {307, "Location: http://vault.test/v1/x", "", all(kms.ErrUnavailable), time.Second},
		"a strange status":   {299, "", "{}", all(kms.ErrUnavailable), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			f := canned(tt.status, tt.header, tt.body)
			tr, _ := open(t, f, appRole())
			got := operations(t, tr)
			for i, operation := range []string{"encrypt", "decrypt", "rewrap", "keys"} {
				err := got[operation]
				if !errors.Is(err, tt.want[i]) {
					t.Errorf("%s: %v, want %v", operation, err, tt.want[i])
				}
				if tt.after > 0 && kms.RetryAfter(err) != tt.after {
					t.Errorf("%s: try again after %v", operation, kms.RetryAfter(err))
				}
				if len(err.Error()) > 600 {
					t.Errorf("%s: the error has %d bytes", operation, len(err.Error()))
				}
			}
			if f.count("/login") != 1 {
				t.Errorf("%d logins", f.count("/login"))
			}
		})
	}
}

// Encrypting under a key that does not exist is denied to those who may not
// create it, though they may encrypt.
func TestDeniedOrMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"may not":       {200, `{"data":{"capabilities":["deny"]}}`, kms.ErrAccessDenied},
		"may read":      {200, `{"data":{"capabilities":["read"]}}`, kms.ErrAccessDenied},
		"may encrypt":   {200, `{"data":{"capabilities":["update"]}}`, kms.ErrKeyNotFound},
		"may not ask":   {403, `{"errors":["permission denied"]}`, kms.ErrAccessDenied},
		"no answer":     {500, ``, kms.ErrAccessDenied},
		"other answers": {200, `{"data":[]}`, kms.ErrAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{fault: func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/capabilities-self") {
					return false
				}
				w.WriteHeader(tt.status)
				reply(w, tt.body)
				return true
			}}
			tr, _ := open(t, f, appRole())
			for range 10 {
				if _, err := tr.Wrap(t.Context(), "missing", encryptor.NewKey(), nil); !errors.Is(err, tt.want) {
					t.Errorf("Wrap: %v", err)
				}
				if _, _, err := tr.Unwrap(t.Context(), "missing", []byte("vault:v1:AAAA"), nil); !errors.Is(err, kms.ErrAccessDenied) {
					t.Errorf("Unwrap: %v", err)
				}
			}
			if f.count("/login") != 1 {
				t.Errorf("%d logins", f.count("/login"))
			}
		})
	}
}

// A server that says nothing about the token and denies everything: it is worth
// another login, but rarely.
func TestDeniesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fault: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("X-Vault-Token") == "" {
				return false
			}
			fail(w, http.StatusForbidden, "permission denied")
			return true
		}}
		tr, _ := open(t, f, appRole())
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			if use(t, tr) == nil {
				t.Fatal("it works")
			}
			time.Sleep(time.Second)
		}
		if f.count("/login") < 5 || f.count("/login") > 11 {
			t.Errorf("%d logins", f.count("/login"))
		}
		f.set(func(f *fake) { f.fault = nil })
		works(t, tr)
	})
}

// Whoever answers repeats everything that it was sent, in every field.
func TestEchoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "the-secret-id"
		var echo bool
		f := &fake{}
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !echo && strings.HasSuffix(r.URL.Path, "/login") {
				return false
			}
			fail(w, http.StatusBadRequest, string(f.body), fmt.Sprint(r.Header))
			return true
		}
		key := encryptor.NewKey()
		tr, out := open(t, f, appRole())
		_, err := tr.Wrap(t.Context(), "key", key, nil)
		_, _, err2 := tr.Unwrap(t.Context(), "key", []byte("vault:v1:AAAA"), nil)
		f.revoke()
		echo = true
		time.Sleep(time.Minute)
		tr.session.reject("token-1")
		err3 := use(t, tr)
		text := fmt.Sprintln(err, err2, err3, out)
		for _, not := range []string{secret, "token-1", base64.StdEncoding.EncodeToString(key[:])} {
			if strings.Contains(text, not) {
				t.Errorf("%q is in %s", not, text)
			}
		}
		if !strings.Contains(text, "[redacted]") {
			t.Errorf("nothing was repeated: %s", text)
		}
	})
}

func TestRedirects(t *testing.T) {
	var hops int
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hops++; hops%2 == 0 && strings.HasSuffix(r.URL.Path, "/twice") {
			w.Header().Set("Location", r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Vault-Token") != "t" || len(body) == 0 {
			t.Errorf("header %v, body %s", r.Header, body)
		}
		reply(w, `{"data":{"ciphertext":"vault:v3:AAAA"}}`)
	}))
	defer target.Close()
	standby := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "-self") {
			reply(w, `{"data":{}}`)
			return
		}
		w.Header().Set("Location", target.URL+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	plain, tls := httptest.NewServer(http.HandlerFunc(standby)), httptest.NewTLSServer(http.HandlerFunc(standby))
	defer plain.Close()
	defer tls.Close()
	for _, tt := range []struct {
		server *httptest.Server
		key    string
		ok     bool
	}{{plain, "key", true}, {plain, "twice", true}, {plain, "twice", false}, {tls, "key", false}} {
		hops = 0
		if !tt.ok {
			hops = 1
		}
		tr, err := New(Config{Address: tt.server.URL, Auth: Token(Value("t")), Transport: tt.server.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.Wrap(t.Context(), tt.key, encryptor.NewKey(), nil)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("%s %s: %v", tt.server.URL, tt.key, err)
		}
		tr.Close()
	}
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		f.set(func(f *fake) {
			f.fault = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
		})
		start := time.Now()
		unavailable(t, tr)
		if d := time.Since(start); d != DefaultTimeout {
			t.Errorf("after %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tr.Wrap(ctx, "key", encryptor.NewKey(), nil); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("the caller's own limit: %v", err)
		}
	})
}
