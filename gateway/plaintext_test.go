package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"
)

// TestPlaintextRanges reads the last bytes of objects that are not encrypted.
// Before the store has said that one is not, the gateway asks for a range of
// ciphertext, which may begin beyond all that there is.
func TestPlaintextRanges(t *testing.T) {
	m := newMultiBench(t, 1, func(cfg *Config) { cfg.PlaintextReads = []string{"bucket"} })
	get := func(header ...string) reply { return m.do(http.MethodGet, "/bucket/old", nil, header...) }
	for _, size := range []int{1, 100, 64<<10 + 1, 4<<20 + 900, 12<<20 + 3000} {
		body := bytesOf(size, 3)
		o := m.store.object(http.Header{}, body)
		m.store.buckets["bucket"]["old"] = o
		for _, last := range []int{1, 7, 50, 900, 3000, 64 << 10} {
			off := size - last
			if off < 0 {
				continue
			}
			for _, end := range []string{"", strconv.Itoa(size - 1), strconv.Itoa(size + 50<<20)} {
				rng := fmt.Sprintf("bytes=%d-%s", off, end)
				r := get("Range", rng, "If-Range", quote(o.etag))
				if r.status != http.StatusPartialContent || !bytes.Equal(r.body, body[off:]) {
					t.Errorf("%s of %d: %d, %d bytes", rng, size, r.status, len(r.body))
				}
				if got, want := r.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", off, size-1, size); got != want {
					t.Errorf("%s of %d: Content-Range %q, want %q", rng, size, got, want)
				}
			}
		}
		last := fmt.Sprintf("bytes=%d-", size-1)
		for status, header := range map[int][]string{
			http.StatusOK:                           {"If-Range", `"another"`},
			http.StatusNotModified:                  {"If-None-Match", quote(o.etag)},
			http.StatusPreconditionFailed:           {"If-Match", `"another"`},
			http.StatusRequestedRangeNotSatisfiable: {"Range", fmt.Sprintf("bytes=%d-", size)},
		} {
			if r := get(append([]string{"Range", last}, header...)...); r.status != status {
				t.Errorf("%s of %d with %s: %d, want %d", last, size, header, r.status, status)
			}
		}
	}
}

// TestEncryptedObjectsEndIsNoPlaintext asks for such a range of an object that
// has lost its envelope.
func TestEncryptedObjectsEndIsNoPlaintext(t *testing.T) {
	m := newMultiBench(t, 1, func(cfg *Config) { cfg.PlaintextReads = []string{"bucket"} })
	m.must(http.MethodPut, "/bucket/key", bytesOf(100, 1))
	o := m.store.buckets["bucket"]["key"]
	o.header = http.Header{}
	r := m.do(http.MethodGet, "/bucket/key", nil, "Range", fmt.Sprintf("bytes=%d-", len(o.body)-1))
	if r.code() != "InvalidObjectState" {
		t.Errorf("the last byte: %d %s", r.status, r.body)
	}
}
