package s3api

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRange(t *testing.T) {
	const most = math.MaxInt64
	tests := []struct {
		in   string
		want Range
		text string
	}{
		{"bytes=0-0", Range{First: 0, Last: 0}, "bytes=0-0"},
		{"bytes=0-499", Range{First: 0, Last: 499}, "bytes=0-499"},
		{"bytes=500-", Range{First: 500, Last: -1}, "bytes=500-"},
		{"bytes=-500", Range{First: -1, Last: -1, Suffix: 500}, "bytes=-500"},
		{"bytes=-0", Range{First: -1, Last: -1}, "bytes=-0"},
		{"Bytes=1-2", Range{First: 1, Last: 2}, "bytes=1-2"},
		{"bytes= 1-2\t", Range{First: 1, Last: 2}, "bytes=1-2"},
		{"bytes=007-0008", Range{First: 7, Last: 8}, "bytes=7-8"},
		{"bytes=0-9223372036854775806", Range{First: 0, Last: most - 1}, "bytes=0-9223372036854775806"},
		{"bytes=0-9223372036854775807", Range{First: 0, Last: most}, "bytes=0-9223372036854775807"},
		{"bytes=0-9223372036854775808", Range{First: 0, Last: most}, "bytes=0-9223372036854775807"},
		{"bytes=0-99999999999999999999999999", Range{First: 0, Last: most}, "bytes=0-9223372036854775807"},
		{"bytes=99999999999999999999-", Range{First: most, Last: -1}, "bytes=9223372036854775807-"},
		{"bytes=-99999999999999999999", Range{First: -1, Last: -1, Suffix: most}, "bytes=-9223372036854775807"},
	}
	for _, tt := range tests {
		got, ok := ParseRange(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || !ok {
			t.Errorf("%q: %v (-want +got):\n%s", tt.in, ok, diff)
		}
		if text := got.String(); text != tt.text {
			t.Errorf("%q: String() = %q, want %q", tt.in, text, tt.text)
		}
	}
}

func TestParseRangeIgnored(t *testing.T) {
	for _, in := range []string{
		"", "bytes", "bytes=", "bytes=-", "bytes=--1", "bytes=-1-", "bytes=1", "bytes=2-1", "bytes=1-2,4-5", "bytes=1-2,",
		"bytes=a-b", "bytes=1-b", "bytes=+1-2", "bytes=1-+2", "bytes=0x1-2", "bytes=1 - 2", "bytes =1-2", " bytes=1-2",
		"items=1-2", "bytes:1-2", "bytes=1-2-3", "bytes=-1,2-3", "bytes=\u0661-\u0662", "bytes=9223372036854775808-1", "1-2",
	} {
		if r, ok := ParseRange(in); ok {
			t.Errorf("%q: %+v", in, r)
		}
	}
}

// TestRangeResolve compares with picking the bytes out one by one, for every
// small size and range.
func TestRangeResolve(t *testing.T) {
	const limit = 6
	var ranges []Range
	for i := int64(0); i <= limit+1; i++ {
		ranges = append(ranges, Range{First: -1, Last: -1, Suffix: i}, Range{First: i, Last: -1})
		for j := i; j <= limit+1; j++ {
			ranges = append(ranges, Range{First: i, Last: j})
		}
	}
	for size := int64(0); size <= limit; size++ {
		for _, r := range ranges {
			first, n := int64(-1), int64(0)
			for i := range size {
				in := i >= r.First && (r.Last < 0 || i <= r.Last)
				if r.IsSuffix() {
					in = i >= size-r.Suffix
				}
				if !in {
					continue
				}
				if first < 0 {
					first = i
				}
				n++
			}
			off, got, ok := r.Resolve(size)
			if ok != (n > 0) || got != n || ok && off != first {
				t.Errorf("%s of %d bytes: %d bytes from %d, %v; want %d from %d", r, size, got, off, ok, n, first)
			}
		}
	}
}

func TestContentRange(t *testing.T) {
	for _, tt := range []struct {
		off, n, size int64
		want         string
	}{
		{0, 1, 1, "bytes 0-0/1"},
		{5, 10, 100, "bytes 5-14/100"},
		{math.MaxInt64 - 1, 1, math.MaxInt64, "bytes 9223372036854775806-9223372036854775806/9223372036854775807"},
		{0, 0, 0, "bytes */0"},
		{0, 0, 42, "bytes */42"},
	} {
		if got := ContentRange(tt.off, tt.n, tt.size); got != tt.want {
			t.Errorf("ContentRange(%d, %d, %d) = %q, want %q", tt.off, tt.n, tt.size, got, tt.want)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, in := range []string{"bytes=0-0", "bytes=-5", "bytes=9223372036854775807-", "bytes=1-2,3-4", "items=1"} {
		f.Add(in, int64(10))
	}
	f.Fuzz(func(t *testing.T, in string, size int64) {
		r, ok := ParseRange(in)
		if !ok {
			return
		}
		again, ok := ParseRange(r.String())
		if diff := cmp.Diff(r, again); diff != "" || !ok {
			t.Fatalf("%q: %v (-first +second):\n%s", in, ok, diff)
		}
		if off, n, ok := r.Resolve(size); ok && (off < 0 || n < 1 || n > size || off > size-n) {
			t.Fatalf("%q of %d bytes: %d from %d", in, size, n, off)
		}
	})
}
