package copies_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestAtAnotherStore does the essential with a store that has no extensions to
// the API, and not all of it.
func TestAtAnotherStore(t *testing.T) {
	e := startAt(t, store.VersityGW(t), nil)
	for _, n := range []int{0, 100, 2 << 20} {
		e.Put(t, e.bucket, "source", plain(n), described...)
		for _, to := range modes()[1:] {
			a := e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("source"), to.write...))
			get := e.Get(t, e.bucket, "copy", to.read...)
			if !bytes.Equal(get.Body, plain(n)) || parseCopy(t, a).ETag != get.Header.Get("Etag") {
				t.Errorf("%s, %d bytes: status %d, %d bytes, ETag %s; the copy said %s", to.name, n, get.Status, len(get.Body), get.Header.Get("Etag"), a.Body)
			}
			if diff := cmp.Diff(pairs(described), description(get.Header)); diff != "" {
				t.Errorf("%s, %d bytes (-want +got):\n%s", to.name, n, diff)
			}
		}
		e.Expect(t, http.StatusOK, copyRequest(e.bucket, "source", e.name("source"), append([]string{"X-Amz-Metadata-Directive", "REPLACE"}, replaced...)...))
		e.Expect(t, http.StatusOK, update(e.bucket, "source", "", keyARN+"b"))
		get := e.Get(t, e.bucket, "source")
		if !bytes.Equal(get.Body, plain(n)) || get.Header.Get(keyID) != keyARN+"b" {
			t.Errorf("%d bytes: status %d, %d bytes, %v", n, get.Status, len(get.Body), get.Header)
		}
		// VersityGW keeps what the object had before besides.
		if at := get.Header.Get("X-Amz-Meta-Shape"); at != "round" {
			t.Errorf("%d bytes: %v", n, get.Header)
		}
	}
}
