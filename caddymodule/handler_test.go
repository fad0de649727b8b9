package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

// Both ways to the store, and where the directive may stand.
func sites(store *fakeStore) map[string]string {
	direct := directive("upstream " + store.URL)
	next := directive("store_host store.internal:9000")
	return map[string]string{
		"direct":              "http://:8080 {\n" + direct + "}\n",
		"reverse_proxy":       "http://:8080 {\n" + next + "reverse_proxy " + store.host() + "\n}\n",
		"handle":              "http://:8080 {\nhandle {\nreverse_proxy " + store.host() + "\n}\n" + next + "}\n",
		"handle by path":      "http://:8080 {\n@store path /bucket/* /caddy-s3-sse-system/*\nhandle @store {\nreverse_proxy " + store.host() + "\n}\nhandle {\nrespond 404\n}\n" + next + "}\n",
		"direct with proxy":   "http://:8080 {\n" + direct + "reverse_proxy " + store.host() + "\n}\n",
		"direct with rewrite": "http://:8080 {\nuri strip_prefix /bucket\n" + direct + "}\n",
	}
}

func TestObjectsAreEncrypted(t *testing.T) {
	secretEnv(t)
	store := newFakeStore(t)
	plaintext := strings.Repeat("something to be kept secret. ", 10000)
	for name, config := range sites(store) {
		t.Run(name, func(t *testing.T) {
			url := "http://" + load(t, siteJSON(t, "", config)) + "/bucket/a%20key"
			mustDo(t, http.DefaultClient, http.MethodPut, url, plaintext, nil)

			o := store.object(t, "/bucket/a key")
			stored, err := os.ReadFile(o.file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(stored), "secret") || !strings.HasPrefix(string(stored), "S3SE") {
				t.Error("the stored object is not encrypted")
			}
			want := store.host()
			if !strings.Contains(config, "upstream "+store.URL) {
				want = "store.internal:9000"
			}
			if o.host != want {
				t.Errorf("Host at the store: %q, want %q", o.host, want)
			}
			resp, got := mustDo(t, http.DefaultClient, http.MethodGet, url, "", nil)
			if got != plaintext || resp.ContentLength != int64(len(plaintext)) {
				t.Errorf("got %d bytes, Content-Length %d, want %d", len(got), resp.ContentLength, len(plaintext))
			}
			resp, _ = mustDo(t, http.DefaultClient, http.MethodHead, url, "", nil)
			if resp.ContentLength != int64(len(plaintext)) {
				t.Errorf("HEAD: Content-Length %d, want %d", resp.ContentLength, len(plaintext))
			}
		})
	}
}

// TestTamperedObject checks that a download that goes bad does not look
// complete, on the connection and in the metrics.
func TestTamperedObject(t *testing.T) {
	secretEnv(t)
	store := newFakeStore(t)
	plaintext := strings.Repeat("x", 4<<20)
	for name, config := range sites(store) {
		t.Run(name, func(t *testing.T) {
			url := "http://" + load(t, siteJSON(t, "", config)) + "/bucket/key"
			mustDo(t, http.DefaultClient, http.MethodPut, url, plaintext, nil)
			file := store.object(t, "/bucket/key").file
			stored, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			stored[3<<20] ^= 1
			if err := os.WriteFile(file, stored, 0o600); err != nil {
				t.Fatal(err)
			}
			aborted := testutil.ToFloat64(collectors.aborted.WithLabelValues("GetObject"))
			tampered := testutil.ToFloat64(collectors.tampered.WithLabelValues("GetObject"))

			r := newRequest(t, http.MethodGet, url, nil, 0, nil)
			r.Close = true
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || n >= 3<<20 {
				t.Errorf("got %d bytes, %v", n, err)
			}
			eventually(t, "not counted", func() bool {
				return testutil.ToFloat64(collectors.aborted.WithLabelValues("GetObject")) == aborted+1 &&
					testutil.ToFloat64(collectors.tampered.WithLabelValues("GetObject")) == tampered+1
			})
		})
	}
}

// TestNoStore checks that clients get an S3 error when the store cannot be
// reached, and never a success.
func TestNoStore(t *testing.T) {
	secretEnv(t)
	for name, config := range map[string]string{
		"direct":           directive("upstream http://127.0.0.1:1"),
		"reverse_proxy":    directive("store_host store.internal") + "reverse_proxy 127.0.0.1:1\n",
		"no reverse_proxy": directive("store_host store.internal"),
	} {
		t.Run(name, func(t *testing.T) {
			base := "http://" + load(t, siteJSON(t, "", "http://:8080 {\n"+config+"}\n"))
			// So large that the connection must be closed with much of it unread:
			// the client has to learn why all the same.
			for range 20 {
				const size = 4 << 20
				resp, err := http.DefaultClient.Do(newRequest(t, http.MethodPut, base+"/bucket/key", strings.NewReader(strings.Repeat("x", size)), size, nil))
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("PUT: %s", resp.Status)
				}
			}
			resp, body := do(t, http.DefaultClient, http.MethodGet, base+"/bucket/key", "", nil)
			if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "<Code>ServiceUnavailable</Code>") {
				t.Errorf("GET: %s: %s", resp.Status, body)
			}
		})
	}
}

func TestOriginalTarget(t *testing.T) {
	for _, test := range []struct{ target, want string }{
		{"/", "/"},
		{"/bucket/a%2Fb//c?x=1&y", "/bucket/a%2Fb//c?x=1&y"},
		{"http://s3.example.com/bucket/a%2Fb?x", "/bucket/a%2Fb?x"},
		{"HTTPS://s3.example.com:8443/bucket", "/bucket"},
		{"http://s3.example.com", "/"},
		{"http://s3.example.com?x=/y", "/?x=/y"},
		{"/http://s3.example.com/", "/http://s3.example.com/"},
		{"*", "*"},
	} {
		r := &http.Request{RequestURI: test.target}
		if got := originalTarget(r); got != test.want {
			t.Errorf("%s: %s, want %s", test.target, got, test.want)
		}
		r = r.WithContext(context.WithValue(t.Context(), caddyhttp.OriginalRequestCtxKey, http.Request{RequestURI: test.target}))
		r.RequestURI = "/rewritten"
		if got := originalTarget(r); got != test.want {
			t.Errorf("%s, rewritten: %s, want %s", test.target, got, test.want)
		}
	}
}

// panicking is a gateway that has sent a header and then finds a mistake.
type panicking struct{ v any }

func (p panicking) Serve(_ http.ResponseWriter, _ *http.Request, in gateway.Inbound) {
	in.Outcome.Operation, in.Outcome.AccessKey, in.Outcome.Aborted = "PutObject", "AKIDALICE", true
	panic(p.v)
}

func (p panicking) Close() {}

// TestPanics checks that panics reach the server as they are, and are counted
// and logged none the less.
func TestPanics(t *testing.T) {
	for _, v := range []any{http.ErrAbortHandler, "bug"} {
		repl := caddy.NewReplacer()
		r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodPut, "/b/k", nil), repl, httptest.NewRecorder(), &caddyhttp.Server{})
		before := testutil.ToFloat64(collectors.aborted.WithLabelValues("PutObject"))
		h := &Handler{Upstream: "http://store", gateway: panicking{v}, metrics: collectors, logger: zap.NewNop()}
		func() {
			defer func() {
				if got := recover(); got != v {
					t.Errorf("recovered %v, want %v", got, v)
				}
			}()
			_ = h.ServeHTTP(httptest.NewRecorder(), r, nil)
			t.Error("no panic")
		}()
		if got := testutil.ToFloat64(collectors.aborted.WithLabelValues("PutObject")); got != before+1 {
			t.Errorf("counted %v, want %v", got, before+1)
		}
		if id, _ := repl.GetString("http.auth.user.id"); id != "AKIDALICE" {
			t.Errorf("user id %q", id)
		}
	}
}
