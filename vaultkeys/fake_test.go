package vaultkeys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake answers like Vault as far as sessions and faults go, without a network, so
// that it works with the time of testing/synctest. Real keys are tested with a
// real Vault. Its fields may be set before use, and under its lock later.
type fake struct {
	mu       sync.Mutex
	requests []string // "METHOD path" of all, for counting
	logins   int
	valid    map[string]time.Time // tokens, and when they end; zero is never

	lease     time.Duration // of tokens from logins and after renewals; 0 is endless
	renewable bool
	maxTTL    time.Duration // of tokens from a login; 0 is endless

	// fault, if it is not nil, may answer instead.
	fault func(w http.ResponseWriter, r *http.Request) (answered bool)

	first map[string]time.Time // when tokens were issued
	last  *http.Request
	body  []byte // of the last request
}

// RoundTrip implements http.RoundTripper.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f.serve(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+path)
	f.last, f.body = r, nil
	if r.Body != nil {
		f.body, _ = io.ReadAll(r.Body)
	}
	fault := f.fault
	f.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasSuffix(path, "/login") {
		f.logins++
		token := fmt.Sprintf("token-%d", f.logins)
		f.issue(token)
		f.auth(w, token)
		return
	}
	token := r.Header.Get("X-Vault-Token")
	end, ok := f.valid[token]
	if !ok || !end.IsZero() && !time.Now().Before(end) {
		fail(w, http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
		return
	}
	switch path {
	case "auth/token/lookup-self":
		ttl := 0
		if !end.IsZero() {
			ttl = int(time.Until(end).Seconds())
		}
		reply(w, fmt.Sprintf(`{"data":{"ttl":%d,"renewable":%v}}`, ttl, f.renewable))
	case "auth/token/renew-self":
		f.issue(token)
		f.auth(w, token)
	case "sys/capabilities-self":
		reply(w, `{"data":{"capabilities":["deny"]}}`)
	case "transit/encrypt/key":
		reply(w, `{"request_id":"r1","data":{"ciphertext":"vault:v3:AAAA","key_version":3}}`)
	default:
		fail(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	}
}

// issue makes a token valid for another lease, up to its maximum.
func (f *fake) issue(token string) {
	now := time.Now()
	if f.valid == nil {
		f.valid, f.first = make(map[string]time.Time), make(map[string]time.Time)
	}
	if _, ok := f.first[token]; !ok {
		f.first[token] = now
	}
	if f.lease == 0 {
		f.valid[token] = time.Time{}
		return
	}
	end := now.Add(f.lease)
	if last := f.first[token].Add(f.maxTTL); f.maxTTL > 0 && end.After(last) {
		end = last
	}
	f.valid[token] = end
}

// auth answers with a token that was issued.
func (f *fake) auth(w http.ResponseWriter, token string) {
	ttl := 0
	if end := f.valid[token]; !end.IsZero() {
		ttl = int(time.Until(end).Seconds())
	}
	reply(w, fmt.Sprintf(`{"auth":{"client_token":%q,"lease_duration":%d,"renewable":%v}}`, token, ttl, f.renewable))
}

// set changes the fake while it is in use.
func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// revoke makes all tokens invalid.
func (f *fake) revoke() { f.set(func(f *fake) { clear(f.valid) }) }

// count returns how many requests had the given suffix.
func (f *fake) count(suffix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if strings.HasSuffix(r, suffix) {
			n++
		}
	}
	return n
}

func reply(w http.ResponseWriter, body string) { _, _ = io.WriteString(w, body) }

// fail answers as Vault does with an error.
func fail(w http.ResponseWriter, status int, messages ...string) {
	w.WriteHeader(status)
	if messages == nil {
		messages = []string{}
	}
	_ = json.NewEncoder(w).Encode(map[string][]string{"errors": messages})
}

// always answers everything with one error.
func always(status int, message string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		fail(w, status, message)
		return true
	}
}

// open returns a Transit before f and what it logs.
func open(t testing.TB, f http.RoundTripper, auth Auth) (*Transit, *logs) {
	t.Helper()
	out := new(logs)
	tr, err := New(Config{
		Address: "https://vault.test:8200", Namespace: "team/a", Auth: auth, Transport: f,
		Logger: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr, out
}

// logs is what was logged.
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

// appRole is a login with fixed secrets.
func appRole() Auth { return AppRole("", "role", Value("the-secret-id")) }
