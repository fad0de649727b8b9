package listings_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// walk lists page by page and returns keys and common prefixes in order.
func (e *endpoint) walk(t *testing.T, kind string, size int, params ...string) []string {
	t.Helper()
	var all []string
	params = append(params, "max-keys", strconv.Itoa(size))
	next := params
	for range 2000 {
		l := e.list(t, kind, next...)
		got := l.keys(t)
		if len(got) > size || l.MaxKeys != size || l.IsTruncated && len(got) == 0 {
			t.Fatalf("%s: %d entries of at most %d, truncated %v", kind, len(got), size, l.IsTruncated)
		}
		all = append(all, got...)
		if kind == "v2" && (l.KeyCount == nil || *l.KeyCount != len(got)) {
			t.Errorf("KeyCount %v of %d", l.KeyCount, len(got))
		}
		if kind == "v1" && (l.Marker == nil || l.KeyCount != nil || l.NextContinuationToken != "" || l.StartAfter != "") {
			t.Errorf("not a ListObjects answer: %s", l.raw)
		}
		if !l.IsTruncated {
			return all
		}
		next = append(slices.Clone(params), e.next(t, kind, l)...)
	}
	t.Fatalf("%s: no end", kind)
	return nil
}

// next returns the parameters for the page after l.
func (e *endpoint) next(t *testing.T, kind string, l *listing) []string {
	t.Helper()
	switch kind {
	case "v2":
		return []string{"continuation-token", l.NextContinuationToken}
	case "versions":
		next := []string{"key-marker", l.decoded(t, l.NextKeyMarker)}
		if l.NextVersionIDMarker != "" {
			next = append(next, "version-id-marker", l.NextVersionIDMarker)
		}
		return next
	default:
		if l.NextMarker != "" {
			return []string{"marker", l.decoded(t, l.NextMarker)}
		}
		return []string{"marker", l.decoded(t, l.Contents[len(l.Contents)-1].Key)}
	}
}

// byName orders keys and common prefixes.
func byName(a, b string) int { return strings.Compare(strings.Trim(a, "[]"), strings.Trim(b, "[]")) }

// TestPaging walks through prefixes and delimiters with pages of every small
// size.
func TestPaging(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		keys := []string{"a", "a b", "b/1", "b/2", "b/c/1", "b/c/2", "b0", "c/1", "d+d/1", "d+d/2", "z", "ü/1"}
		for _, key := range keys {
			e.Put(t, e.bucket, key, []byte(key))
		}
		for kind := range kinds {
			if kind == "versions" && !e.onMinIO() {
				continue
			}
			for _, tc := range []struct {
				params []string
				want   []string
			}{
				{nil, keys},
				{[]string{"prefix", "b/"}, []string{"b/1", "b/2", "b/c/1", "b/c/2"}},
				{[]string{"delimiter", "/"}, []string{"a", "a b", "[b/]", "b0", "[c/]", "[d+d/]", "z", "[ü/]"}},
				{[]string{"delimiter", "/", "encoding-type", "url"}, []string{"a", "a b", "[b/]", "b0", "[c/]", "[d+d/]", "z", "[ü/]"}},
				{[]string{"prefix", "b/", "delimiter", "/"}, []string{"b/1", "b/2", "[b/c/]"}},
				{[]string{"prefix", "nothing"}, nil},
				{[]string{"delimiter", "0"}, []string{"a", "a b", "b/1", "b/2", "b/c/1", "b/c/2", "[b0]", "c/1", "d+d/1", "d+d/2", "z", "ü/1"}},
			} {
				for _, size := range []int{1, 2, 3, 5, 1000} {
					got := e.walk(t, kind, size, tc.params...)
					slices.SortFunc(got, byName)
					if diff := cmp.Diff(tc.want, got); diff != "" {
						t.Errorf("%s %v, pages of %d (-want +got):\n%s", kind, tc.params, size, diff)
					}
				}
			}
		}
		for _, tc := range []struct {
			kind   string
			params []string
			want   []string
		}{
			{"v1", []string{"marker", "b/2"}, []string{"b/c/1", "b/c/2", "b0", "c/1", "d+d/1", "d+d/2", "z", "ü/1"}},
			{"v2", []string{"start-after", "b/2"}, []string{"b/c/1", "b/c/2", "b0", "c/1", "d+d/1", "d+d/2", "z", "ü/1"}},
			{"v1", []string{"marker", "b/", "delimiter", "/"}, []string{"b0", "[c/]", "[d+d/]", "z", "[ü/]"}},
			{"v1", []string{"marker", "c"}, []string{"c/1", "d+d/1", "d+d/2", "z", "ü/1"}},
			{"v2", []string{"start-after", "zz"}, []string{"ü/1"}},
			{"v1", []string{"max-keys", "0"}, nil},
			{"v2", []string{"max-keys", "0"}, nil},
		} {
			got := e.list(t, tc.kind, tc.params...).keys(t)
			slices.SortFunc(got, byName)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", tc.kind, tc.params, diff)
			}
		}
	})
}

// TestManyObjects walks through more objects than one answer holds, and
// deletes them.
func TestManyObjects(t *testing.T) {
	const n = 1100
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		keys := make([]string, n)
		var wg sync.WaitGroup
		work := make(chan string)
		for range 16 {
			wg.Go(func() {
				for key := range work {
					e.Put(t, e.bucket, key, []byte(key))
				}
			})
		}
		for i := range keys {
			keys[i] = fmt.Sprintf("dir%d/%04d", i%3, i)
			work <- keys[i]
		}
		close(work)
		wg.Wait()
		slices.Sort(keys)
		for _, kind := range []string{"v1", "v2"} {
			e.proxy.Reset()
			if diff := cmp.Diff(keys, e.walk(t, kind, 1000)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", kind, diff)
			}
			if got := e.proxy.Count(); e.onMinIO() && got != 2 {
				t.Errorf("%s: %d requests to the store", kind, got)
			}
		}
		for _, x := range e.list(t, "v2").Contents[:50] {
			e.checkEntry(t, "v2", x.Key, x)
		}

		var objects []string
		for _, key := range keys {
			objects = append(objects, object(key, "", ""))
		}
		if a := e.deleteAs(t, e.Client, true, objects[:1001]...); a.Status != 400 || a.Code() != "MalformedXML" {
			t.Errorf("1001 at once: status %d\n%.300s", a.Status, a.Body)
		}
		e.proxy.Reset()
		if r := e.delete(t, true, objects[:1000]...); len(r.Deleted) > 0 || len(r.Errors) > 0 {
			t.Errorf("quietly deleted %+v", r)
		}
		if r := e.delete(t, false, objects[1000:]...); len(r.Deleted) != n-1000 || len(r.Errors) > 0 {
			t.Errorf("deleted %d, %v", len(r.Deleted), r.Errors)
		}
		if got := e.proxy.Count(); got != 2 {
			t.Errorf("%d requests to the store for two deletions", got)
		}
		if left := e.list(t, "v2").keys(t); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	})
}
