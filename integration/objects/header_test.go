package objects_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// objectHeaders are headers of an upload and those under which they come back
// from MinIO. Other stores drop some: then they do not come back through the
// gateway either.
var objectHeaders = []struct {
	name string
	set  []string
	want map[string]string
}{
	{name: "nothing", want: map[string]string{"Content-Type": "binary/octet-stream"}},
	{"type", []string{"Content-Type", "text/plain; charset=utf-8"}, map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
	{"encoding", []string{"Content-Encoding", "gzip"}, map[string]string{"Content-Encoding": "gzip"}},
	{"language", []string{"Content-Language", "de-AT, fr"}, map[string]string{"Content-Language": "de-AT, fr"}},
	{"disposition", []string{"Content-Disposition", `attachment; filename="a b.txt"`}, map[string]string{"Content-Disposition": `attachment; filename="a b.txt"`}},
	{"cache", []string{"Cache-Control", "max-age=5, no-transform"}, map[string]string{"Cache-Control": "max-age=5, no-transform"}},
	{"expires", []string{"Expires", "Wed, 01 Dec 2094 16:00:00 GMT"}, map[string]string{"Expires": "Wed, 01 Dec 2094 16:00:00 GMT"}},
	{"storage class", []string{"X-Amz-Storage-Class", "REDUCED_REDUNDANCY"}, map[string]string{"X-Amz-Storage-Class": "REDUCED_REDUNDANCY"}},
	{"standard class", []string{"X-Amz-Storage-Class", "STANDARD"}, map[string]string{"X-Amz-Storage-Class": ""}},
	{"tags", []string{"X-Amz-Tagging", "a=1&b=two%20words"}, map[string]string{"X-Amz-Tagging-Count": "2"}},
	{"acl", []string{"X-Amz-Acl", "private"}, nil},
	{"metadata", []string{"X-Amz-Meta-Colour", "Blue GREEN", "x-amz-meta-empty", "", "X-AMZ-META-upper-CASE", "MiXed"}, map[string]string{
		"X-Amz-Meta-Colour": "Blue GREEN", "X-Amz-Meta-Upper-Case": "MiXed",
	}},
	{"odd names", []string{"X-Amz-Meta-With_underscore", "1", "X-Amz-Meta-With.dot", "2", "X-Amz-Meta-A_b.c-d", "3"}, map[string]string{
		"X-Amz-Meta-With_underscore": "1", "X-Amz-Meta-With.dot": "2", "X-Amz-Meta-A_b.c-D": "3",
	}},
	{"encoded values", []string{"X-Amz-Meta-Word", "=?UTF-8?Q?caf=C3=A9?=", "X-Amz-Meta-Percent", "caf%C3%A9"}, map[string]string{
		"X-Amz-Meta-Word": "=?UTF-8?Q?caf=C3=A9?=", "X-Amz-Meta-Percent": "caf%C3%A9",
	}},
	{"unicode", []string{"X-Amz-Meta-Unicode", "café ☕"}, map[string]string{"X-Amz-Meta-Unicode": "=?UTF-8?q?caf=C3=A9_=E2=98=95?="}},
}

// testHeaders compares what comes back through the gateway with what the
// store itself gives back of the same upload.
func testHeaders(t *testing.T, e *endpoint) {
	direct := &endpoint{Site: e.Site, bucket: e.Store.Bucket(t), http: e.http}
	for _, tc := range objectHeaders {
		key := "headers/" + tc.name
		stored := direct.storeHeaders(t, key, tc.set, tc.want)
		for size, mode := range map[int]sigv4.PayloadMode{100: sigv4.PayloadUnsigned, streamed: sigv4.PayloadChunksTrailer} {
			name := fmt.Sprintf("%s, %d bytes", tc.name, size)
			h := headers(tc.set...)
			if enc := h.Get("Content-Encoding"); enc != "" && mode.Streaming() {
				h.Set("Content-Encoding", enc+",aws-chunked")
			}
			a := e.do(t, request{method: http.MethodPut, key: key, body: plain(size), mode: mode, header: h})
			if a.status != http.StatusOK {
				t.Errorf("%s: PUT: status %d, %s", name, a.status, a.body)
				continue
			}
			for what, a := range map[string]answer{
				"GET":   e.get(t, http.StatusOK, key),
				"HEAD":  e.head(t, http.StatusOK, key),
				"range": e.get(t, http.StatusPartialContent, key, "Range", "bytes=1-2"),
			} {
				if diff := cmp.Diff(stored, objectOnly(a.header, tc.want)); diff != "" {
					t.Errorf("%s: %s (-the store +got):\n%s", name, what, diff)
				}
			}
		}
	}
}

// storeHeaders uploads to the store without the gateway and returns what of it
// comes back.
func (e *endpoint) storeHeaders(t *testing.T, key string, set []string, want map[string]string) map[string]string {
	t.Helper()
	set = append([]string{"Content-Type", "binary/octet-stream"}, set...)
	h := headers()
	for i := 0; i < len(set); i += 2 {
		h.Set(set[i], set[i+1])
	}
	e.direct(t, http.StatusOK, http.MethodPut, key, h)
	got := objectOnly(e.direct(t, http.StatusOK, http.MethodGet, key, nil).header, want)
	for name, value := range want {
		if e.onMinIO() && got[name] != value {
			t.Errorf("%s: the store gives %q back, want %q", name, got[name], value)
		}
	}
	return got
}

// objectOnly returns the headers that belong to the object, and those in want.
func objectOnly(h http.Header, want map[string]string) map[string]string {
	names := map[string]string{
		"Content-Type": "", "Content-Encoding": "", "Content-Language": "", "Content-Disposition": "", "Cache-Control": "", "Expires": "",
		"X-Amz-Storage-Class": "", "X-Amz-Tagging-Count": "",
	}
	maps.Copy(names, want)
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			names[name] = ""
		}
	}
	return pick(h, names)
}

// testRedirect keeps a redirect location, which not every store does.
func testRedirect(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		e.put(t, "redirect", plain(size), "X-Amz-Website-Redirect-Location", "/other?a=b", "X-Amz-Meta-A", "1")
		for what, a := range map[string]answer{
			"GET":   e.get(t, http.StatusOK, "redirect"),
			"HEAD":  e.head(t, http.StatusOK, "redirect"),
			"range": e.get(t, http.StatusPartialContent, "redirect", "Range", "bytes=1-2"),
		} {
			want := map[string]string{"X-Amz-Website-Redirect-Location": "/other?a=b", "X-Amz-Meta-A": "1"}
			if diff := cmp.Diff(want, pick(a.header, want)); diff != "" {
				t.Errorf("%s of %d bytes (-want +got):\n%s", what, size, diff)
			}
			noPrivate(t, a.header)
		}
	}
}

// testContentEncoding removes what describes the transfer and nothing else.
func testContentEncoding(t *testing.T, e *endpoint) {
	for _, tc := range []struct{ sent, want string }{
		{"aws-chunked", ""},
		{"gzip", "gzip"},
		{"gzip,aws-chunked", "gzip"},
		{"aws-chunked,gzip", "gzip"},
		{"AWS-Chunked", ""},
		{"gzip, aws-chunked, br", "gzip,br"},
		{"identity", "identity"},
	} {
		for _, size := range []int{100, streamed} {
			for _, mode := range []sigv4.PayloadMode{sigv4.PayloadUnsigned, sigv4.PayloadChunksTrailer} {
				// VersityGW keeps the encoding of an object that is overwritten.
				key := fmt.Sprintf("encoding/%s/%d/%s", tc.sent, size, mode)
				e.expect(t, http.StatusOK, request{
					method: http.MethodPut, key: key, body: plain(size), mode: mode, header: headers("Content-Encoding", tc.sent),
				})
				a := e.get(t, http.StatusOK, key)
				if got := a.header.Get("Content-Encoding"); got != tc.want || a.length != int64(size) {
					t.Errorf("%q came back as %q, %d bytes", tc.sent, got, a.length)
				}
			}
		}
	}
}

// testObjectLock writes into a bucket that takes no upload without a checksum.
func testObjectLock(t *testing.T, e *endpoint) {
	bucket := "lock-" + e.bucket
	if err := e.Store.Client().MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	want := map[string]string{
		"X-Amz-Object-Lock-Mode": "GOVERNANCE", "X-Amz-Object-Lock-Retain-Until-Date": until, "X-Amz-Object-Lock-Legal-Hold": "ON",
	}
	for _, size := range []int{100, streamed} {
		h := headers()
		for name, value := range want {
			h.Set(name, value)
		}
		put := e.expect(t, http.StatusOK, request{method: http.MethodPut, bucket: bucket, key: "k", body: plain(size), header: h})
		version := put.header.Get("X-Amz-Version-Id")
		direct := &endpoint{Site: e.Site, bucket: bucket, http: e.http}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			// VersityGW does not tell of locks on GET.
			stored := pick(direct.direct(t, http.StatusOK, method, "k", nil).header, want)
			if e.onMinIO() && len(stored) != len(want) {
				t.Errorf("the store knows of %v", stored)
			}
			a := e.expect(t, http.StatusOK, request{method: method, bucket: bucket, key: "k"})
			if diff := cmp.Diff(stored, pick(a.header, want)); diff != "" {
				t.Errorf("%s of %d bytes (-the store +got):\n%s", method, size, diff)
			}
		}
		a := e.do(t, request{method: http.MethodDelete, bucket: bucket, key: "k", query: "versionId=" + version})
		if a.status/100 != 4 {
			t.Errorf("a locked version was deleted: status %d", a.status)
		}
	}
}
