package objects_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// sizes are those at which something begins or ends.
var sizes = []int{
	0, 1, 4096, chunk - 1, chunk, chunk + 1, buffered - 1, buffered, buffered + 1, 5 << 20, frame - 1, frame, frame + 1,
}

// testRoundTrip writes and reads objects of every size and in every way to
// send them, with exactly one request to the store for each operation.
func testRoundTrip(t *testing.T, e *endpoint) {
	for _, size := range sizes {
		for _, mode := range modes {
			// How the body came makes no difference behind the gateway.
			everything := e.onMinIO() && !e.through && (size < streamed || size == frame+1)
			if !everything && mode != sigv4.PayloadUnsigned {
				continue
			}
			t.Run(fmt.Sprintf("%d bytes, %s", size, mode), func(t *testing.T) { e.roundTrip(t, size, mode) })
		}
	}
}

func (e *endpoint) roundTrip(t *testing.T, size int, mode sigv4.PayloadMode) {
	key := fmt.Sprintf("dir/%d/%s é+%%2F &", size, mode)
	body := plain(size)
	e.proxy.Reset()
	put := e.expect(t, http.StatusOK, request{method: http.MethodPut, key: key, body: body, mode: mode})
	get := e.get(t, http.StatusOK, key)
	head := e.head(t, http.StatusOK, key)
	var methods []string
	for _, x := range e.proxy.Exchanges() {
		methods = append(methods, x.Method)
	}
	if diff := cmp.Diff([]string{"PUT", "GET", "HEAD"}, methods); diff != "" {
		t.Errorf("requests to the store (-want +got):\n%s", diff)
	}
	if !bytes.Equal(get.body, body) {
		t.Errorf("read %d other bytes", len(get.body))
	}
	for name, a := range map[string]answer{"GET": get, "HEAD": head} {
		if got := a.header.Get("Content-Length"); got != strconv.Itoa(size) {
			t.Errorf("%s: Content-Length %s", name, got)
		}
		if a.header.Get("Etag") != put.header.Get("Etag") {
			t.Errorf("%s: ETag %s, on PUT %s", name, a.header.Get("Etag"), put.header.Get("Etag"))
		}
		if a.header.Get("Accept-Ranges") != "bytes" || a.header.Get("Last-Modified") == "" {
			t.Errorf("%s: header %v", name, a.header)
		}
	}
	for name, a := range map[string]answer{"PUT": put, "GET": get, "HEAD": head} {
		if got := a.header.Get("X-Amz-Server-Side-Encryption"); got != "AES256" {
			t.Errorf("%s: encryption %q", name, got)
		}
	}
	e.checkStored(t, key, body)
}

// checkStored looks at what the store holds of an object.
func (e *endpoint) checkStored(t *testing.T, key string, body []byte) {
	t.Helper()
	stored := e.Store.Read(t, e.bucket, key).Body
	if !bytes.HasPrefix(stored, []byte("S3SE")) {
		t.Errorf("the stored object begins with %.8q", stored)
	}
	if want := encryptor.StoredSize(int64(len(body))); int64(len(stored)) != want {
		t.Errorf("the store holds %d bytes, want %d", len(stored), want)
	}
	for _, i := range []int{0, len(body) / 2, len(body) - 16} {
		if len(body) >= 4096 && bytes.Contains(stored, body[i:][:16]) {
			t.Errorf("the store holds plaintext from offset %d", i)
		}
	}
}
