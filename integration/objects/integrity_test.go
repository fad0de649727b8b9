package objects_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// testStoreChecks alters ciphertext on its way to the store, which then must
// not take it.
func testStoreChecks(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		for _, offset := range []int64{200, int64(size)} {
			e.put(t, "altered", plain(33))
			flip := store.FlipByte(offset)
			e.alter.Store(&flip)
			a := e.do(t, request{method: http.MethodPut, key: "altered", body: plain(size), mode: sigv4.PayloadUnsigned})
			if a.status < http.StatusInternalServerError {
				t.Errorf("byte %d of %d: status %d, %s", offset, size, a.status, a.body)
			}
			e.alter.Store(nil)
			if a := e.get(t, http.StatusOK, "altered"); !bytes.Equal(a.body, plain(33)) {
				t.Errorf("byte %d of %d: the object is another one", offset, size)
			}
		}
	}
}

// TestIntegrityNone sends uploads that the store does not check: the gateway
// then finds out when it reads.
func TestIntegrityNone(t *testing.T) {
	each(t, site.Options{Handler: "upstream_integrity none"}, func(t *testing.T, e *endpoint) {
		for _, size := range []int{0, 100, streamed, frame + 1} {
			e.roundTrip(t, size, sigv4.PayloadUnsigned)
		}
		for _, x := range e.proxy.Exchanges() {
			if x.Method == http.MethodPut && x.Header.Get("X-Amz-Content-Sha256") != sigv4.UnsignedPayload {
				t.Errorf("uploaded with %v", x.Header)
			}
		}
		for _, size := range []int{100, streamed} {
			flip := store.FlipByte(120)
			e.alter.Store(&flip)
			e.put(t, "altered", plain(size))
			e.alter.Store(nil)
			a := e.do(t, request{method: http.MethodGet, key: "altered"})
			if a.status == http.StatusOK && a.err == nil {
				t.Errorf("%d altered bytes were given out", len(a.body))
			}
		}
	})
}
