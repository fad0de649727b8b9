package encryptor

import "errors"

// ErrNotAuthentic is matched by every error that means: these are not the bytes
// that were written under these keys. They were altered, truncated, extended,
// rearranged, or the keys are others.
//
// An object that ends early, without an error of the reader it came from, matches both
// ErrNotAuthentic and io.ErrUnexpectedEOF. An error of the reader itself (a connection
// that broke) is returned as it is and does not match ErrNotAuthentic.
var ErrNotAuthentic = errors.New("object is not authentic")

// ErrBodyLength is matched by the error for a body that is longer than announced.
// For a body that is shorter it is io.ErrUnexpectedEOF.
var ErrBodyLength = errors.New("body does not have the announced length")
