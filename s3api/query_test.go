package s3api

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseQuery(t *testing.T) {
	tests := []struct {
		raw       string
		want      Query
		canonical string
	}{
		{"", nil, ""},
		{"&&", Query{}, ""},
		{"acl", Query{{"acl", "", false}}, "acl="},
		{"acl=", Query{{"acl", "", true}}, "acl="},
		{"=", Query{{"", "", true}}, "="},
		{"=v", Query{{"", "v", true}}, "=v"},
		{"a=b=c", Query{{"a", "b=c", true}}, "a=b%3Dc"},
		{"a;b=c;d", Query{{"a;b", "c;d", true}}, "a%3Bb=c%3Bd"},
		{"a+b=c+d%2B", Query{{"a b", "c d+", true}}, "a%20b=c%20d%2B"},
		{"b=2&a=2&a=1&b", Query{{"b", "2", true}, {"a", "2", true}, {"a", "1", true}, {"b", "", false}}, "a=1&a=2&b=&b=2"},
		{"prefix=%e2%98%83/x~y", Query{{"prefix", "\u2603/x~y", true}}, "prefix=%E2%98%83%2Fx~y"},
		{"p=%2541", Query{{"p", "%41", true}}, "p=%2541"},
		{"p=%00%ff", Query{{"p", "\x00\xff", true}}, "p=%00%FF"},
		// Sorted by what stands on the wire: '%' comes before letters, so an
		// escaped name goes first although its first byte is larger.
		{"a=1&%C3%A9=2", Query{{"a", "1", true}, {"é", "2", true}}, "%C3%A9=2&a=1"},
		// A name that is the beginning of another goes first, whatever the values.
		{"ab=1&a=2", Query{{"ab", "1", true}, {"a", "2", true}}, "a=2&ab=1"},
		{"a-b=1&a=2", Query{{"a-b", "1", true}, {"a", "2", true}}, "a=2&a-b=1"},
	}
	for _, tt := range tests {
		got, err := ParseQuery(tt.raw)
		if err != nil {
			t.Errorf("%q: %v", tt.raw, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.raw, diff)
		}
		if enc := got.Encode(); enc != tt.canonical {
			t.Errorf("%q encodes to %q, want %q", tt.raw, enc, tt.canonical)
		}
	}
}

func TestParseQueryBadEscapes(t *testing.T) {
	for _, raw := range []string{"%", "%4", "a=%", "a=%f", "a=%zz", "%g0=1", "a=b&c=%-1", "a=% 1"} {
		if q, err := ParseQuery(raw); !errors.Is(err, ErrInvalidURI) {
			t.Errorf("%q: %v, %v", raw, q, err)
		}
	}
}

func TestQueryAccess(t *testing.T) {
	q, err := ParseQuery("a=1&b&a=2&c=3")
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Get("a"); got != "1" {
		t.Errorf("Get(a) = %q", got)
	}
	if q.Get("d") != "" || q.Get("b") != "" || !q.Has("b") || q.Has("d") || q.Has("A") {
		t.Error("presence and value are mixed up")
	}
	rest := q.Del("a", "d")
	if diff := cmp.Diff(Query{{"b", "", false}, {"c", "3", true}}, rest); diff != "" {
		t.Errorf("Del (-want +got):\n%s", diff)
	}
	if got := q.Encode(); got != "a=1&a=2&b=&c=3" {
		t.Errorf("Del changed its receiver: %q", got)
	}
}

// TestQueryAgreesWithNetURL compares with the standard library wherever the
// two mean to do the same: on queries without ';'.
func TestQueryTags(t *testing.T) {
	value := "a/b:c@d=e&f+g h%2Fi%253A%é"
	q := Query{{Name: value, Value: value, HasValue: true}, {Name: "b", HasValue: true}}
	got, err := url.ParseQuery(q.Tags())
	if err != nil || len(got) != 2 || got.Get(value) != value || !got.Has("b") {
		t.Errorf("%s: %v, %v", q.Tags(), got, err)
	}
	if !strings.HasPrefix(q.Tags(), "a/b:c@d%3De%26f%2Bg%20h%252Fi%25253A%25%C3%A9=") {
		t.Error(q.Tags())
	}
}

func TestQueryAgreesWithNetURL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringMatching(`([a-c=&%+0-9A-F~/é]){0,20}`).Draw(t, "raw")
		want, wantErr := url.ParseQuery(raw)
		got, err := ParseQuery(raw)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("error %v, net/url has %v", err, wantErr)
		}
		if err != nil {
			return
		}
		values := url.Values{}
		for _, p := range got {
			values.Add(p.Name, p.Value)
		}
		if diff := cmp.Diff(want, values); diff != "" {
			t.Fatalf("(-net/url +got):\n%s", diff)
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, raw := range []string{"", "acl", "list-type=2&prefix=a%2Fb", "a=1&a=0&%C3%A9", "x=%zz", "&=&", "a;b=c+d"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw)
		if err != nil {
			return
		}
		enc := q.Encode()
		again, err := ParseQuery(enc)
		if err != nil {
			t.Fatalf("%q: %v", enc, err)
		}
		if got := again.Encode(); got != enc {
			t.Fatalf("%q encodes to %q and then to %q", raw, enc, got)
		}
		if len(again) != len(q) {
			t.Fatalf("%d parameters, then %d", len(q), len(again))
		}
	})
}
