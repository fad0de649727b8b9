package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpaqueETag(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef"
	for store, want := range map[string]string{
		hash:           hash + "-1",
		hash + "-7":    hash + "-7",
		hash + "-1000": hash + "-1000",
	} {
		if diff := cmp.Diff(want, opaqueETag(store)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", store, diff)
		}
	}
	// Whatever a store calls an ETag, no client may take ours for an MD5.
	for _, store := range []string{"", "x", hash + "-", hash + "-x", strings.ToUpper(hash), hash + "0", "0x8DB" + hash} {
		got := opaqueETag(store)
		head, n, ok := strings.Cut(got, "-")
		if !ok || n != "1" || len(head) != 32 || !isLowerHex(head) {
			t.Errorf("%q: %q is not of the form <32 hex>-1", store, got)
		}
		if got == opaqueETag(store+"'") {
			t.Errorf("%q: the ETag does not depend on the store's", store)
		}
	}
}

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{`"a"`: "a", `a`: "a", `"`: `"`, `""`: "", ``: "", `"a`: `"a`} {
		if got := unquote(in); got != want {
			t.Errorf("unquote(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestContentEncoding(t *testing.T) {
	for _, tc := range []struct {
		in   []string
		want string
	}{
		{nil, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"aws-chunked"}, ""},
		{[]string{"AWS-Chunked"}, ""},
		{[]string{"aws-chunked,gzip"}, "gzip"},
		{[]string{"gzip, aws-chunked"}, "gzip"},
		{[]string{"gzip,aws-chunked,br"}, "gzip,br"},
		{[]string{"aws-chunked", "gzip"}, "gzip"},
		{[]string{""}, ""},
		{[]string{"aws-chunked-x"}, "aws-chunked-x"},
	} {
		if diff := cmp.Diff(tc.want, contentEncoding(tc.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestContentRange(t *testing.T) {
	for _, tc := range []struct {
		in          string
		start, size int64
		ok          bool
	}{
		{"bytes 0-9/100", 0, 100, true},
		{"bytes 96-65659/1052000", 96, 1052000, true},
		{"bytes */100", 0, 100, true},
		{"bytes 0--1/0", 0, 0, true},
		{"bytes 5-9/*", 0, 0, false},
		{"bytes 100-109/100", 0, 0, false},
		{"bytes -1-9/100", 0, 0, false},
		{"bytes x-9/100", 0, 0, false},
		{"bytes 0-9/-1", 0, 0, false},
		{"items 0-9/100", 0, 0, false},
		{"bytes 0-9", 0, 0, false},
		{"", 0, 0, false},
	} {
		start, size, ok := contentRange(tc.in)
		if ok != tc.ok || ok && (start != tc.start || size != tc.size) {
			t.Errorf("%q: %d of %d, %v; want %d of %d, %v", tc.in, start, size, ok, tc.start, tc.size, tc.ok)
		}
	}
}
