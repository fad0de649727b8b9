package caddymodule

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var oddMetadata = http.Header{
	"X-Amz-Meta-File_name": {"a"},
	"X-Amz-Meta-V1.2":      {"b"},
	"X-Amz-Meta-A_b.c":     {"c"},
	"X-Amz-Meta-Plain":     {"d"},
}

// TestMetadataNames stores metadata whose names Caddy removes and, since they
// are signed, would otherwise make every such request fail.
func TestMetadataNames(t *testing.T) {
	secretEnv(t)
	certificate := newCertificate(t)
	store := newFakeStore(t)
	configs := map[string]string{
		"direct": directive("upstream " + store.URL),
		"reverse_proxy": directive("store_host store.internal") +
			"reverse_proxy " + store.host() + "\n",
		"two handlers": "handle /other/* {\n" + directive("upstream "+store.URL) + "}\nhandle {\n" +
			directive("upstream "+store.URL) + "}\n",
	}
	for name, body := range configs {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				js := siteJSON(t, "", "https://:8080 {\ntls "+certificate+"\n"+body+"}\n")
				url := "https://" + load(t, js) + "/bucket/key"
				transport := &http.Transport{
					TLSClientConfig:   &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}, //nolint:gosec // a test's own server
					ForceAttemptHTTP2: protocol == "HTTP/2.0",
				}
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport}

				resp, _ := mustDo(t, client, http.MethodPut, url, "data", oddMetadata)
				if resp.Proto != protocol {
					t.Fatalf("protocol %s, want %s", resp.Proto, protocol)
				}
				resp, _ = mustDo(t, client, http.MethodGet, url, "", nil)
				stored := store.object(t, "/bucket/key").header
				for name, want := range oddMetadata {
					for where, h := range map[string]http.Header{"stored": stored, "returned": resp.Header} {
						if diff := cmp.Diff(want, h[name]); diff != "" {
							t.Errorf("%s %s: %s", name, where, diff)
						}
					}
				}
			})
		}
	}
}

// TestMetadataKeeper checks that nothing else is kept, and nothing removed.
func TestMetadataKeeper(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "/", nil)
	r.Header = http.Header{
		"X_evil":               {"1"},
		"X-Evil.dot":           {"1"},
		"X-Amz-Meta_evil":      {"1"},
		"X-Amz-Meta-Plain":     {"1"},
		"X-Amz-Meta-File_name": {"1", "2"},
	}
	before := r.Header.Clone()
	var kept http.Header
	metadataKeeper{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		kept, _ = r.Context().Value(keptKey{}).(http.Header)
		if diff := cmp.Diff(before, r.Header); diff != "" {
			t.Error(diff)
		}
		r.Header = make(http.Header)
		restoreMetadata(r)
		if diff := cmp.Diff(http.Header{"X-Amz-Meta-File_name": {"1", "2"}}, r.Header); diff != "" {
			t.Error(diff)
		}
	})}.ServeHTTP(nil, r)
	if len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
}
