package s3api

import (
	"net/http"
	"strings"
)

// WriteCondition is the one condition a write may have. The zero value is no
// condition; at most one field is set.
type WriteCondition struct {
	// Absent: there must be no object of that key (If-None-Match: *).
	Absent bool
	// Present: there must be an object of that key (If-Match: *). Deletes only.
	Present bool
	// ETag is the ETag the object must have, without quotes (If-Match).
	ETag string
}

// ParseWriteCondition reads the conditional headers of PutObject and
// CompleteMultipartUpload (S3 User Guide, "Conditional writes"): If-None-Match
// with "*" or If-Match with one ETag. Any other condition is
// ErrNotImplemented, never ignored: a client that sets one relies on it.
func ParseWriteCondition(h http.Header) (WriteCondition, error) {
	c, err := parseWriteCondition(h)
	if err == nil && c.Present {
		return WriteCondition{}, unsupportedCondition(headerIfMatch)
	}
	return c, err
}

// ParseDeleteCondition reads the conditional headers of DeleteObject (S3 User
// Guide, "Conditional deletes"): If-Match with one ETag or "*". The conditions
// on size and time, which belong to directory buckets, and all others are
// ErrNotImplemented.
func ParseDeleteCondition(h http.Header) (WriteCondition, error) {
	for _, name := range [...]string{"X-Amz-If-Match-Size", "X-Amz-If-Match-Last-Modified-Time"} {
		if _, ok := h[name]; ok {
			return WriteCondition{}, unsupportedCondition(name)
		}
	}
	c, err := parseWriteCondition(h)
	if err == nil && c.Absent {
		return WriteCondition{}, unsupportedCondition(headerIfNoneMatch)
	}
	return c, err
}

func parseWriteCondition(h http.Header) (c WriteCondition, err error) {
	match, hasMatch := h[headerIfMatch]
	none, hasNone := h[headerIfNoneMatch]
	if hasMatch && hasNone {
		return c, ErrMultipleConditions.With("Header", headerIfMatch+","+headerIfNoneMatch)
	}
	if _, ok := h[headerIfUnmodifiedSince]; ok {
		return c, unsupportedCondition(headerIfUnmodifiedSince)
	}
	if hasNone {
		tags := parseEntityTags(none)
		if len(tags) != 1 || !tags[0].any {
			return c, unsupportedCondition(headerIfNoneMatch)
		}
		return WriteCondition{Absent: true}, nil
	}
	if hasMatch {
		tags := parseEntityTags(match)
		if len(tags) != 1 || tags[0].weak || tags[0].value == "" {
			return c, unsupportedCondition(headerIfMatch)
		}
		if tags[0].any {
			return WriteCondition{Present: true}, nil
		}
		return WriteCondition{ETag: tags[0].value}, nil
	}
	return c, nil
}

// IsZero reports whether there is no condition.
func (c WriteCondition) IsZero() bool { return c == WriteCondition{} }

// Check applies the condition to what is stored under the key. etag is the
// stored object's ETag, quoted or not, and does not count if there is no object.
// The error is ErrPreconditionFailed with the Condition, or ErrNoSuchKey.
func (c WriteCondition) Check(exists bool, etag string) error {
	switch {
	case c.IsZero():
		return nil
	case c.Absent:
		if exists {
			return ErrPreconditionFailed.With("Condition", headerIfNoneMatch)
		}
	case !exists:
		return ErrNoSuchKey
	case !c.Present && c.ETag != strings.Trim(etag, `"`):
		return ErrPreconditionFailed.With("Condition", headerIfMatch)
	}
	return nil
}

func unsupportedCondition(name string) *Error {
	return ErrNotImplemented.
		With("Header", name).
		With("additionalMessage", "We don't accept the provided value of "+name+" header for this API")
}
