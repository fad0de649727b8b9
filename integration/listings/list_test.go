package listings_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

const streamed = 1<<20 + 1000 // a size that is not buffered: no MD5 is known of it

// settings are those that decide where sizes and ETags come from.
var settings = map[string]string{
	"auto":                   "",
	"md5":                    "etag md5",
	"opaque":                 "etag opaque",
	"plaintext reads":        "plaintext_reads *",
	"opaque plaintext reads": "etag opaque\nplaintext_reads test-*",
}

// TestSizesAndETags lists objects of every kind: what is listed is what HEAD
// says, and it costs no more requests than it must.
func TestSizesAndETags(t *testing.T) {
	for name, handler := range settings {
		t.Run(name, func(t *testing.T) {
			each(t, site.Options{Handler: handler}, func(t *testing.T, e *endpoint) {
				plaintext := strings.Contains(handler, "plaintext")
				large := bytes.Repeat([]byte("x"), streamed)
				for _, n := range []int{0, 1, 1000, 65536, 65537} {
					e.Put(t, e.bucket, fmt.Sprintf("buffered/%d", n), large[:n])
				}
				e.Put(t, e.bucket, "streamed", large)
				e.Put(t, e.bucket, "streamed-md5", large, "Content-Md5", wire.MD5(large))
				objects := 7
				if plaintext {
					e.store.Write(t, e.bucket, "plain", large[:1052], nil)
					e.store.Write(t, e.bucket, "plain-large", large, map[string]string{"A": "b"})
					e.store.Write(t, e.bucket, "plain-empty", nil, nil)
					objects += 3
				}
				for kind := range kinds {
					if kind == "versions" && !e.onMinIO() {
						continue // has versions of buckets with versions only
					}
					for round := range 2 {
						e.proxy.Reset()
						l := e.list(t, kind)
						got := e.proxy.Lines()
						if len(l.entries()) != objects {
							t.Errorf("%s: %d objects, want %d", kind, len(l.entries()), objects)
						}
						e.checkRequests(t, kind, handler, round, objects, got)
						e.checkKind(t, kind, l)
					}
				}
			})
		})
	}
}

// checkRequests compares the requests of one listing with what it may cost.
func (e *endpoint) checkRequests(t *testing.T, kind, handler string, round, objects int, got []string) {
	t.Helper()
	lookups, footers := 0, 0
	for _, line := range got[1:] {
		switch {
		case strings.HasPrefix(line, "HEAD "):
			lookups++
		case strings.HasPrefix(line, "GET "):
			footers++
		default:
			t.Errorf("%s: the store got %s", kind, line)
		}
	}
	want := 0
	if !e.onMinIO() && handler != "etag opaque" {
		want = objects
	}
	if round > 0 && lookups > 0 {
		t.Errorf("%s, again: %d objects were looked up", kind, lookups)
	}
	if round == 0 && lookups != want && lookups != 0 { // 0: another listing did it
		t.Errorf("%s: %d objects were looked up, want %d", kind, lookups, want)
	}
	// With etag md5 what is streamed has its MD5 in the footer, to be read once.
	if most := strings.Count(handler, "md5"); footers > most || round > 0 && footers > 0 {
		t.Errorf("%s, round %d: %d footers were read, want at most %d", kind, round, footers, most)
	}
	// Of other stores it is known after the first time that they have none.
	if asked := strings.Contains(got[0], "metadata=true"); asked && handler == "etag opaque" || !asked && handler != "etag opaque" && e.onMinIO() {
		t.Errorf("%s: the store got %s", kind, got[0])
	}
}

// TestVersions lists versions, with delete markers and versions from before.
func TestVersions(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads *"}, func(t *testing.T, e *endpoint) {
		large := bytes.Repeat([]byte("y"), streamed)
		if e.onMinIO() {
			e.Put(t, e.bucket, "k", []byte("the null version"))
		}
		if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
			t.Fatal(err)
		}
		e.Put(t, e.bucket, "k", []byte("first"))
		e.Put(t, e.bucket, "k", large)
		markers, versions := 1, 5
		if e.onMinIO() { // VersityGW takes what is written after a delete marker for another one
			e.Expect(t, http.StatusNoContent, wire.Request{Method: "DELETE", Target: wire.Target(e.bucket, "k", "")})
			e.Put(t, e.bucket, "k", []byte("last"))
			markers, versions = 2, 7
		}
		e.store.Write(t, e.bucket, "plain", []byte("one"), nil)
		e.store.Write(t, e.bucket, "plain", []byte("three"), nil)
		e.Put(t, e.bucket, "gone", large)
		e.Expect(t, http.StatusNoContent, wire.Request{Method: "DELETE", Target: wire.Target(e.bucket, "gone", "")})

		e.proxy.Reset()
		l := e.list(t, "versions")
		if n := e.proxy.Count(); e.onMinIO() && n != 1 {
			t.Errorf("%d requests to the store", n)
		}
		if len(l.Version) != versions || len(l.DeleteMarker) != markers {
			t.Fatalf("%d versions and %d delete markers in\n%s", len(l.Version), len(l.DeleteMarker), l.raw)
		}
		e.checkKind(t, "versions", l)
		for _, kind := range []string{"v1", "v2"} {
			current := e.list(t, kind)
			if diff := cmp.Diff([]string{"k", "plain"}, current.keys(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", kind, diff)
			}
			e.checkKind(t, kind, current)
		}

		// Page by page it is the same.
		var all []entry
		params := []string{"max-keys", "2"}
		for {
			page := e.list(t, "versions", params...)
			all = append(all, page.entries()...)
			e.checkKind(t, "versions page", page)
			if !page.IsTruncated || len(all) > 20 {
				break
			}
			params = []string{"max-keys", "2", "key-marker", page.NextKeyMarker}
			if page.NextVersionIDMarker != "" {
				params = append(params, "version-id-marker", page.NextVersionIDMarker)
			}
		}
		if len(all) != versions+markers {
			t.Errorf("%d entries page by page", len(all))
		}
	})
}

// TestPrivateRequests keeps clients from asking for what is private.
func TestPrivateRequests(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		for _, query := range []string{"metadata=true", "list-type=2&metadata=true", "versions&metadata=true", "list-type=2&metadata", "Metadata=true", "list-type=2&metadata=false"} {
			a := e.Do(t, wire.Request{Method: "GET", Target: "/" + e.bucket + "?" + query})
			if a.Status != http.StatusNotImplemented || a.Code() != "NotImplemented" {
				t.Errorf("%s: status %d\n%s", query, a.Status, a.Body)
			}
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %q", got)
		}
	})
}

// TestSDK lists with minio-go, which asks for everything there is.
func TestSDK(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		e.Put(t, e.bucket, "dir/a", []byte("12345"))
		e.Put(t, e.bucket, "dir/b", []byte("1234567"))
		c, err := store.Connect(e.URL, site.AccessKey, site.SecretKey, &http.Transport{DisableKeepAlives: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []minio.ListObjectsOptions{{Recursive: true}, {Recursive: true, UseV1: true}, {Recursive: true, MaxKeys: 1}, {Recursive: true, UseV1: true, MaxKeys: 1}, {Prefix: "dir/"}} {
			var got []string
			for x := range c.ListObjects(t.Context(), e.bucket, o) {
				if x.Err != nil {
					t.Fatal(x.Err)
				}
				got = append(got, fmt.Sprint(x.Key, " ", x.Size))
			}
			if diff := cmp.Diff([]string{"dir/a 5", "dir/b 7"}, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", o, diff)
			}
		}
	})
}

// TestFailingLookups lists while the store answers some of what it is asked
// with errors: what could not be found out is not remembered as found out.
func TestFailingLookups(t *testing.T) {
	e := start(t, store.VersityGW(t), site.Options{})
	for i := range 5 {
		e.Put(t, e.bucket, fmt.Sprint(i), []byte("content"))
	}
	for _, tc := range []struct {
		answer int
		status int
	}{
		{http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		{http.StatusInternalServerError, http.StatusInternalServerError},
		{http.StatusForbidden, http.StatusOK},
		{http.StatusNotFound, http.StatusOK}, // deleted meanwhile
	} {
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, "/3") {
				return nil
			}
			return &store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(tc.answer, http.Header{"X-Amz-Request-Id": {"1"}}, "")
			}}
		})
		a := e.Do(t, wire.Request{Method: "GET", Target: "/" + e.bucket + "?list-type=2"})
		if a.Status != tc.status {
			t.Errorf("with status %d for an object the listing has %d, want %d", tc.answer, a.Status, tc.status)
		}
	}
	e.proxy.Inject(nil)
	l := e.list(t, "v2")
	if len(l.Contents) != 5 {
		t.Errorf("%d objects", len(l.Contents))
	}
	e.checkKind(t, "v2", l)
}
