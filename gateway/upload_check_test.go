package gateway

import (
	"net/http"
	"strings"
	"testing"
)

// TestUploadsAreCompared checks that the store is told the CRC of everything
// that is encrypted before it gets any of it, and what it may not be told.
func TestUploadsAreCompared(t *testing.T) {
	for _, integrity := range []Integrity{IntegrityChecksum, IntegrityNone} {
		m := newMultiBench(t, 1, func(c *Config) { c.Upstream.Integrity = integrity })
		var uploads, told int
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method == http.MethodPut && r.ContentLength > 0 && (!strings.HasPrefix(r.URL.Path, "/"+defaultSystem) || strings.Contains(r.URL.Path, "/stash/")) {
				uploads++
				if r.Header.Get(StoreChecksum) != "" {
					told++
				}
				if got := r.Header.Get("X-Amz-Content-Sha256"); got != "UNSIGNED-PAYLOAD" {
					t.Errorf("%s: payload hash %s", r.URL, got)
				}
			}
			return nil
		}
		u := m.create("k", testModes[0])
		for i, size := range []int{mib5, mib5 + 1, 100} {
			u.mustPut(i+1, bytesOf(size, i))
		}
		u.mustComplete()
		u.check()
		for _, size := range []int{0, 1, 1000, 2 << 20} {
			if r := m.do(http.MethodPut, "/bucket/single", bytesOf(size, 7)); !r.ok() {
				t.Errorf("%d bytes: %d %s", size, r.status, r.body)
			}
		}
		want := 0
		if integrity == IntegrityChecksum {
			want = uploads
		}
		if uploads != 8 || told != want {
			t.Errorf("%s: the store was told the CRC of %d of %d uploads", integrity, told, uploads)
		}
	}
}

// TestIntegrityChangedDuringUpload has a part wait without a check and
// completes the upload after the configuration asks for one.
func TestIntegrityChangedDuringUpload(t *testing.T) {
	for first, then := range map[Integrity]Integrity{IntegrityChecksum: IntegrityNone, IntegrityNone: IntegrityChecksum} {
		m := newMultiBench(t, 1, func(c *Config) { c.Upstream.Integrity = first })
		u := m.create("k", testModes[0])
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(100, 2))
		m.gateways[0].cfg.Upstream.Integrity = then
		u.mustComplete()
		u.check()
	}
}
