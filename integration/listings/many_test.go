package listings_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

const many = 10_000

func manyKey(i int) string { return fmt.Sprintf("dir%02d/%05d", i/100, i) }

// fill puts that many objects into the bucket at the store: the first are
// written, and all others are links to the files that MinIO has of them, which
// do not say whose they are. It returns what is to be said of them, in turns.
func fill(t *testing.T, g *local.Gateway) []said {
	t.Helper()
	content := bytes.Repeat([]byte("x"), 2000)
	g.Store.Write(t, g.Bucket, manyKey(0), content[:1052], nil)
	g.Put(t, g.Bucket, manyKey(1), content[:1000], modes["sse-kms"]...)
	g.Put(t, g.Bucket, manyKey(2), content, modes["dsse-kms"]...)
	g.Put(t, g.Bucket, manyKey(3), nil, customer...)
	want := make([]said, 4)
	for i := range want {
		var header []string
		if i == 3 {
			header = customer
		}
		head := g.Head(t, g.Bucket, manyKey(i), header...)
		want[i] = said{head.Length, head.Header.Get("Etag")}
	}
	file := func(i int) string { return filepath.Join(g.Store.Dir, g.Bucket, manyKey(i), "xl.meta") }
	for i := len(want); i < many; i++ {
		if err := os.MkdirAll(filepath.Dir(file(i)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(file(i%len(want)), file(i)); err != nil {
			t.Fatal(err)
		}
	}
	return want
}

// TestTenThousand lists ten thousand objects: every page costs one request to
// the store, the first time, too. One more is for finding out that what is
// remembered of objects says nothing of their versions.
func TestTenThousand(t *testing.T) {
	g := local.Start(t, store.MinIO(t), func(c *gateway.Config) { c.PlaintextReads = []string{"*"} })
	want := fill(t, g)
	calls := g.Keys.TotalCalls()
	e := &endpoint{Client: g.Client, store: g.Store, proxy: g.Proxy, bucket: g.Bucket}
	for round, kind := range []string{"v2", "v1", "versions"} {
		e.proxy.Reset()
		var next []string
		i, pages := 0, 0
		for range many/1000 + 1 { // MinIO may have an empty last page
			pages++
			l := e.list(t, kind, next...)
			for _, x := range l.entries() {
				if got := (said{*x.Size, x.ETag}); x.Key != manyKey(i) || got != want[i%len(want)] {
					t.Fatalf("%s: entry %d is %s, %v", kind, i, x.Key, got)
				}
				i++
			}
			if !l.IsTruncated {
				break
			}
			next = e.next(t, kind, l)
		}
		if i != many {
			t.Fatalf("%s: %d objects", kind, i)
		}
		if kind == "versions" {
			pages++
		}
		if got := e.proxy.Lines(); len(got) > pages {
			t.Errorf("%s, round %d: %d requests to the store: %q", kind, round, len(got), got)
		}
	}
	e.proxy.Reset()
	if l := e.list(t, "v2", "delimiter", "/"); len(l.CommonPrefixes) != many/100 || len(l.Contents) != 0 || e.proxy.Count() != 1 {
		t.Errorf("%d directories and %d objects with %d requests", len(l.CommonPrefixes), len(l.Contents), e.proxy.Count())
	}
	if l := e.list(t, "v2", "prefix", "dir42/"); len(l.Contents) != 100 || !strings.HasPrefix(l.Contents[0].Key, "dir42/") {
		t.Errorf("%d objects in one directory", len(l.Contents))
	}
	if got := g.Keys.TotalCalls(); got != calls {
		t.Errorf("%d calls of the key service for listings", got-calls)
	}
}
