package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// TestHostsOfOthers names buckets by the host that the client has no right to:
// what counts is the bucket, however it is named.
func TestHostsOfOthers(t *testing.T) {
	m := newMultiBench(t, 1, func(c *Config) {
		c.VirtualHosts = []string{"s3.example.com", "internal.s3.example.com"}
		c.PublicBuckets = []string{"*"}
		cred := c.Credentials.(*oneCredential).c
		cred.Buckets = []string{"bucket", "caddy-*"}
		c.Credentials = &oneCredential{cred}
	})
	m.store.buckets["private"] = map[string]*fakeObject{}
	u := m.create("object", testModes[0])
	record := uploadID{"bucket", "object", u.id}.dir() + "upload"
	m.store.requests()
	secret, err := sigv4.NewSecret("secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		host, path string
		status     int
	}{
		{"caddy-s3-sse-system.s3.example.com", "/" + record, 403},
		{"CADDY-S3-SSE-system.S3.example.com", "/" + record, 403},
		{"caddy-s3-sse-system.s3.example.com.", "/" + record, 403},
		{"caddy-s3-sse-system.s3.example.com:8443", "/" + record, 403},
		{"caddy-s3-sse-system.internal.s3.example.com", "/" + record, 403},
		{"s3.example.com", "/caddy-s3-sse-system/" + record, 403},
		{"elsewhere.example.org", "/caddy-s3-sse-system/" + record, 403},
		{"bucket.s3.example.com", "/../caddy-s3-sse-system/" + record, 400},
		{"bucket.s3.example.com", "/%2e%2e/caddy-s3-sse-system/" + record, 400},
		{"bucket.s3.example.com", "/..%2Fcaddy-s3-sse-system/" + record, 400},
		{"caddy-s3-sse-system%2fs3.example.com", "/x", 400},
		{"caddy-s3-sse-system..s3.example.com", "/" + record, 400},
		{".s3.example.com", "/caddy-s3-sse-system/" + record, 400},
		{"a_b.s3.example.com", "/caddy-s3-sse-system/" + record, 400},
		{"private.s3.example.com", "/k", 403},
		{"private.s3.example.com", "/", 403},
		{"private.s3.example.com", "/bucket/k", 403},
		{"minio.s3.example.com", "/admin/v3/info", 400},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost} {
			target := tc.path
			if method == http.MethodPost && target == "/" {
				continue // nothing begins there
			}
			if method == http.MethodPost {
				target += "?uploads"
			}
			r := httptest.NewRequest(method, "http://s3.example.com/", nil)
			r.URL.Opaque, r.Host, r.RequestURI = tc.path, tc.host, target
			_, r.URL.RawQuery, _ = strings.Cut(target, "?")
			if method == http.MethodPut {
				r.Header.Set("Content-Length", "0")
			}
			var signer sigv4.Signer
			signer.Sign(r, sigv4.Credential{AccessKey: "client", Secret: secret}, "us-east-1", sigv4.UnsignedPayload, m.now)
			w := httptest.NewRecorder()
			m.gateways[0].Serve(w, r, Inbound{Target: target, Secure: true})
			// Some hosts cannot be signed as they are.
			unsigned := tc.status == http.StatusBadRequest && strings.Contains(w.Body.String(), "SignatureDoesNotMatch")
			if w.Code != tc.status && !unsigned {
				t.Errorf("%s %s%s: %d %s", method, tc.host, target, w.Code, w.Body)
			}
			if tc.status == http.StatusForbidden && !strings.Contains(w.Body.String(), "AccessDenied") {
				t.Errorf("%s %s%s: %s", method, tc.host, target, w.Body)
			}
		}
	}
	if got := m.store.requests(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
}
