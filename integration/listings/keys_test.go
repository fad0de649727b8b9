package listings_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// odd are keys that are easily mangled.
var odd = []string{
	"plain", "with space", "plus+plus", "trailing/", "dot.dot..", "per%cent", "per%2Fcent", "and&and", "lower<than>", `quote"double`, "quote'single",
	"ünïcödé/日本語/🙂", "back\\slash", "semi;colon", "que?ry", "ha#sh", "eq=ual", "at@colon:comma,", "pipe|", "tilde~", "caret^`", "[]{}", "*$!()",
	strings.Repeat("x", 200) + "/" + strings.Repeat("y", 200) + "/" + strings.Repeat("z", 200) + "/" + strings.Repeat("w", 200) + "/" + strings.Repeat("v", 220),
}

// control are keys that XML 1.0 has no way to write.
var control = []string{"bell\x07", "tab\tnewline\n", "esc\x1b[0m", "\x01", "cr\rlf"}

// usable returns the keys that the store takes.
func (e *endpoint) usable(t *testing.T, keys []string) []string {
	t.Helper()
	var ok []string
	for _, key := range keys {
		a := e.Do(t, wire.Request{Method: "PUT", Target: wire.Target(e.bucket, key, ""), Body: []byte(key)})
		switch {
		case a.Status == http.StatusOK:
			ok = append(ok, key)
		case a.Status/100 != 4:
			t.Errorf("PUT %q: status %d\n%s", key, a.Status, a.Body)
		default:
			t.Logf("%s does not take %q: %s", e.store.Name, key, a.Code())
		}
	}
	slices.Sort(ok)
	return ok
}

// TestOddKeys lists keys that need escaping, with and without encoding-type,
// and deletes them.
func TestOddKeys(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		keys := e.usable(t, odd)
		if len(keys) < 15 {
			t.Fatalf("only %q", keys)
		}
		for kind := range kinds {
			if kind == "versions" && !e.onMinIO() {
				continue
			}
			for _, params := range [][]string{nil, {"encoding-type", "url"}} {
				l := e.list(t, kind, params...)
				got := l.keys(t)
				slices.Sort(got)
				if diff := cmp.Diff(keys, got); diff != "" {
					t.Errorf("%s %v (-want +got):\n%s", kind, params, diff)
				}
				e.checkKind(t, kind, l)
			}
		}
		for _, key := range keys {
			a := e.Get(t, e.bucket, key)
			if a.Status != http.StatusOK || string(a.Body) != key {
				t.Errorf("GET %q: status %d, %q", key, a.Status, a.Body)
			}
			// Each key is its own prefix, and a marker before what follows it.
			if got := e.list(t, "v2", "prefix", key).keys(t); !slices.Contains(got, key) {
				t.Errorf("prefix %q: %q", key, got)
			}
			if got := e.list(t, "v1", "marker", key, "encoding-type", "url").keys(t); slices.Contains(got, key) {
				t.Errorf("marker %q: %q", key, got)
			}
		}
		var objects []string
		for _, key := range keys {
			objects = append(objects, object(key, "", ""))
		}
		r := e.delete(t, false, objects...)
		if len(r.Deleted) != len(keys) || len(r.Errors) > 0 {
			t.Errorf("deleted %+v", r)
		}
		if left := e.list(t, "v2").keys(t); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	})
}

// TestControlCharacters does the same with keys that only encoding-type=url
// can list.
func TestControlCharacters(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		keys := e.usable(t, control)
		for _, key := range keys {
			if a := e.Get(t, e.bucket, key); a.Status != http.StatusOK || string(a.Body) != key {
				t.Errorf("GET %q: status %d, %q", key, a.Status, a.Body)
			}
		}
		for _, kind := range []string{"v1", "v2"} {
			if !e.onMinIO() {
				break // VersityGW knows no encoding-type and lists other characters for them
			}
			l := e.list(t, kind, "encoding-type", "url")
			got := l.keys(t)
			slices.Sort(got)
			if diff := cmp.Diff(keys, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", kind, diff)
			}
			e.checkKind(t, kind, l)
		}
		e.Put(t, e.bucket, "ordinary", nil)
		objects := []string{object("ordinary", "", ""), object("missing", "", "")}
		for _, key := range keys {
			objects = append(objects, object(key, "", ""))
		}
		r := e.delete(t, false, objects...)
		if len(r.Deleted) != len(objects) || len(r.Errors) > 0 {
			t.Errorf("deleted %+v", r)
		}
		if left := e.list(t, "v2", "encoding-type", "url").keys(t); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	})
}

// TestEmptySegments writes keys that stores on top of directories store under
// another name. They read under the name they were written with and under no
// other.
func TestEmptySegments(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		for key, other := range map[string]string{"/leading": "leading", "a//b": "a/b", "//two": "two"} {
			if len(e.usable(t, []string{key})) == 0 {
				continue
			}
			if a := e.Get(t, e.bucket, key); a.Status != http.StatusOK || string(a.Body) != key {
				t.Errorf("GET %q: status %d, %q", key, a.Status, a.Body)
			}
			if a := e.Get(t, e.bucket, other); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
				t.Errorf("GET %q: status %d, %q", other, a.Status, a.Body)
			}
			if l := e.list(t, "v2"); len(l.Contents) != 1 || *l.Contents[0].Size != int64(len(key)) {
				t.Errorf("%q is listed as\n%s", key, l.raw)
			}
			e.Expect(t, http.StatusNoContent, wire.Request{Method: "DELETE", Target: wire.Target(e.bucket, key, "")})
		}
	})
}
