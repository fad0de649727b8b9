package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadAgainForgetsHeader replaces an object while the store begins to
// answer, so that it gives the metadata of the old one and the body of the new
// one, as MinIO does without a lock. Nothing that is said of the old one may be
// in the answer about the new one.
func TestReadAgainForgetsHeader(t *testing.T) {
	sum := sha256.Sum256(bytesOf(1000, 1))
	for _, rng := range []string{"", "bytes=5-"} {
		m := newMultiBench(t, 1, nil)
		m.must(http.MethodPut, "/bucket/key", bytesOf(1000, 1),
			"X-Amz-Meta-Old", "yes", "X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
		old := m.store.buckets["bucket"]["key"]
		m.must(http.MethodPut, "/bucket/key", bytesOf(1000, 2))
		now := m.store.buckets["bucket"]["key"]

		m.store.instead = func(r *http.Request) *http.Response {
			m.store.instead = nil
			return (&fakeObject{header: old.header, body: now.body, etag: old.etag, at: old.at}).get(r)
		}
		header := []string{"X-Amz-Checksum-Mode", "ENABLED"}
		want := bytesOf(1000, 2)
		if rng != "" {
			header, want = append(header, "Range", rng), want[5:]
		}
		got := m.do(http.MethodGet, "/bucket/key", nil, header...)
		if !got.ok() || !bytes.Equal(got.body, want) {
			t.Fatalf("%q: %d %s", rng, got.status, got.code())
		}
		again := m.must(http.MethodGet, "/bucket/key", nil, header...)
		for _, r := range []reply{got, again} {
			delete(r.header, "X-Amz-Request-Id")
		}
		if diff := cmp.Diff(again.header, got.header); diff != "" {
			t.Errorf("%q: header (-want +got):\n%s", rng, diff)
		}
	}
}
