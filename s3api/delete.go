package s3api

import "errors"

// Limits of a DeleteObjects request.
const (
	// MaxDeleteBody is the size in bytes of the largest request document.
	MaxDeleteBody = 2 << 20
	// MaxDeleteObjects is the largest number of objects in one request.
	MaxDeleteObjects = 1000
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

// ParseDelete reads the body of a DeleteObjects request. Errors are *Error:
// ErrMalformedXML, and ErrNotImplemented for conditions that only directory
// buckets know.
func ParseDelete(body []byte) (*DeleteRequest, error) {
	return nil, errors.ErrUnsupported
}

// AppendXML appends the request document.
func (d *DeleteRequest) AppendXML(dst []byte) []byte {
	return dst
}

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

// ParseDeleteResult reads a store's answer to DeleteObjects.
func ParseDeleteResult(doc []byte) (*DeleteResult, error) {
	return nil, errors.ErrUnsupported
}

// MergeDeleteResult appends to dst the store's answer doc with more errors
// added to it, and everything else as it was. A nil doc stands for an answer
// about no object, for when none was left to ask the store about.
func MergeDeleteResult(dst, doc []byte, more []DeleteError) ([]byte, error) {
	return nil, errors.ErrUnsupported
}
