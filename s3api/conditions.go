package s3api

import (
	"net/http"
	"strings"
	"time"
)

// Names of the conditional headers, as they stand in the Condition element of
// an error.
const (
	headerIfMatch           = "If-Match"
	headerIfNoneMatch       = "If-None-Match"
	headerIfModifiedSince   = "If-Modified-Since"
	headerIfUnmodifiedSince = "If-Unmodified-Since"
)

// Conditions are the conditional headers of a read. The zero value has none.
type Conditions struct {
	match, noneMatch  []entityTag
	modified          time.Time
	unmodified        time.Time
	hasMatch, hasNone bool
}

// entityTag is one element of If-Match or If-None-Match. The tag "*" that
// stands for any is told from a quoted one by any.
type entityTag struct {
	value string
	weak  bool
	any   bool
}

// ParseConditions reads the conditional headers of GET and HEAD. A date that
// cannot be read is ignored, as RFC 9110 asks, and so is an empty list.
func ParseConditions(h http.Header) Conditions {
	var c Conditions
	if v := h[headerIfMatch]; v != nil {
		c.match = parseEntityTags(v)
		c.hasMatch = len(c.match) > 0
	}
	if v := h[headerIfNoneMatch]; v != nil {
		c.noneMatch = parseEntityTags(v)
		c.hasNone = len(c.noneMatch) > 0
	}
	c.modified = parseDate(h[headerIfModifiedSince])
	c.unmodified = parseDate(h[headerIfUnmodifiedSince])
	return c
}

// IsZero reports whether there is no condition to evaluate.
func (c Conditions) IsZero() bool {
	return !c.hasMatch && !c.hasNone && c.modified.IsZero() && c.unmodified.IsZero()
}

// Evaluate applies the conditions to an object that exists, in the order of
// RFC 9110, section 13.2.2. etag may be quoted or not. The status is 0 if the
// request is to be performed, http.StatusNotModified or
// http.StatusPreconditionFailed; condition then is the header that decided.
// Times count in whole seconds, as the headers carry them.
func (c Conditions) Evaluate(etag string, modified time.Time) (status int, condition string) {
	etag = strings.Trim(etag, `"`)
	modified = modified.Truncate(time.Second)
	switch {
	case c.hasMatch:
		if !matchesStrong(c.match, etag) {
			return http.StatusPreconditionFailed, headerIfMatch
		}
	case !c.unmodified.IsZero() && modified.After(c.unmodified):
		return http.StatusPreconditionFailed, headerIfUnmodifiedSince
	}
	switch {
	case c.hasNone:
		if matchesWeak(c.noneMatch, etag) {
			return http.StatusNotModified, headerIfNoneMatch
		}
	case !c.modified.IsZero() && !modified.After(c.modified):
		return http.StatusNotModified, headerIfModifiedSince
	}
	return 0, ""
}

// matchesStrong is the comparison of If-Match: a weak tag matches nothing.
func matchesStrong(tags []entityTag, etag string) bool {
	for _, t := range tags {
		if t.any || !t.weak && t.value == etag {
			return true
		}
	}
	return false
}

// matchesWeak is the comparison of If-None-Match: weak or not is the same.
func matchesWeak(tags []entityTag, etag string) bool {
	for _, t := range tags {
		if t.any || t.value == etag {
			return true
		}
	}
	return false
}

// parseEntityTags reads lists of entity tags. Beyond RFC 9110 it takes tags
// without quotes, which S3 clients send; a quote left open ends with the
// header.
func parseEntityTags(values []string) []entityTag {
	var tags []entityTag
	for _, s := range values {
		for {
			s = strings.TrimLeft(s, " \t,")
			if s == "" {
				break
			}
			var t entityTag
			if strings.HasPrefix(s, "W/") {
				t.weak = true
				s = s[2:]
			}
			if strings.HasPrefix(s, `"`) {
				t.value, s, _ = strings.Cut(s[1:], `"`)
			} else {
				t.value, s, _ = strings.Cut(s, ",")
				t.value = strings.TrimRight(t.value, " \t")
				t.any = t.value == "*" && !t.weak
			}
			tags = append(tags, t)
		}
	}
	return tags
}

// parseDate returns the zero time unless there is exactly one date and it is
// an HTTP date.
func parseDate(values []string) time.Time {
	if len(values) != 1 {
		return time.Time{}
	}
	t, err := http.ParseTime(values[0])
	if err != nil {
		return time.Time{}
	}
	return t
}
