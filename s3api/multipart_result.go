package s3api

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"
)

// documentTime is how S3 writes times in documents.
const documentTime = "2006-01-02T15:04:05.000Z"

// CreateUploadResult is the answer to CreateMultipartUpload.
type CreateUploadResult struct {
	Bucket, Key, UploadID string
}

// ParseCreateUploadResult reads a store's answer to CreateMultipartUpload. An
// answer without upload id is an error.
func ParseCreateUploadResult(doc []byte) (*CreateUploadResult, error) {
	r := &CreateUploadResult{}
	err := readResult(doc, "InitiateMultipartUploadResult", func(scan *xmlScanner, t tag) (err error) {
		switch string(t.local()) {
		case "Bucket":
			r.Bucket, err = textOf(scan, t)
		case "Key":
			r.Key, err = textOf(scan, t)
		case "UploadId":
			r.UploadID, err = textOf(scan, t)
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	if err == nil && r.UploadID == "" {
		err = errors.New("no upload id")
	}
	if err != nil {
		return nil, fmt.Errorf("create multipart upload result: %w", err)
	}
	return r, nil
}

// AppendXML appends the document.
func (r *CreateUploadResult) AppendXML(dst []byte) []byte {
	dst = append(dst, xml.Header+`<InitiateMultipartUploadResult xmlns="`+xmlNamespace+`">`...)
	dst = appendElement(dst, "Bucket", r.Bucket)
	dst = appendElement(dst, "Key", r.Key)
	dst = appendElement(dst, "UploadId", r.UploadID)
	return append(dst, "</InitiateMultipartUploadResult>"...)
}

// CompleteUploadResult is the answer to CompleteMultipartUpload.
type CompleteUploadResult struct {
	Location, Bucket, Key string
	// ETag is without quotes.
	ETag     string
	Checksum Checksum
}

// ParseCompleteUploadResult reads a store's answer to CompleteMultipartUpload,
// apart from checksums. Stores start that answer before they know how it ends:
// if it is an error in spite of its status, the error is the *Error that
// ParseError makes of it.
func ParseCompleteUploadResult(doc []byte) (*CompleteUploadResult, error) {
	r := &CompleteUploadResult{}
	err := readResult(doc, "CompleteMultipartUploadResult", func(scan *xmlScanner, t tag) (err error) {
		switch string(t.local()) {
		case "Location":
			r.Location, err = textOf(scan, t)
		case "Bucket":
			r.Bucket, err = textOf(scan, t)
		case "Key":
			r.Key, err = textOf(scan, t)
		case "ETag":
			r.ETag, err = etagOf(scan, t)
		default:
			_, err = scan.skip(t)
		}
		return err
	})
	if err == nil && r.ETag == "" {
		err = errors.New("no ETag")
	}
	if err != nil {
		return nil, fmt.Errorf("complete multipart upload result: %w", err)
	}
	return r, nil
}

// AppendXML appends the document.
func (r *CompleteUploadResult) AppendXML(dst []byte) []byte {
	dst = append(dst, xml.Header+`<CompleteMultipartUploadResult xmlns="`+xmlNamespace+`">`...)
	dst = appendElement(dst, "Location", r.Location)
	dst = appendElement(dst, "Bucket", r.Bucket)
	dst = appendElement(dst, "Key", r.Key)
	dst = appendElement(dst, "ETag", `"`+r.ETag+`"`)
	dst = r.Checksum.append(dst)
	return append(dst, "</CompleteMultipartUploadResult>"...)
}

// CopyResult is the answer to CopyObject and to UploadPartCopy.
type CopyResult struct {
	// ETag is without quotes.
	ETag     string
	Modified time.Time
	// Checksum has a type if an object was copied, none if a part was.
	Checksum Checksum
}

// ParseCopyResult reads a store's answer to either operation, apart from
// checksums. Errors are like those of ParseCompleteUploadResult.
func ParseCopyResult(doc []byte) (*CopyResult, error) {
	r := &CopyResult{}
	read := func(scan *xmlScanner, t tag) (err error) {
		switch string(t.local()) {
		case "ETag":
			r.ETag, err = etagOf(scan, t)
		case "LastModified":
			r.Modified, err = timeOf(scan, t)
		default:
			_, err = scan.skip(t)
		}
		return err
	}
	err := readResult(doc, "CopyObjectResult", read)
	if errors.Is(err, errOtherResult) {
		err = readResult(doc, "CopyPartResult", read)
	}
	if err == nil && r.ETag == "" {
		err = errors.New("no ETag")
	}
	if err != nil {
		return nil, fmt.Errorf("copy result: %w", err)
	}
	return r, nil
}

// AppendObjectXML appends the answer to CopyObject.
func (r *CopyResult) AppendObjectXML(dst []byte) []byte { return r.append(dst, "CopyObjectResult") }

// AppendPartXML appends the answer to UploadPartCopy.
func (r *CopyResult) AppendPartXML(dst []byte) []byte { return r.append(dst, "CopyPartResult") }

func (r *CopyResult) append(dst []byte, root string) []byte {
	dst = append(dst, xml.Header+"<"+root+` xmlns="`+xmlNamespace+`">`...)
	dst = appendElement(dst, "LastModified", r.Modified.UTC().Format(documentTime))
	dst = appendElement(dst, "ETag", `"`+r.ETag+`"`)
	dst = r.Checksum.append(dst)
	return append(dst, "</"+root+">"...)
}

var errOtherResult = errors.New("an answer to another request")

// readResult calls f for every child of the root element, which must have the
// given name. An error document gives its *Error.
func readResult(doc []byte, root string, f func(scan *xmlScanner, t tag) error) error {
	scan := &xmlScanner{doc: doc}
	t, err := scan.root()
	if err != nil {
		return err
	}
	switch string(t.local()) {
	case root:
	case "Error":
		return ParseError(200, doc)
	default:
		return errOtherResult
	}
	if err := eachChild(scan, t, func(t tag) error { return f(scan, t) }); err != nil {
		return err
	}
	return scan.finish()
}

// etagOf reads an ETag and takes its quotes off.
func etagOf(scan *xmlScanner, t tag) (string, error) {
	text, err := textOf(scan, t)
	return unquoteETag(text), err
}

func timeOf(scan *xmlScanner, t tag) (time.Time, error) {
	text, err := textOf(scan, t)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}, errAt(t.start, "a time in another format")
	}
	return at.UTC(), nil
}
