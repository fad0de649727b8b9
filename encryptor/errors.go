package encryptor

import (
	"errors"
	"fmt"
	"io"
)

// ErrNotAuthentic is matched by every error that means: these are not the bytes
// that were written under these keys. They were altered, truncated, extended,
// rearranged, or the keys are others.
//
// An object that ends early without an error of the reader it came from matches both
// ErrNotAuthentic and io.ErrUnexpectedEOF. An error of the reader itself (a connection
// that broke) is returned as it is and does not match ErrNotAuthentic.
var ErrNotAuthentic = errors.New("object is not authentic")

// ErrBodyLength is matched by the error for a body that is longer than announced.
// For a body that is shorter it is io.ErrUnexpectedEOF.
var ErrBodyLength = errors.New("body is longer than announced")

var (
	errClosed     = errors.New("encryptor: read after close")
	errSealedSize = errors.New("plaintext size is out of range")
)

// failure classes: where an object stopped being what was written. FORMAT.md
// lists them, and the test vectors name them.
const (
	failHeader    = "header"
	failCommit    = "commitment"
	failChunk     = "chunk"
	failLength    = "length"
	failCheck     = "check"
	failFiller    = "filler"
	failFooter    = "footer"
	failRecord    = "record"
	failTruncated = "truncated"
	failExtra     = "extra data"
)

// authenticityError is an ErrNotAuthentic that says where.
type authenticityError struct {
	class  string
	detail string
	cause  error // nil or io.ErrUnexpectedEOF
}

func (e *authenticityError) Error() string {
	return ErrNotAuthentic.Error() + ": " + e.class + ": " + e.detail
}

func (e *authenticityError) Is(target error) bool { return target == ErrNotAuthentic }

func (e *authenticityError) Unwrap() error { return e.cause }

// reject makes the error for an object that is not what was written.
func reject(class, format string, args ...any) error {
	return &authenticityError{class: class, detail: fmt.Sprintf(format, args...)}
}

// rejectShort makes the error for an object that ends before it should.
func rejectShort(format string, args ...any) error {
	return &authenticityError{class: failTruncated, detail: fmt.Sprintf(format, args...), cause: io.ErrUnexpectedEOF}
}
