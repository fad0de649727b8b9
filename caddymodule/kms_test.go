package caddymodule

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
)

func init() { caddy.RegisterModule(memoryKeys{}) }

// memoryKeys are keys in memory, which all configs of a test share.
type memoryKeys struct {
	kms.Provider `json:"-"`
}

var memory struct {
	mu       sync.Mutex
	provider *kmstest.Memory
}

func (memoryKeys) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.s3_sse.keys.memory", New: func() caddy.Module { return new(memoryKeys) }}
}

func (m *memoryKeys) Provision(caddy.Context) error {
	memory.mu.Lock()
	defer memory.mu.Unlock()
	m.Provider = memory.provider
	return nil
}

func (*memoryKeys) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

// setMemory gives the test keys of its own.
func setMemory(keys ...string) *kmstest.Memory {
	memory.mu.Lock()
	defer memory.mu.Unlock()
	memory.provider = kmstest.NewMemory(keys...)
	return memory.provider
}

// forwarded are the headers of requests over a proxy that speaks TLS, for KMS
// modes. The sites of trusting trust it.
var forwarded = http.Header{"X-Forwarded-Proto": {"https"}}

const trusting = "servers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t}\n"

func kmsHeader(mode, key string) http.Header {
	h := forwarded.Clone()
	h.Set("X-Amz-Server-Side-Encryption", mode)
	if key != "" {
		h.Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", key)
	}
	return h
}

// TestAuditLog sends the audit log to a file of its own, and finds every use of
// a key there, and only there.
func TestAuditLog(t *testing.T) {
	secretEnv(t)
	setMemory("first", "second").SetState("second", kms.ErrKeyDisabled)
	collectors.keyUses.Reset()
	store := newFakeStore(t)
	dir := t.TempDir()
	audit, other := filepath.Join(dir, "audit"), filepath.Join(dir, "other")
	js := siteJSON(t, trusting+"log {\n\t\toutput file "+other+"\n\t\tlevel DEBUG\n\t\texclude http.handlers.s3_sse.audit\n\t}\n"+
		"log audit {\n\t\toutput file "+audit+"\n\t\tinclude http.handlers.s3_sse.audit\n\t}\n",
		"http://:8080 {\n"+directive("upstream "+store.URL, "keys memory", "kms {\n\t\tdefault_key first\n\t}")+"}\n")
	base := "http://" + load(t, js)
	put, _ := mustDo(t, http.DefaultClient, http.MethodPut, base+"/bucket/key", "data", kmsHeader("aws:kms", ""))
	mustDo(t, http.DefaultClient, http.MethodGet, base+"/bucket/key", "", forwarded)
	if resp, body := do(t, http.DefaultClient, http.MethodPut, base+"/bucket/other", "data", kmsHeader("aws:kms", "second")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s: %s", resp.Status, body)
	}
	if id := put.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); id != "arn:aws:kms:us-east-1:000000000000:key/first" {
		t.Errorf("the key is called %q", id)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(audit)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Level, Logger, Msg               string
		TS                               float64
		Action, Result, Key              string
		KeyVersion                       int    `json:"key_version"`
		CacheHit                         bool   `json:"cache_hit"`
		KMSRequestID                     string `json:"kms_request_id"`
		RequestID                        string `json:"request_id"`
		AccessKey                        string `json:"access_key"`
		Operation, Bucket, Object, Error string
	}
	var got []entry
	for line := range strings.Lines(string(data)) {
		var e entry
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Level != "info" || e.Logger != "http.handlers.s3_sse.audit" || e.Msg != "kms key use" || time.Since(time.Unix(int64(e.TS), 0)) > time.Hour ||
			e.AccessKey != "AKIDALICE" || e.Bucket != "bucket" || len(e.RequestID) != 16 {
			t.Errorf("entry %s", line)
		}
		e.Level, e.Logger, e.Msg, e.TS, e.AccessKey, e.Bucket, e.RequestID = "", "", "", 0, "", "", ""
		got = append(got, e)
	}
	want := []entry{
		{Action: "generate", Result: "miss", Key: "first", KeyVersion: 1, KMSRequestID: "memory-Wrap-1", Operation: "PutObject", Object: "key"},
		{Action: "unwrap", Result: "miss", Key: "first", KeyVersion: 1, KMSRequestID: "memory-Unwrap-1", Operation: "GetObject", Object: "key"},
		{Action: "generate", Result: "disabled", Key: "second", Operation: "PutObject", Object: "other", Error: `kms: generate under key "second": kmstest: key "second": the key is disabled`},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("entries %+v, want %+v", got, want)
		}
	}
	if all := readTree(t, dir); strings.Count(all, "kms key use") != len(want) {
		t.Error("the other log has entries of the audit log")
	}
	for result, n := range map[string]float64{"miss": 1, "disabled": 1} {
		if got := testutil.ToFloat64(collectors.keyUses.WithLabelValues("generate", result)); got != n {
			t.Errorf("%v uses with the result %s, want %v", got, result, n)
		}
	}
}

// TestAuditResults has a word for every error.
func TestAuditResults(t *testing.T) {
	seen := make(map[string]bool)
	for _, err := range []error{
		kms.ErrKeyNotFound, kms.ErrKeyDisabled, kms.ErrKeyState, kms.ErrAccessDenied, kms.ErrCiphertext, kms.ErrThrottled, kms.ErrUnavailable,
	} {
		word := auditResult(&kms.Event{Err: err})
		if word == "error" || word == "hit" || word == "miss" || seen[word] {
			t.Errorf("%v is called %q", err, word)
		}
		seen[word] = true
	}
	if got := auditResult(&kms.Event{Err: os.ErrClosed}); got != "error" {
		t.Errorf("another error is called %q", got)
	}
	if got := auditResult(&kms.Event{CacheHit: true}); got != "hit" {
		t.Errorf("a hit is called %q", got)
	}
}

// TestReloadWhileKeyIsFetched loads another config while a request waits for a
// key: it gets it.
func TestReloadWhileKeyIsFetched(t *testing.T) {
	secretEnv(t)
	keys := setMemory("first")
	reached, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	keys.Before = func(context.Context, string, string) error {
		once.Do(func() {
			close(reached)
			<-open
		})
		return nil
	}
	store := newFakeStore(t)
	site := func(options string) []byte {
		return siteJSON(t, trusting, "http://:8080 {\n"+directive("upstream "+store.URL, "keys memory", options)+"}\n")
	}
	base := "http://" + load(t, site(""))
	go func() {
		<-reached
		defer close(open)
		if err := caddy.Load(site("kms {\n\t\tcache_size 5\n\t}"), true); err != nil {
			t.Error(err)
		}
	}()
	mustDo(t, http.DefaultClient, http.MethodPut, base+"/bucket/key", "data", kmsHeader("aws:kms", "first"))
}

// TestKeysAfterTheEnd serves a request whose connection was accepted before its
// config ended.
func TestKeysAfterTheEnd(t *testing.T) {
	secretEnv(t)
	setMemory("first")
	store := newFakeStore(t)
	h := goodHandler()
	h.Upstream, h.KeysRaw = store.URL, json.RawMessage(`{"provider": "memory"}`)
	js, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	mod, err := ctx.LoadModuleByID("http.handlers.s3_sse", js)
	if err != nil {
		t.Fatal(err)
	}
	cancel() // also cleans up
	r := newRequest(t, http.MethodPut, "http://s3.example.com/bucket/key", strings.NewReader("data"), 4, kmsHeader("aws:kms", "first"))
	r.RequestURI, r.TLS = "/bucket/key", new(tls.ConnectionState)
	w := httptest.NewRecorder()
	if err := mod.(*Handler).ServeHTTP(w, r, nil); err != nil || w.Code != http.StatusOK {
		t.Errorf("status %d: %s %v", w.Code, w.Body, err)
	}
}

// TestLease ends what it is on once, some time after the last user has gone.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := 0
		l := &lease{end: func() { ends++ }}
		expect := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			if ends != want {
				t.Fatalf("%s: ended %d times, want %d", when, ends, want)
			}
		}
		one, two := l.use(), l.use()
		one()
		l.close()
		time.Sleep(2 * lateRequests)
		expect(0, "while there is a user")
		two()
		time.Sleep(lateRequests / 2)
		expect(0, "just after the last user")
		late := l.use()
		time.Sleep(2 * lateRequests)
		expect(0, "while there is a late user")
		late()
		time.Sleep(2 * lateRequests)
		expect(1, "later")
		l.use()()
		l.close()
		time.Sleep(2 * lateRequests)
		expect(1, "again")
	})
	(*lease)(nil).use()()
	(*lease)(nil).close()
}

// TestSecure says which requests count as having come over TLS.
func TestSecure(t *testing.T) {
	for _, test := range []struct {
		tls, trusted bool
		proto        []string
		want         bool
	}{
		{tls: true, want: true},
		{tls: true, proto: []string{"http"}, want: true},
		{},
		{proto: []string{"https"}},
		{trusted: true},
		{trusted: true, proto: []string{""}},
		{trusted: true, proto: []string{"http"}},
		{trusted: true, proto: []string{"https"}, want: true},
		{trusted: true, proto: []string{"HTTPS"}, want: true},
		{trusted: true, proto: []string{"https, https"}, want: true},
		{trusted: true, proto: []string{"https", "https"}, want: true},
		{trusted: true, proto: []string{"https, http"}},
		{trusted: true, proto: []string{"http", "https"}},
		{trusted: true, proto: []string{"httpsx"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, test.trusted)
		if test.tls {
			r.TLS = new(tls.ConnectionState)
		}
		r.Header["X-Forwarded-Proto"] = test.proto
		if got := secure(r); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
	if secure(httptest.NewRequest(http.MethodGet, "/", nil)) {
		t.Error("a request without variables is secure")
	}
}
