package objects_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// testEarlyError refuses uploads before their body has been read: clients that
// are still sending must see the error, not a broken connection.
func testEarlyError(t *testing.T, e *endpoint) {
	for range 10 {
		hr, body := request{
			method: http.MethodPut, key: "early", body: plain(frame), mode: sigv4.PayloadUnsigned, header: headers("If-Match", "*"),
		}.build(t, e)
		hr.Body, hr.ContentLength = newBody(body), int64(len(body))
		resp, err := e.http.Do(hr)
		if err != nil {
			t.Error(err)
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotImplemented || err != nil {
			t.Errorf("status %d, %v", resp.StatusCode, err)
		}
	}
}
