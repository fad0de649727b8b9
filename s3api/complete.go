package s3api

import (
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
)

// Limits of multipart uploads (S3 User Guide, "Amazon S3 multipart upload
// limits").
const (
	// MaxParts is the largest part number and the largest number of parts.
	MaxParts = 10000
	// MinPartSize is the size in bytes of the smallest part but the last.
	MinPartSize = 5 << 20
	// MaxPartSize is the size in bytes of the largest part, PutObject and copy
	// source.
	MaxPartSize = 5 << 30
	// MaxCompleteBody is the size in bytes of the largest document of a
	// CompleteMultipartUpload: 10,000 parts, each with the longest checksum and
	// generous indentation.
	MaxCompleteBody = 8 << 20

	maxETag = 256 // bytes
)

// CompletedPart is one part as CompleteMultipartUpload lists it.
type CompletedPart struct {
	// Number is 1 to 10000.
	Number int
	// ETag is without quotes.
	ETag string
	// Checksum is the one checksum of the part, if the client gave it.
	Checksum Checksum
}

var (
	errPartChecksum = ErrInvalidArgument.WithMessage("Invalid Base64 or multiple checksums present in request").With("ArgumentName", "Checksum")
	errPartNumber   = ErrInvalidArgument.WithMessage("PartNumber must be >= 1").With("ArgumentName", "PartNumber")
)

// ParseComplete reads the document of a CompleteMultipartUpload: one to 10,000
// parts in ascending order, each with its number and ETag and at most one
// checksum, and nothing else. The namespace does not matter.
//
// Errors are ErrMalformedXML, ErrInvalidPartOrder, and ErrInvalidArgument for
// a part number below 1 and for checksums that cannot be read.
func ParseComplete(doc []byte) ([]CompletedPart, error) {
	if len(doc) > MaxCompleteBody {
		return nil, ErrMalformedXML
	}
	parts, err := parseComplete(&xmlScanner{doc: doc})
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, e
	}
	if err != nil || len(parts) == 0 {
		return nil, ErrMalformedXML
	}
	for i := range parts[1:] {
		if parts[i+1].Number <= parts[i].Number {
			return nil, ErrInvalidPartOrder
		}
	}
	return parts, nil
}

func parseComplete(scan *xmlScanner) ([]CompletedPart, error) {
	root, err := scan.root()
	if err != nil {
		return nil, err
	}
	// The example in the API reference names the element after the operation,
	// the service model after the parameter's type.
	if name := string(root.local()); name != "CompleteMultipartUpload" && name != "CompletedMultipartUpload" {
		return nil, ErrMalformedXML
	}
	parts := make([]CompletedPart, 0, min(len(scan.doc)/64, MaxParts))
	err = eachChild(scan, root, func(t tag) error {
		if string(t.local()) != "Part" || len(parts) == MaxParts {
			return ErrMalformedXML
		}
		p, err := parseCompletedPart(scan, t)
		parts = append(parts, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return parts, scan.finish()
}

func parseCompletedPart(scan *xmlScanner, parent tag) (p CompletedPart, err error) {
	var number, etag bool // seen
	err = eachChild(scan, parent, func(t tag) error {
		text, err := textOf(scan, t)
		if err != nil {
			return err
		}
		switch name := t.local(); {
		case string(name) == "PartNumber" && !number:
			number = true
			p.Number, err = completedNumber(strings.TrimSpace(text))
			return err
		case string(name) == "ETag" && !etag:
			etag = true
			p.ETag = unquoteETag(text)
			return nil
		default:
			a, ok := algorithmOfElement(name)
			if !ok {
				return ErrMalformedXML
			}
			value, ok := a.decode(text)
			if !ok || !p.Checksum.IsZero() {
				return errPartChecksum.With("ArgumentValue", text)
			}
			p.Checksum = Checksum{Algorithm: a, Value: value}
			return nil
		}
	})
	if err == nil && (!number || p.ETag == "" || len(p.ETag) > maxETag) {
		err = ErrMalformedXML
	}
	return p, err
}

// completedNumber reads the number of a completed part.
func completedNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || strings.HasPrefix(text, "+") || n > MaxParts:
		return 0, ErrMalformedXML
	case n < 1:
		return 0, errPartNumber.With("ArgumentValue", text)
	}
	return n, nil
}

// unquoteETag takes the quotes of an ETag away, with white space around them.
func unquoteETag(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// AppendComplete appends the document of a CompleteMultipartUpload.
func AppendComplete(dst []byte, parts []CompletedPart) []byte {
	dst = append(dst, xml.Header+`<CompleteMultipartUpload xmlns="`+xmlNamespace+`">`...)
	for _, p := range parts {
		dst = append(dst, "<Part>"...)
		dst = appendElement(dst, "PartNumber", strconv.Itoa(p.Number))
		dst = appendElement(dst, "ETag", `"`+p.ETag+`"`)
		dst = p.Checksum.appendValue(dst)
		dst = append(dst, "</Part>"...)
	}
	return append(dst, "</CompleteMultipartUpload>"...)
}
