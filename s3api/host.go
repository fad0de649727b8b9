package s3api

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseHost finds the bucket that a virtual-hosted-style request names in its
// Host (S3 User Guide, "Virtual hosting of general purpose buckets"): what
// stands before one of the domains, the longest that fits. The domains are in
// lower case, without a port and without a dot at either end.
//
// ok is false for a request in path style, whose host is one of the domains or
// below none of them. A host below a domain that cannot be a bucket gives ""
// and true: the request is to be refused with ErrInvalidBucketName, not read
// in another way.
func ParseHost(host string, domains []string) (bucket string, ok bool) {
	host = strings.TrimSuffix(strings.ToLower(stripPort(host)), ".")
	longest := 0
	for _, d := range domains {
		if host == d {
			return "", false
		}
		if len(d) <= longest || !strings.HasSuffix(host, "."+d) {
			continue
		}
		longest = len(d)
		bucket, ok = host[:len(host)-len(d)-1], true
	}
	if !ValidBucketName(bucket) {
		bucket = ""
	}
	return bucket, ok
}

// stripPort takes ":port" off a host.
func stripPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	for _, c := range []byte(host[i+1:]) {
		if c < '0' || c > '9' {
			return host
		}
	}
	return host[:i]
}

// ParseKey decodes the raw, still escaped path of a request whose bucket is in
// its Host: all of it but the first slash is the key, which is empty for a
// request about the bucket. It is exact in the way of ParsePath and has its
// errors.
func ParseKey(rawPath string) (string, error) {
	raw, ok := strings.CutPrefix(rawPath, "/")
	if !ok {
		return "", ErrInvalidURI
	}
	return decodeKey(raw)
}

func decodeKey(raw string) (string, error) {
	key, ok := unescape(raw, false)
	if !ok {
		return "", ErrInvalidURI
	}
	return checkKey(key)
}

// checkKey refuses what no key can be.
func checkKey(key string) (string, error) {
	if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
		return "", ErrInvalidURI
	}
	if len(key) > maxKeyBytes {
		return "", ErrKeyTooLong.
			With("Size", strconv.Itoa(len(key))).
			With("MaxSizeAllowed", strconv.Itoa(maxKeyBytes))
	}
	return key, nil
}
