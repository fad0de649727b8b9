package s3api

import (
	"encoding/xml"
	"fmt"
	"strconv"
)

// Owner is who owns an object or began an upload.
type Owner struct {
	ID, DisplayName string
}

// ListPartsResult is the answer to ListParts.
type ListPartsResult struct {
	Bucket, Key, UploadID string
	Initiator, Owner      Owner
	StorageClass          string
	// Page is what was asked for, Next the number of the last part of Parts.
	Page      PartsPage
	Next      int
	Truncated bool
	Parts     []Part
	// Checksum is what the upload was created with.
	Checksum UploadChecksum
}

// ParseListParts reads a store's answer to ListParts, apart from checksums.
func ParseListParts(doc []byte) (*ListPartsResult, error) {
	r := &ListPartsResult{}
	if err := readResult(doc, "ListPartsResult", r.element); err != nil {
		return nil, fmt.Errorf("list parts result: %w", err)
	}
	return r, nil
}

func (r *ListPartsResult) element(scan *xmlScanner, t tag) (err error) {
	switch string(t.local()) {
	case "Bucket":
		r.Bucket, err = textOf(scan, t)
	case "Key":
		r.Key, err = textOf(scan, t)
	case "UploadId":
		r.UploadID, err = textOf(scan, t)
	case "StorageClass":
		r.StorageClass, err = textOf(scan, t)
	case "Initiator":
		r.Initiator, err = ownerOf(scan, t)
	case "Owner":
		r.Owner, err = ownerOf(scan, t)
	case "PartNumberMarker":
		r.Page.Marker, err = intOf(scan, t)
	case "NextPartNumberMarker":
		r.Next, err = intOf(scan, t)
	case "MaxParts":
		r.Page.Max, err = intOf(scan, t)
	case "IsTruncated":
		var text string
		if text, err = textOf(scan, t); err == nil {
			r.Truncated, err = parseBool(text)
		}
	case "Part":
		var p Part
		p, err = partOf(scan, t)
		r.Parts = append(r.Parts, p)
	default:
		_, err = scan.skip(t)
	}
	return err
}

func partOf(scan *xmlScanner, parent tag) (p Part, err error) {
	err = eachChild(scan, parent, func(t tag) (err error) {
		switch string(t.local()) {
		case "PartNumber":
			p.Number, err = intOf(scan, t)
		case "ETag":
			p.ETag, err = etagOf(scan, t)
		case "LastModified":
			p.Modified, err = timeOf(scan, t)
		case "Size":
			var text leaf
			if text, err = scan.text(t); err == nil {
				p.Size, err = parseSize(scan.doc[text.textStart:text.textEnd])
			}
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	if err == nil && p.Number == 0 {
		err = errAt(parent.start, "a part without a number")
	}
	return p, err
}

func ownerOf(scan *xmlScanner, parent tag) (o Owner, err error) {
	err = eachChild(scan, parent, func(t tag) (err error) {
		switch string(t.local()) {
		case "ID":
			o.ID, err = textOf(scan, t)
		case "DisplayName":
			o.DisplayName, err = textOf(scan, t)
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	return o, err
}

func intOf(scan *xmlScanner, t tag) (int, error) {
	text, err := textOf(scan, t)
	if err != nil {
		return 0, err
	}
	n, ok := parseInt31(text)
	if !ok {
		return 0, errAt(t.start, "a number out of range")
	}
	return n, nil
}

// AppendXML appends the document.
func (r *ListPartsResult) AppendXML(dst []byte) []byte {
	dst = append(dst, xml.Header+`<ListPartsResult xmlns="`+xmlNamespace+`">`...)
	dst = appendElement(dst, "Bucket", r.Bucket)
	dst = appendElement(dst, "Key", r.Key)
	dst = appendElement(dst, "UploadId", r.UploadID)
	dst = r.Initiator.append(dst, "Initiator")
	dst = r.Owner.append(dst, "Owner")
	dst = appendNonEmpty(dst, "StorageClass", r.StorageClass)
	dst = appendElement(dst, "PartNumberMarker", strconv.Itoa(r.Page.Marker))
	dst = appendElement(dst, "NextPartNumberMarker", strconv.Itoa(r.Next))
	dst = appendElement(dst, "MaxParts", strconv.Itoa(r.Page.Max))
	dst = appendElement(dst, "IsTruncated", strconv.FormatBool(r.Truncated))
	for _, p := range r.Parts {
		dst = append(dst, "<Part>"...)
		dst = appendElement(dst, "PartNumber", strconv.Itoa(p.Number))
		dst = appendElement(dst, "LastModified", p.Modified.UTC().Format(documentTime))
		dst = appendElement(dst, "ETag", `"`+p.ETag+`"`)
		dst = appendElement(dst, "Size", strconv.FormatInt(p.Size, 10))
		dst = p.Checksum.append(dst)
		dst = append(dst, "</Part>"...)
	}
	if r.Checksum.Algorithm != 0 {
		dst = appendElement(dst, "ChecksumAlgorithm", r.Checksum.Algorithm.String())
		dst = appendElement(dst, "ChecksumType", r.Checksum.Type.String())
	}
	return append(dst, "</ListPartsResult>"...)
}

func (o Owner) append(dst []byte, name string) []byte {
	if o.ID == "" {
		return dst
	}
	dst = append(dst, "<"+name+">"...)
	dst = appendElement(dst, "ID", o.ID)
	dst = appendNonEmpty(dst, "DisplayName", o.DisplayName)
	return append(dst, "</"+name+">"...)
}
