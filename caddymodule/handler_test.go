package caddymodule

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// Both ways to the store, and where the directive may stand.
func sites(store *fakeStore) map[string]string {
	direct := directive("upstream " + store.URL)
	next := directive("store_host store.internal:9000")
	return map[string]string{
		"direct":              "http://:8080 {\n" + direct + "}\n",
		"reverse_proxy":       "http://:8080 {\n" + next + "reverse_proxy " + store.host() + "\n}\n",
		"handle":              "http://:8080 {\nhandle {\nreverse_proxy " + store.host() + "\n}\n" + next + "}\n",
		"handle_path":         "http://:8080 {\nhandle /bucket/* {\nreverse_proxy " + store.host() + "\n}\nhandle {\nrespond 404\n}\n" + next + "}\n",
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
