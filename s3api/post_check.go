package s3api

import (
	"slices"
	"strings"
	"time"
)

// Check evaluates the policy for a form that is posted to a bucket: it has not
// expired, every condition holds, and every field is the subject of one, with
// the bucket as one of the fields. Errors are ErrAccessDenied with the texts of
// S3.
//
// Exempt are the file, the policy and its signature, and fields whose name
// begins with x-ignore-. What the policy says of the size of the file is not
// checked here: see FileSize.
func (p *PostPolicy) Check(f *PostForm, bucket string, now time.Time) error {
	if !now.Before(p.expiration) {
		return ErrAccessDenied.WithMessage("Invalid according to Policy: Policy expired.")
	}
	for i := range p.conditions {
		c := &p.conditions[i]
		value, ok := f.Field(c.name)
		if c.name == "bucket" {
			if ok && value != bucket {
				return conditionFailed(c.text)
			}
			value, ok = bucket, true
		}
		if !ok || !c.holds(value) {
			return conditionFailed(c.text)
		}
	}
	for i := range f.fields {
		if !p.covers(f.fields[i].lower) {
			return extraField(f.fields[i].name)
		}
	}
	if !p.covers("bucket") {
		return extraField("bucket")
	}
	return nil
}

// FileSize returns the smallest and the largest size in bytes that the policy
// allows for the file.
func (p *PostPolicy) FileSize() (smallest, largest int64) { return p.min, p.max }

// holds reports whether the condition holds for a value that is there.
func (c *postCondition) holds(value string) bool {
	switch {
	case c.never:
		return false
	case !c.prefix:
		return value == c.value
	case c.name == "content-type":
		// A list, of which every type must do.
		for one := range strings.SplitSeq(value, ",") {
			if !strings.HasPrefix(strings.TrimLeft(one, " \t"), c.value) {
				return false
			}
		}
		return true
	}
	return strings.HasPrefix(value, c.value)
}

// covers reports whether a field, named in lower case, needs no condition or
// has one.
func (p *PostPolicy) covers(field string) bool {
	if field == "x-amz-signature" || field == "policy" || field == "file" || strings.HasPrefix(field, "x-ignore-") {
		return true
	}
	return slices.ContainsFunc(p.conditions, func(c postCondition) bool { return c.name == field })
}

func extraField(name string) *Error {
	return ErrAccessDenied.WithMessage("Invalid according to Policy: Extra input fields: %s", name)
}
