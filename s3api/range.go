package s3api

import (
	"math"
	"strconv"
	"strings"
)

// Range is one byte range as a client asks for it, before the object's size is
// known (RFC 9110, section 14.1.2).
type Range struct {
	// First is the first byte wanted, from 0; -1 if the range counts from the
	// end of the object.
	First int64
	// Last is the last byte wanted, itself included; -1 means the end.
	Last int64
	// Suffix is how many bytes are wanted from the end if First is -1.
	Suffix int64
}

// ParseRange reads a Range header. It returns false for every header S3
// ignores, answering with the whole object: none, a unit other than bytes,
// more than one range, a range that runs backwards, anything malformed. A
// number too large for any object is taken as the largest possible.
func ParseRange(h string) (Range, bool) {
	unit, spec, ok := strings.Cut(h, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return Range{}, false
	}
	first, last, ok := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !ok {
		return Range{}, false
	}
	if first == "" {
		n, ok := parseOffset(last)
		return Range{First: -1, Last: -1, Suffix: n}, ok
	}
	r := Range{Last: -1}
	if r.First, ok = parseOffset(first); !ok {
		return Range{}, false
	}
	if last == "" {
		return r, true
	}
	if r.Last, ok = parseOffset(last); !ok || r.Last < r.First {
		return Range{}, false
	}
	return r, true
}

// parseOffset reads digits, and nothing but digits, as a number that stops at
// the largest int64.
func parseOffset(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 {
			return 0, false
		}
		if n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + d
	}
	return n, true
}

// IsSuffix reports whether the range counts from the end of the object.
func (r Range) IsSuffix() bool { return r.First < 0 }

// Resolve applies the range to an object of size bytes: n bytes from offset
// off, n at least 1. It returns false if the object has no byte of the range,
// which S3 answers with InvalidRange.
func (r Range) Resolve(size int64) (off, n int64, ok bool) {
	if r.IsSuffix() {
		n = min(r.Suffix, size)
		if n <= 0 {
			return 0, 0, false
		}
		return size - n, n, true
	}
	if r.First >= size {
		return 0, 0, false
	}
	last := size - 1
	if r.Last >= 0 {
		last = min(last, r.Last)
	}
	if last < r.First {
		return 0, 0, false
	}
	return r.First, last - r.First + 1, true
}

// String returns the range as a Range header.
func (r Range) String() string {
	b := append(make([]byte, 0, 48), "bytes="...)
	if r.IsSuffix() {
		return string(strconv.AppendInt(append(b, '-'), r.Suffix, 10))
	}
	b = append(strconv.AppendInt(b, r.First, 10), '-')
	if r.Last >= 0 {
		b = strconv.AppendInt(b, r.Last, 10)
	}
	return string(b)
}

// ContentRange returns the Content-Range header for n bytes from offset off of
// an object of size bytes, or, if n is 0, the one that goes with InvalidRange.
func ContentRange(off, n, size int64) string {
	b := append(make([]byte, 0, 64), "bytes "...)
	if n > 0 {
		b = append(strconv.AppendInt(b, off, 10), '-')
		b = strconv.AppendInt(b, off+n-1, 10)
	} else {
		b = append(b, '*')
	}
	return string(strconv.AppendInt(append(b, '/'), size, 10))
}
