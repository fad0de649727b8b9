package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMetadataNames looks at the names of user metadata as they go over the
// wire: Amazon S3 writes them in lower case, and SDKs make keys of them.
func TestMetadataNames(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.must(http.MethodPut, "/bucket/key", []byte("some text"), "X-Amz-Meta-Foo-Bar", "BaR", "x-amz-meta-a_b.C", "1")
	want := http.Header{"x-amz-meta-foo-bar": {"BaR"}, "x-amz-meta-a_b.c": {"1"}}
	for name, r := range map[string]reply{
		"GET":   m.must(http.MethodGet, "/bucket/key", nil),
		"HEAD":  m.must(http.MethodHead, "/bucket/key", nil),
		"range": m.must(http.MethodGet, "/bucket/key", nil, "Range", "bytes=1-2"),
		"part":  m.must(http.MethodGet, "/bucket/key?partNumber=1", nil),
	} {
		if diff := cmp.Diff(want, metadataOf(r.header)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestErrorWithoutMetadata: what was to be said of an object is not said with
// the error that its body turns out to be.
func TestErrorWithoutMetadata(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.must(http.MethodPut, "/bucket/key", []byte("some text"), "X-Amz-Meta-Colour", "blue")
	o := m.store.buckets["bucket"]["key"]
	o.body = slices.Clone(o.body)
	o.body[60] ^= 1
	r := m.do(http.MethodGet, "/bucket/key", nil)
	if r.code() != "InvalidObjectState" {
		t.Errorf("GET: %d %s", r.status, r.body)
	}
	if got := metadataOf(r.header); len(got) != 0 {
		t.Errorf("the error comes with %v", got)
	}
}

func metadataOf(h http.Header) http.Header {
	found := http.Header{}
	for name, values := range h {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-meta-") {
			found[name] = values
		}
	}
	return found
}
