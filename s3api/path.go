package s3api

import "strings"

// maxKeyBytes is the longest object key in bytes of UTF-8 (S3 User Guide,
// "Naming Amazon S3 objects").
const maxKeyBytes = 1024

// ParsePath splits a raw, still escaped path-style request path into bucket
// and object key and decodes each exactly once. "/" gives neither, "/bucket"
// and "/bucket/" the bucket alone.
//
// A key is opaque: "..", "//" and an encoded slash are bytes of the key and no
// cleaning takes place. Errors are ErrInvalidURI (broken escapes, NUL, not
// UTF-8, no leading slash), ErrInvalidBucketName and ErrKeyTooLong.
func ParsePath(rawPath string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(rawPath, "/")
	if !ok {
		return "", "", ErrInvalidURI
	}
	if rest == "" {
		return "", "", nil
	}
	// The split comes before decoding: an encoded slash cannot end a bucket
	// name, so what is checked here is the segment that goes upstream.
	rawBucket, rawKey, _ := strings.Cut(rest, "/")
	if bucket, ok = unescape(rawBucket, false); !ok {
		return "", "", ErrInvalidURI
	}
	if !ValidBucketName(bucket) {
		return "", "", ErrInvalidBucketName.With("BucketName", bucket)
	}
	if key, err = decodeKey(rawKey); err != nil {
		return "", "", err
	}
	return bucket, key, nil
}

// ValidBucketName reports whether name may name a bucket (S3 User Guide,
// "General purpose bucket naming rules"): 3 to 63 lower-case letters, digits,
// dots and hyphens, with a letter or digit at both ends, no two dots in a row
// and not in the form of an IPv4 address. A valid name is always safe as one
// path segment.
//
// The name "minio" is refused as well: a MinIO store serves its own interfaces
// below that path, and no S3 request may reach them.
func ValidBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || name == "minio" {
		return false
	}
	if !isLowerAlnum(name[0]) || !isLowerAlnum(name[len(name)-1]) {
		return false
	}
	address := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'z', c == '-':
			address = false
		case c == '.':
			if name[i-1] == '.' {
				return false
			}
		default:
			return false
		}
	}
	return !address || strings.Count(name, ".") != 3
}

func isLowerAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// EscapePath percent-encodes a decoded path for the wire and for the canonical
// request of AWS Signature Version 4 as S3 does it: every octet once, in
// upper-case hex, except letters, digits, '-', '.', '_', '~' and '/'.
func EscapePath(p string) string {
	return escape(p, true)
}

const upperHex = "0123456789ABCDEF"

// escape percent-encodes everything but the unreserved characters of RFC 3986
// and, if keepSlash, '/'.
func escape(s string, keepSlash bool) string {
	n := 0
	for i := range len(s) {
		if !unreserved(s[i]) && (s[i] != '/' || !keepSlash) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 2*n)
	for i := range len(s) {
		c := s[i]
		if unreserved(c) || c == '/' && keepSlash {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// unescape decodes percent-escapes once, and '+' as a space if plusIsSpace. It
// returns false for an escape that is cut off or not hex.
func unescape(s string, plusIsSpace bool) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && (!plusIsSpace || strings.IndexByte(s, '+') < 0) {
		return s, true
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if len(s)-i < 3 {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi > 15 || lo > 15 {
				return "", false
			}
			b.WriteByte(hi<<4 | lo)
			i += 2
		case c == '+' && plusIsSpace:
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unhex returns the value of a hex digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
