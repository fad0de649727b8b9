package s3api

import (
	"encoding/xml"
	"fmt"
)

// DeleteResult is the answer to DeleteObjects.
type DeleteResult struct {
	Deleted []Deleted
	Errors  []DeleteError
}

// Deleted is one object that is gone. DeleteMarker tells that the deletion
// made or removed a delete marker, whose version DeleteMarkerVersionID is.
type Deleted struct {
	Key, VersionID        string
	DeleteMarker          bool
	DeleteMarkerVersionID string
}

// DeleteError is one object that was not deleted.
type DeleteError struct {
	Key, VersionID, Code, Message string
}

// ParseDeleteResult reads a store's answer to DeleteObjects. Elements that it
// does not know are skipped.
func ParseDeleteResult(doc []byte) (*DeleteResult, error) {
	r := &DeleteResult{}
	if _, err := r.parse(&xmlScanner{doc: doc}); err != nil {
		return nil, fmt.Errorf("delete result: %w", err)
	}
	return r, nil
}

// parse returns the tag that closes the root element, or the root's only tag
// if it is empty.
func (r *DeleteResult) parse(scan *xmlScanner) (end tag, err error) {
	root, err := scan.next()
	switch {
	case err != nil:
		return tag{}, err
	case string(root.local()) != "DeleteResult" || root.kind == tagClose:
		return tag{}, errAt(root.start, "not a DeleteResult")
	case root.kind == tagEmpty:
		return root, scan.finish()
	}
	for {
		t, ok, err := scan.child(root)
		if err != nil {
			return tag{}, err
		}
		if !ok {
			return t, scan.finish()
		}
		switch string(t.local()) {
		case "Deleted":
			err = r.deleted(scan, t)
		case "Error":
			err = r.failed(scan, t)
		default:
			_, err = scan.skip(t)
		}
		if err != nil {
			return tag{}, err
		}
	}
}

func (r *DeleteResult) deleted(scan *xmlScanner, parent tag) error {
	var d Deleted
	err := eachChild(scan, parent, func(t tag) (err error) {
		switch string(t.local()) {
		case "Key":
			d.Key, err = textOf(scan, t)
		case "VersionId":
			d.VersionID, err = textOf(scan, t)
		case "DeleteMarkerVersionId":
			d.DeleteMarkerVersionID, err = textOf(scan, t)
		case "DeleteMarker":
			var text string
			if text, err = textOf(scan, t); err == nil {
				d.DeleteMarker, err = parseBool(text)
			}
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	r.Deleted = append(r.Deleted, d)
	return err
}

func (r *DeleteResult) failed(scan *xmlScanner, parent tag) error {
	var e DeleteError
	err := eachChild(scan, parent, func(t tag) (err error) {
		switch string(t.local()) {
		case "Key":
			e.Key, err = textOf(scan, t)
		case "VersionId":
			e.VersionID, err = textOf(scan, t)
		case "Code":
			e.Code, err = textOf(scan, t)
		case "Message":
			e.Message, err = textOf(scan, t)
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	r.Errors = append(r.Errors, e)
	return err
}

// MergeDeleteResult appends to dst the store's answer doc with more results at
// its end and everything else as it was. A nil doc stands for an answer about
// no object, for when none was left to ask the store about.
func MergeDeleteResult(dst, doc []byte, more DeleteResult) ([]byte, error) {
	if doc == nil {
		doc = []byte(xml.Header + `<DeleteResult xmlns="` + xmlNamespace + `"></DeleteResult>`)
	}
	end, err := new(DeleteResult).parse(&xmlScanner{doc: doc})
	if err != nil {
		return dst, fmt.Errorf("delete result: %w", err)
	}
	if end.kind == tagEmpty {
		// <DeleteResult .../> is opened to take the results.
		dst = append(dst, doc[:end.end-len("/>")]...)
		dst = append(dst, '>')
		dst = more.append(dst)
		dst = append(append(append(dst, "</"...), end.name...), '>')
		return append(dst, doc[end.end:]...), nil
	}
	dst = append(dst, doc[:end.start]...)
	dst = more.append(dst)
	return append(dst, doc[end.start:]...), nil
}

func (r *DeleteResult) append(dst []byte) []byte {
	for _, d := range r.Deleted {
		dst = append(dst, "<Deleted>"...)
		dst = appendElement(dst, "Key", d.Key)
		dst = appendNonEmpty(dst, "VersionId", d.VersionID)
		if d.DeleteMarker {
			dst = appendElement(dst, "DeleteMarker", "true")
		}
		dst = appendNonEmpty(dst, "DeleteMarkerVersionId", d.DeleteMarkerVersionID)
		dst = append(dst, "</Deleted>"...)
	}
	for _, e := range r.Errors {
		dst = append(dst, "<Error>"...)
		dst = appendElement(dst, "Key", e.Key)
		dst = appendNonEmpty(dst, "VersionId", e.VersionID)
		dst = appendElement(dst, "Code", e.Code)
		dst = appendElement(dst, "Message", e.Message)
		dst = append(dst, "</Error>"...)
	}
	return dst
}
