package gateway

import (
	"bytes"
	"net/http"
	"testing"
)

// TestUploadDuringSelfCopy has an upload come after an object has been read that
// is copied onto itself, encrypted anew. It is the upload that is copied then.
func TestUploadDuringSelfCopy(t *testing.T) {
	for _, server := range []string{"", minIO} {
		for _, size := range []int{1000, 2 << 20} { // held in memory, and not
			m := newMultiBench(t, 1, nil)
			m.store.server = server
			m.must(http.MethodPut, "/bucket/key", bytesOf(size, 1))
			came := false
			m.store.after = func(r *http.Request) error {
				if r.Method == http.MethodGet && r.URL.Path == "/bucket/key" && r.Header.Get("If-Match") != "" && !came {
					came = true
					m.must(http.MethodPut, "/bucket/key", bytesOf(size, 2))
				}
				return nil
			}
			m.must(http.MethodPut, "/bucket/key", nil,
				"X-Amz-Copy-Source", "/bucket/key", "X-Amz-Server-Side-Encryption", "AES256", "X-Amz-Checksum-Algorithm", "SHA256")
			r := m.must(http.MethodGet, "/bucket/key", nil, "X-Amz-Checksum-Mode", "ENABLED")
			if !bytes.Equal(r.body, bytesOf(size, 2)) || r.header.Get("X-Amz-Checksum-Sha256") == "" || !came {
				t.Errorf("%q, %d bytes: %v", server, size, r.header)
			}
		}
	}
}
