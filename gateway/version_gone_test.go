package gateway

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestLatestVersionDeleted deletes the latest version of an object while that
// is read or copied. The one before it is the latest then.
func TestLatestVersionDeleted(t *testing.T) {
	for _, c := range []struct {
		name, method, target string
		header               []string
		want                 int
	}{
		{"read", http.MethodGet, "/bucket/key", nil, 200},
		{"read a range", http.MethodGet, "/bucket/key", []string{"Range", "bytes=10-19"}, 206},
		{"ask about it", http.MethodHead, "/bucket/key", nil, 200},
		{"copy", http.MethodPut, "/bucket/copy", []string{"X-Amz-Copy-Source", "/bucket/key"}, 200},
		{"read that version", http.MethodGet, "/bucket/key?versionId=second", nil, 404},
		{"copy that version", http.MethodPut, "/bucket/copy", []string{"X-Amz-Copy-Source", "/bucket/key?versionId=second"}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMultiBench(t, 2, nil)
			var plain [][]byte
			var versions []*fakeObject
			for i, id := range []string{"first", "second"} {
				u := m.create("key", testModes[0])
				u.mustPut(1, bytesOf(100, i))
				u.mustComplete()
				o := m.store.buckets["bucket"]["key"]
				o.header["X-Amz-Version-Id"] = []string{id}
				plain, versions = append(plain, u.plain()), append(versions, o)
			}
			asked := 0
			m.store.instead = func(r *http.Request) *http.Response {
				source := r.Header.Get("X-Amz-Copy-Source")
				if !strings.Contains(r.URL.RawQuery+source, "versionId=second") {
					if source != "" {
						return fakeAnswer(200, nil, (&s3api.CopyResult{ETag: versions[0].etag}).AppendObjectXML(nil))
					}
					return nil
				}
				if asked++; asked == 1 && strings.HasSuffix(c.name, "that version") {
					return nil // it is still there
				}
				m.store.buckets["bucket"]["key"] = versions[0]
				return fakeError(s3api.ErrNoSuchVersion)
			}
			r := m.do(c.method, c.target, nil, c.header...)
			if r.status != c.want || asked == 0 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			switch c.want {
			case 404:
				if r.code() != "NoSuchVersion" {
					t.Errorf("%s", r.body)
				}
			case 206:
				plain[0] = plain[0][10:20]
				fallthrough
			default:
				if c.method == http.MethodGet && !bytes.Equal(r.body, plain[0]) {
					t.Error("another version is read")
				}
			}
		})
	}
}
