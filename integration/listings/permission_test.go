package listings_test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// credentials are two clients that may not do everything.
const credentials = `credential reader reader-secret {
	read_only
}
credential limited limited-secret {
	buckets mine-* test-?*x
}`

// buckets returns what ListBuckets shows a client.
func (e *endpoint) buckets(t *testing.T, c *wire.Client) []string {
	t.Helper()
	a := c.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: "/"})
	var list struct {
		XMLName xml.Name
		Owner   struct{ ID string }
		Buckets []struct{ Name, CreationDate string } `xml:"Buckets>Bucket"`
	}
	if err := xml.Unmarshal(a.Body, &list); err != nil || list.XMLName.Local != "ListAllMyBucketsResult" || list.Owner.ID == "" {
		t.Fatalf("%v in\n%s", err, a.Body)
	}
	var names []string
	for _, b := range list.Buckets {
		if b.CreationDate == "" {
			t.Errorf("%s has no date", b.Name)
		}
		names = append(names, b.Name)
	}
	return names
}

// TestBucketPages lists buckets one by one. Nothing of the others shows, in no
// token either: to some stores that is the name of a bucket.
func TestBucketPages(t *testing.T) {
	each(t, site.Options{Handler: credentials}, func(t *testing.T, e *endpoint) {
		id := e.bucket[5:]
		for _, name := range []string{"mine-a" + id, "mine-b" + id, "theirs-" + id, "aaa-" + id} {
			if err := e.store.Client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		limited := e.As("limited", "limited-secret")
		want := e.buckets(t, limited)
		var got []string
		for token, more := "", true; more && len(got) <= len(want); {
			target := "/?max-buckets=1"
			if token != "" {
				target += "&continuation-token=" + url.QueryEscape(token)
			}
			a := limited.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: target})
			var list struct {
				Name              string `xml:"Buckets>Bucket>Name"`
				ContinuationToken string
			}
			if err := xml.Unmarshal(a.Body, &list); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(a.Body), "theirs-") || strings.Contains(string(a.Body), "aaa-") {
				t.Errorf("after %q:\n%s", token, a.Body)
			}
			got = append(got, list.Name)
			token, more = list.ContinuationToken, list.ContinuationToken != ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages (-at once +got):\n%s", diff)
		}
		for _, bad := range []string{"0", "-1", "10001", "x"} {
			a := limited.Do(t, wire.Request{Method: "GET", Target: "/?max-buckets=" + bad})
			if a.Status != http.StatusBadRequest || a.Code() != "InvalidArgument" {
				t.Errorf("max-buckets=%s: status %d\n%s", bad, a.Status, a.Body)
			}
		}
	})
}

// TestPermissions keeps credentials to their buckets and to reading.
func TestPermissions(t *testing.T) {
	each(t, site.Options{Handler: credentials}, func(t *testing.T, e *endpoint) {
		id := e.bucket[5:]
		mine, theirs := "mine-"+id, "theirs-"+id
		for _, name := range []string{mine, theirs} {
			if err := e.store.Client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
				t.Fatal(err)
			}
			e.Put(t, name, "k", []byte("content"))
		}
		reader, limited := e.As("reader", "reader-secret"), e.As("limited", "limited-secret")

		all := e.buckets(t, e.Client)
		if !slices.Contains(all, mine) || !slices.Contains(all, theirs) {
			t.Errorf("all buckets are %q", all)
		}
		if diff := cmp.Diff(all, e.buckets(t, reader)); diff != "" {
			t.Errorf("the reader sees (-all +got):\n%s", diff)
		}
		for _, name := range e.buckets(t, limited) {
			if allowed, err := path.Match("test-?*x", name); !allowed && !strings.HasPrefix(name, "mine-") || err != nil {
				t.Errorf("the limited client sees %s", name)
			}
		}
		if !slices.Contains(e.buckets(t, limited), mine) {
			t.Error("the limited client does not see its bucket")
		}

		e.bucket = mine
		if a := e.deleteAs(t, limited, true, object("missing", "", "")); a.Status != http.StatusOK {
			t.Errorf("deleting in the own bucket: status %d", a.Status)
		}
		limited.Put(t, mine, "k2", []byte("content"))
		e.listAs(t, reader, "v2")
		if a := reader.Get(t, mine, "k"); string(a.Body) != "content" {
			t.Errorf("the reader reads status %d", a.Status)
		}
		e.proxy.Reset()
		for _, op := range s3api.Operations() {
			if op.Name == "PostObject" {
				continue // a form says itself who sends it
			}
			try := func(c *wire.Client, who, bucket string) {
				method, target, h := op.Example(bucket, "k")
				a := c.Do(t, wire.Request{Method: method, Target: target, Header: h})
				if a.Status != http.StatusForbidden || method != "HEAD" && a.Code() != "AccessDenied" {
					t.Errorf("%s, %s: status %d %s", who, op.Name, a.Status, a.Body)
				}
			}
			if op.Write {
				try(reader, "reader", mine)
			}
			if op.Level != s3api.ServiceLevel {
				try(limited, "limited", theirs)
			}
		}
		e.bucket = theirs
		if a := e.deleteAs(t, limited, true, object("k", "", "")); a.Status != http.StatusForbidden {
			t.Errorf("limited, DeleteObjects: status %d", a.Status)
		}
		if a := e.deleteAs(t, reader, true, object("k", "", "")); a.Status != http.StatusForbidden {
			t.Errorf("reader, DeleteObjects: status %d", a.Status)
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %q", got)
		}
		if !e.exists(t, "k") {
			t.Error("the object is gone")
		}
	})
}

// TestDotSegments tries to leave the own bucket by its keys: whatever a store
// makes of such a path, it must not be another bucket's object.
func TestDotSegments(t *testing.T) {
	each(t, site.Options{Handler: credentials + "\nplaintext_reads *"}, func(t *testing.T, e *endpoint) {
		id := e.bucket[5:]
		mine, theirs := "mine-"+id, "theirs-"+id
		for _, name := range []string{mine, theirs} {
			if err := e.store.Client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		e.store.Write(t, theirs, "k", []byte("their content"), nil)
		limited := e.As("limited", "limited-secret")
		for _, key := range []string{"../" + theirs + "/k", "./../" + theirs + "/k", "a/../../" + theirs + "/k", "%2e%2e/" + theirs + "/k", "..%2f" + theirs + "%2fk", "..\\" + theirs + "\\k"} {
			for _, target := range []string{"/" + mine + "/" + key, wire.Target(mine, key, "")} {
				for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
					a := limited.Do(t, wire.Request{Method: method, Target: target, Header: wire.Header("Content-Length", "0")})
					if strings.Contains(string(a.Body), "their content") {
						t.Errorf("%s %s gave their content", method, target)
					}
				}
			}
		}
		if got := e.store.Read(t, theirs, "k"); string(got.Body) != "their content" {
			t.Fatalf("their object is now %q", got.Body)
		}
		e.bucket = mine
		for kind := range kinds {
			for _, param := range []string{"prefix", "marker", "start-after", "key-marker"} {
				a := limited.Do(t, wire.Request{Method: "GET", Target: "/" + mine + "?" + kinds[kind] + "&" + param + "=../" + theirs + "/"})
				if strings.Contains(string(a.Body), "<Key>") {
					t.Errorf("%s %s: status %d\n%s", kind, param, a.Status, a.Body)
				}
			}
		}
		keys := []string{"../" + theirs + "/k", "..\x01/../" + theirs + "/k", "a/../../" + theirs + "/k", "."}
		var objects []string
		for _, key := range keys {
			objects = append(objects, object(key, "", ""), object(key, "", `"00000000000000000000000000000000"`))
		}
		r, err := s3api.ParseDeleteResult(e.deleteAs(t, limited, false, objects...).Body)
		if err != nil || len(r.Errors) != len(objects) {
			t.Errorf("deleted %+v, %v", r, err)
		}
		if got := e.store.Read(t, theirs, "k"); string(got.Body) != "their content" {
			t.Errorf("their object is now %q", got.Body)
		}
	})
}
