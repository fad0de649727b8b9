package s3api

import (
	"encoding/xml"
	"errors"
)

// Limits of a DeleteObjects request.
const (
	// MaxDeleteBody is the size in bytes of the largest request document.
	MaxDeleteBody = 2 << 20
	// MaxDeleteObjects is the largest number of objects in one request.
	MaxDeleteObjects = 1000

	maxDeleteKey = 1024 // bytes
)

// DeleteRequest is the body of a DeleteObjects request.
type DeleteRequest struct {
	Objects []DeleteObject
	// Quiet leaves objects deleted without error out of the answer.
	Quiet bool
}

// DeleteObject names one object to delete. VersionID and ETag are optional;
// an ETag, as the client wrote it, makes the deletion conditional.
type DeleteObject struct {
	Key, VersionID, ETag string
}

// ParseDelete reads the body of a DeleteObjects request: a Delete element with
// one to a thousand Object elements and perhaps Quiet, and nothing else, so
// that nothing goes to the store that was not understood. Keys are 1 to 1024
// bytes of UTF-8; control characters may be written as references.
//
// Errors are ErrMalformedXML, and ErrNotImplemented for the conditions that
// only directory buckets know.
func ParseDelete(body []byte) (*DeleteRequest, error) {
	if len(body) > MaxDeleteBody {
		return nil, ErrMalformedXML
	}
	d := &DeleteRequest{}
	err := d.parse(&xmlScanner{doc: body})
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, e
	}
	if err != nil || len(d.Objects) == 0 {
		return nil, ErrMalformedXML
	}
	return d, nil
}

func (d *DeleteRequest) parse(scan *xmlScanner) error {
	root, err := scan.root()
	if err != nil {
		return err
	}
	if string(root.local()) != "Delete" {
		return ErrMalformedXML
	}
	var quiet bool // seen
	err = eachChild(scan, root, func(t tag) error {
		switch {
		case string(t.local()) == "Object" && len(d.Objects) < MaxDeleteObjects:
			o, err := parseDeleteObject(scan, t)
			d.Objects = append(d.Objects, o)
			return err
		case string(t.local()) == "Quiet" && !quiet:
			quiet = true
			text, err := textOf(scan, t)
			if err != nil {
				return err
			}
			d.Quiet, err = parseBool(text)
			return err
		}
		return ErrMalformedXML
	})
	if err != nil {
		return err
	}
	return scan.finish()
}

func parseDeleteObject(scan *xmlScanner, parent tag) (o DeleteObject, err error) {
	seen := map[string]bool{}
	err = eachChild(scan, parent, func(t tag) error {
		name := string(t.local())
		if seen[name] {
			return ErrMalformedXML
		}
		seen[name] = true
		text, err := textOf(scan, t)
		if err != nil {
			return err
		}
		switch name {
		case "Key":
			o.Key = text
		case "VersionId":
			o.VersionID = text
		case "ETag":
			o.ETag = text
		case "LastModifiedTime", "Size":
			return ErrNotImplemented.WithMessage("Conditions on %s are not implemented", name)
		default:
			return ErrMalformedXML
		}
		return nil
	})
	if err == nil && (o.Key == "" || len(o.Key) > maxDeleteKey) {
		err = ErrMalformedXML
	}
	return o, err
}

// parseBool reads an XML boolean, in any case: SDKs have written "True".
func parseBool(text string) (bool, error) {
	switch text {
	case "true", "True", "TRUE", "1":
		return true, nil
	case "false", "False", "FALSE", "0":
		return false, nil
	}
	return false, errors.New("not a boolean")
}

// AppendXML appends the request document.
func (d *DeleteRequest) AppendXML(dst []byte) []byte {
	dst = append(dst, xml.Header+`<Delete xmlns="`+xmlNamespace+`">`...)
	for _, o := range d.Objects {
		dst = append(dst, "<Object>"...)
		dst = appendElement(dst, "Key", o.Key)
		dst = appendNonEmpty(dst, "VersionId", o.VersionID)
		dst = appendNonEmpty(dst, "ETag", o.ETag)
		dst = append(dst, "</Object>"...)
	}
	if d.Quiet {
		dst = appendElement(dst, "Quiet", "true")
	}
	return append(dst, "</Delete>"...)
}

func appendNonEmpty(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return appendElement(dst, name, text)
}
