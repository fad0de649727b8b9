package objects_test

import (
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

const origin = "https://app.example.com"

// TestCrossOrigin sends what a browser sends for a page of another origin.
// MinIO lets every origin do everything unless it is told otherwise.
func TestCrossOrigin(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.proxy.Reset()

	ask, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, e.URL+"/"+e.bucket+"/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header = headers("Origin", origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type,x-amz-date")
	resp, err := e.http.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Access-Control-Allow-Origin") != origin || resp.Header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("preflight: %s %v", resp.Status, resp.Header)
	}
	for _, x := range e.proxy.Exchanges() {
		if x.Header.Get("Authorization") != "" || x.Method != http.MethodOptions {
			t.Errorf("the store got %s %s with authorization %q", x.Method, x.Target, x.Header.Get("Authorization"))
		}
	}

	for name, r := range map[string]request{
		"PUT":     {method: http.MethodPut, key: "k", body: plain(100), header: headers("Origin", origin)},
		"GET":     {method: http.MethodGet, key: "k", header: headers("Origin", origin)},
		"missing": {method: http.MethodGet, key: "missing", header: headers("Origin", origin)},
	} {
		want := http.StatusOK
		if name == "missing" {
			want = http.StatusNotFound
		}
		if name != "PUT" {
			e.expect(t, http.StatusOK, request{method: http.MethodPut, key: "k", body: plain(100)})
		}
		a := e.expect(t, want, r)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("%s: Access-Control-Allow-Origin %q", name, got)
		}
	}
	if a := e.get(t, http.StatusOK, "k"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a request that no page made has been answered as if one had")
	}
}
