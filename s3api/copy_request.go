package s3api

import (
	"net/http"
	"strings"
	"time"
)

// CopyDirectives is what a CopyObject says of all that goes with the content.
type CopyDirectives struct {
	// ReplaceMetadata and ReplaceTags: take those of the request in place of
	// the source's.
	ReplaceMetadata, ReplaceTags bool
	// Checksum is the algorithm that the copy is to have, zero for the source's.
	Checksum Algorithm
}

// ParseCopyDirectives reads x-amz-metadata-directive,
// x-amz-tagging-directive and x-amz-checksum-algorithm of a CopyObject. Errors
// are *Error.
func ParseCopyDirectives(h http.Header) (d CopyDirectives, err error) {
	if d.ReplaceMetadata, err = parseDirective(h, "X-Amz-Metadata-Directive", "Unknown metadata directive."); err != nil {
		return CopyDirectives{}, err
	}
	if d.ReplaceTags, err = parseDirective(h, "X-Amz-Tagging-Directive", "Unknown tagging directive."); err != nil {
		return CopyDirectives{}, err
	}
	if d.Checksum, err = ParseChecksumAlgorithm(h); err != nil {
		return CopyDirectives{}, err
	}
	return d, nil
}

// parseDirective reads COPY, which is the default, or REPLACE.
func parseDirective(h http.Header, name, message string) (replace bool, err error) {
	values := h[name]
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) == 1 && values[0] == "COPY":
		return false, nil
	case len(values) == 1 && values[0] == "REPLACE":
		return true, nil
	}
	return false, ErrInvalidArgument.
		WithMessage("%s", message).
		With("ArgumentName", strings.ToLower(name)).
		With("ArgumentValue", values[0])
}

// CopyConditions are the conditions that a copy puts on its source. The zero
// value has none.
type CopyConditions struct {
	conditions Conditions
}

// copyConditionPrefix stands before the names of the headers of a read.
const copyConditionPrefix = "X-Amz-Copy-Source-"

// ParseCopyConditions reads the x-amz-copy-source-if-… headers. One that
// cannot be read is InvalidArgument: a copy that went ahead without it would
// not be what the client asked for.
func ParseCopyConditions(h http.Header) (CopyConditions, error) {
	plain := make(http.Header, 4)
	for _, name := range [...]string{headerIfMatch, headerIfNoneMatch, headerIfModifiedSince, headerIfUnmodifiedSince} {
		if values, ok := h[copyConditionPrefix+name]; ok {
			plain[name] = values
		}
	}
	c := ParseConditions(plain)
	for name, read := range map[string]bool{
		headerIfMatch: c.hasMatch, headerIfNoneMatch: c.hasNone,
		headerIfModifiedSince: !c.modified.IsZero(), headerIfUnmodifiedSince: !c.unmodified.IsZero(),
	} {
		if values, ok := plain[name]; ok && !read {
			return CopyConditions{}, ErrInvalidArgument.
				With("ArgumentName", strings.ToLower(copyConditionPrefix+name)).
				With("ArgumentValue", strings.Join(values, ","))
		}
	}
	return CopyConditions{c}, nil
}

// IsZero reports whether there is no condition.
func (c CopyConditions) IsZero() bool { return c.conditions.IsZero() }

// Check applies the conditions to the source (S3 API Reference, CopyObject):
// of If-Match and If-Unmodified-Since the first decides alone, and so of
// If-None-Match and If-Modified-Since. etag may be quoted or not. What does
// not hold is ErrPreconditionFailed with the name of the header.
func (c CopyConditions) Check(etag string, modified time.Time) error {
	if status, condition := c.conditions.Evaluate(etag, modified); status != 0 {
		return ErrPreconditionFailed.With("Condition", strings.ToLower(copyConditionPrefix)+condition)
	}
	return nil
}
