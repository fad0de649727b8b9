package listings_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// exists reports whether the store has the object.
func (e *endpoint) exists(t *testing.T, key string) bool {
	t.Helper()
	_, err := e.store.Client().StatObject(t.Context(), e.bucket, key, minio.StatObjectOptions{})
	return err == nil
}

// TestDelete deletes one object, with and without conditions.
func TestDelete(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		e.Put(t, e.bucket, "k", []byte("content"))
		etag := e.Head(t, e.bucket, "k").Header.Get("Etag")
		for _, tc := range []struct {
			key    string
			header []string
			status int
			exists bool
		}{
			{"missing", nil, 204, false},
			{"missing", []string{"If-Match", etag}, 404, false},
			{"k", []string{"If-Match", `"00000000000000000000000000000000"`}, 412, true},
			{"k", []string{"X-Amz-If-Match-Size", "7"}, 501, true},
			{"k", []string{"X-Amz-If-Match-Last-Modified-Time", "Sat, 21 Nov 2026 00:00:00 GMT"}, 501, true},
			{"k", []string{"If-Match", etag}, 204, false},
		} {
			a := e.Do(t, wire.Request{Method: "DELETE", Target: wire.Target(e.bucket, tc.key, ""), Header: wire.Header(tc.header...)})
			if a.Status != tc.status || a.Status == 204 && len(a.Body) > 0 {
				t.Errorf("%s %v: status %d, want %d\n%s", tc.key, tc.header, a.Status, tc.status, a.Body)
			}
			if got := e.exists(t, tc.key); got != tc.exists {
				t.Errorf("%s %v: exists %v", tc.key, tc.header, got)
			}
		}
	})
}

// TestDeleteObjects deletes several, with conditions that hold, that do not,
// and keys that are not there.
func TestDeleteObjects(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		t.Run(fmt.Sprint("quiet ", quiet), func(t *testing.T) {
			each(t, site.Options{}, func(t *testing.T, e *endpoint) {
				etags := map[string]string{}
				for _, key := range []string{"a", "b", "c", "d & <e>", "f"} {
					etags[key] = e.Put(t, e.bucket, key, []byte(key)).Header.Get("Etag")
				}
				etags["large"] = e.Put(t, e.bucket, "large", []byte(strings.Repeat("x", streamed))).Header.Get("Etag")
				r := e.delete(t, quiet,
					object("a", "", ""), object("b", "", etags["b"]), object("c", "", etags["a"]), object("d & <e>", "", ""),
					object("large", "", etags["large"]), object("missing", "", ""), object("missing-too", "", etags["a"]))
				want := &s3api.DeleteResult{Errors: []s3api.DeleteError{
					{Key: "c", Code: "PreconditionFailed"},
					{Key: "missing-too", Code: "NoSuchKey"},
				}}
				if !quiet {
					want.Deleted = []s3api.Deleted{{Key: "a"}, {Key: "b"}, {Key: "d & <e>"}, {Key: "large"}, {Key: "missing"}}
				}
				less := func(a, b s3api.Deleted) bool { return a.Key < b.Key }
				if diff := cmp.Diff(want, r, cmpopts.SortSlices(less), cmpopts.IgnoreFields(s3api.DeleteError{}, "Message")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{"c", "f"}, e.list(t, "v2").keys(t)); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDeleteVersions deletes versions and makes and removes delete markers.
func TestDeleteVersions(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
			t.Fatal(err)
		}
		one := e.Put(t, e.bucket, "k", []byte("one"))
		two := e.Put(t, e.bucket, "k", []byte("two"))
		v1, v2 := one.Header.Get("X-Amz-Version-Id"), two.Header.Get("X-Amz-Version-Id")
		if v1 == "" || v2 == "" || v1 == v2 {
			t.Fatalf("versions %q and %q", v1, v2)
		}
		const odd = "odd\x01"
		odds := len(e.usable(t, []string{odd}))

		r := e.delete(t, false, object("k", v1, one.Header.Get("Etag")), object("k", v2, one.Header.Get("Etag")))
		if len(r.Deleted) != 1 || r.Deleted[0].VersionID != v1 || len(r.Errors) != 1 || r.Errors[0].VersionID != v2 || r.Errors[0].Code != "PreconditionFailed" {
			t.Errorf("deleted %+v", r)
		}
		objects := []string{object("k", "", "")}
		if odds > 0 {
			objects = append(objects, object(odd, "", ""))
		}
		r = e.delete(t, false, objects...)
		if len(r.Deleted) != len(objects) || len(r.Errors) > 0 {
			t.Fatalf("deleted %+v", r)
		}
		for _, d := range r.Deleted {
			if !d.DeleteMarker || d.DeleteMarkerVersionID == "" {
				t.Errorf("no delete marker: %+v", d)
			}
		}
		missing := e.Get(t, e.bucket, "k")
		if missing.Status != http.StatusNotFound || missing.Header.Get("X-Amz-Delete-Marker") != "true" {
			t.Errorf("status %d, header %v", missing.Status, missing.Header)
		}
		marker := r.Deleted[0].DeleteMarkerVersionID
		a := e.Do(t, wire.Request{Method: "DELETE", Target: wire.Target(e.bucket, "k", "versionId="+marker)})
		if a.Status != http.StatusNoContent || a.Header.Get("X-Amz-Delete-Marker") != "true" || a.Header.Get("X-Amz-Version-Id") != marker {
			t.Errorf("status %d, header %v", a.Status, a.Header)
		}
		if got := e.Get(t, e.bucket, "k"); string(got.Body) != "two" {
			t.Errorf("status %d, %q", got.Status, got.Body)
		}
	})
}

// TestDeleteDocuments sends documents that are not what they should be.
func TestDeleteDocuments(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.Put(t, e.bucket, "k", nil)
	e.proxy.Reset()
	const good = "<Delete><Object><Key>k</Key></Object></Delete>"
	for _, tc := range []struct {
		name, doc string
		header    []string
		hash      string
		status    int
		code      string
		message   string
	}{
		{"no digest", good, []string{}, "", 400, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"},
		{"no digest, unsigned", good, []string{}, sigv4.UnsignedPayload, 400, "InvalidRequest", ""},
		{"wrong MD5", good, []string{"Content-Md5", wire.MD5(nil)}, "", 400, "BadDigest", ""},
		{"wrong checksum", good, []string{"X-Amz-Checksum-Crc32", "AAAAAA=="}, "", 400, "BadDigest", ""},
		{"no XML", "k", nil, "", 400, "MalformedXML", ""},
		{"empty", "", nil, "", 400, "", ""},
		{"no objects", "<Delete></Delete>", nil, "", 400, "MalformedXML", ""},
		{"no key", "<Delete><Object/></Delete>", nil, "", 400, "MalformedXML", ""},
		{"long key", "<Delete><Object><Key>" + strings.Repeat("k", 1025) + "</Key></Object></Delete>", nil, "", 400, "MalformedXML", ""},
		{"entity", `<!DOCTYPE x [<!ENTITY e "k">]><Delete><Object><Key>&e;</Key></Object></Delete>`, nil, "", 400, "MalformedXML", ""},
		{"something else", "<Delete><Object><Key>k</Key><Force>true</Force></Object></Delete>", nil, "", 400, "MalformedXML", ""},
		{"cut", good[:30], nil, "", 400, "MalformedXML", ""},
		{"too large", "<Delete>" + strings.Repeat(" ", 2<<20) + "</Delete>", nil, "", 400, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := tc.header
			if h == nil {
				h = []string{"Content-Md5", wire.MD5([]byte(tc.doc))}
			}
			a := e.Do(t, wire.Request{Method: "POST", Target: "/" + e.bucket + "?delete", Body: []byte(tc.doc), Header: wire.Header(h...), Hash: tc.hash})
			if a.Status != tc.status || tc.code != "" && a.Code() != tc.code || !strings.Contains(string(a.Body), tc.message) {
				t.Errorf("status %d\n%.300s", a.Status, a.Body)
			}
		})
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
	if !e.exists(t, "k") {
		t.Error("the object is gone")
	}
}
