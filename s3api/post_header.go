package s3api

import (
	"errors"
	"net/http"
	"strings"
)

// postHeaders are the fields, in lower case, that stand for the header of the
// same name of a PutObject.
var postHeaders = map[string]bool{
	"cache-control": true, "content-disposition": true, "content-encoding": true, "content-language": true,
	"content-md5": true, "content-type": true, "expires": true,
	"x-amz-expected-bucket-owner": true, "x-amz-request-payer": true, "x-amz-storage-class": true, "x-amz-website-redirect-location": true,
	"x-amz-object-lock-legal-hold": true, "x-amz-object-lock-mode": true, "x-amz-object-lock-retain-until-date": true,
}

// postHeaderPrefixes begin the names of others.
var postHeaderPrefixes = []string{"x-amz-meta-", "x-amz-checksum-", "x-amz-grant-", "x-amz-server-side-encryption"}

// Header returns the headers that a PutObject would have in place of the
// fields: those fields that are named like a header, acl and tagging. Other
// fields whose name begins with x-amz- are ErrNotImplemented, unless they
// authenticate the form; all else stands for no header. ErrInvalidArgument is
// for values that cannot be in one, ErrMalformedXML for tags that cannot be
// read.
func (f *PostForm) Header() (http.Header, error) {
	h := make(http.Header, len(f.fields))
	for i := range f.fields {
		field := &f.fields[i]
		name, value := field.lower, field.value
		switch {
		case name == "acl":
			name = "x-amz-acl"
		case name == "tagging":
			tags, err := parseTagging([]byte(value))
			if err != nil {
				return nil, err
			}
			name, value = "x-amz-tagging", tags
		case isPostHeader(name):
		case strings.HasPrefix(name, "x-amz-") && !isPostAuth(name):
			return nil, ErrNotImplemented.With("Header", name)
		default:
			continue
		}
		if !isHeaderName(name) || !isHeaderValue(value) {
			return nil, ErrInvalidArgument.
				WithMessage("The form field cannot stand for a header.").
				With("ArgumentName", field.name)
		}
		h[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if err := checkPostChecksum(h); err != nil {
		return nil, err
	}
	return h, nil
}

func isPostHeader(name string) bool {
	if postHeaders[name] {
		return true
	}
	for _, p := range postHeaderPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// checkPostChecksum demands that x-amz-checksum-algorithm, which for a form
// announces the checksum that comes with it, tells the truth.
func checkPostChecksum(h http.Header) error {
	a, err := ParseChecksumAlgorithm(h)
	if err != nil || a == 0 {
		return err
	}
	if _, ok := h[a.Header()]; !ok {
		return ErrInvalidRequest.WithMessage("x-amz-checksum-algorithm specified, but no corresponding x-amz-checksum-* field was found.")
	}
	return nil
}

// isHeaderName reports whether s is a token of RFC 9110.
func isHeaderName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isHeaderValue reports whether s can be the value of a header.
func isHeaderValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// maxTags is the most tags of one object (S3 User Guide, "Categorizing your
// objects using tags").
const maxTags = 10

// parseTagging reads a Tagging document and returns its tags in the form of
// x-amz-tagging.
func parseTagging(doc []byte) (string, error) {
	var tags Query
	err := readTagging(&xmlScanner{doc: doc}, &tags)
	if e, ok := errors.AsType[*Error](err); ok {
		return "", e
	}
	if err != nil {
		return "", ErrMalformedXML
	}
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(t.Name, false))
		b.WriteByte('=')
		b.WriteString(escape(t.Value, false))
	}
	return b.String(), nil
}

func readTagging(scan *xmlScanner, tags *Query) error {
	root, err := scan.root()
	if err != nil {
		return err
	}
	if string(root.local()) != "Tagging" {
		return ErrMalformedXML
	}
	err = elements(scan, root, map[string]func(tag) error{
		"TagSet": func(set tag) error {
			return eachChild(scan, set, func(t tag) error {
				if string(t.local()) != "Tag" || len(*tags) == maxTags {
					return ErrMalformedXML
				}
				p, err := tagOf(scan, t)
				*tags = append(*tags, p)
				return err
			})
		},
	}, "TagSet")
	if err != nil {
		return err
	}
	return scan.finish()
}

func tagOf(scan *xmlScanner, parent tag) (p Param, err error) {
	err = elements(scan, parent, map[string]func(tag) error{
		"Key":   func(t tag) (err error) { p.Name, err = textOf(scan, t); return err },
		"Value": func(t tag) (err error) { p.Value, err = textOf(scan, t); return err },
	}, "Key", "Value")
	return p, err
}
