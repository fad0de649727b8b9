package metadata

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// MaxUserMetadata is the most bytes of user metadata that an object can have,
// as in Amazon S3: names without "x-amz-meta-", and values.
const MaxUserMetadata = 2048

const userPrefix = "X-Amz-Meta-"

// privateNames are the names after "x-amz-meta-" that clients neither set nor
// see; each stands for itself and for whatever follows it after a '-'. They
// are the envelope's and those by which some stores are told to treat an
// object in their own way, unpacking it for instance.
var privateNames = [...]string{"s3sse", "snowball", "minio"}

// Private reports whether a header is private metadata of the service or the
// store, in any case of letters.
func Private(name string) bool {
	rest, ok := cutUserPrefix(name)
	if !ok {
		return false
	}
	for _, p := range privateNames {
		if len(rest) >= len(p) && strings.EqualFold(rest[:len(p)], p) && (len(rest) == len(p) || rest[len(p)] == '-') {
			return true
		}
	}
	return false
}

// CheckUserMetadata refuses a request that sets private metadata or more than
// MaxUserMetadata bytes. Errors are *s3api.Error.
func CheckUserMetadata(h http.Header) error {
	size := 0
	for name, values := range h {
		rest, ok := cutUserPrefix(name)
		if !ok {
			continue
		}
		if Private(name) {
			return invalid(name, "This metadata name is reserved.")
		}
		size += len(rest) + max(0, len(values)-1) // values of one name are joined with commas
		for _, v := range values {
			size += len(v)
		}
	}
	if size > MaxUserMetadata {
		return s3api.ErrMetadataTooLarge.
			With("Size", strconv.Itoa(size)).
			With("MaxSizeAllowed", strconv.Itoa(MaxUserMetadata))
	}
	return nil
}

// StripPrivate removes private metadata from the headers of a response.
func StripPrivate(h http.Header) {
	for name := range h {
		if Private(name) {
			delete(h, name)
		}
	}
}

func cutUserPrefix(name string) (rest string, ok bool) {
	if len(name) < len(userPrefix) || !strings.EqualFold(name[:len(userPrefix)], userPrefix) {
		return "", false
	}
	return name[len(userPrefix):], true
}
