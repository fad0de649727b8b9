package s3api

import (
	"fmt"
	"net/http"
	"slices"
)

// Field is one element of an error document besides Code and Message, such as
// ArgumentName or Condition.
type Field struct {
	Name, Value string
}

// Error is an S3 error response: a code, the HTTP status that goes with it,
// the message and the extra elements of the document.
//
// The errors of this package are shared values and must not be modified; With
// and WithMessage return changed copies. errors.Is compares by Code, so a copy
// still is the error it was made from.
type Error struct {
	Code    string
	Status  int
	Message string
	Fields  []Field
}

// Error returns the code and the message. Fields are left out: they may hold
// what the client sent, which has no place in a log line.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// Is reports whether target is an *Error with the same Code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && t.Code == e.Code
}

// With returns a copy of e with one more field. A field that e already has is
// replaced in its place.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Fields = append(make([]Field, 0, len(e.Fields)+1), e.Fields...)
	if i := slices.IndexFunc(c.Fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		c.Fields[i].Value = value
		return &c
	}
	c.Fields = append(c.Fields, Field{name, value})
	return &c
}

// WithMessage returns a copy of e with the formatted message in place of the
// default one.
func (e *Error) WithMessage(format string, a ...any) *Error {
	c := *e
	c.Fields = slices.Clone(e.Fields)
	c.Message = fmt.Sprintf(format, a...)
	return &c
}

// Field returns the value of the named field, or "".
func (e *Error) Field(name string) string {
	for _, f := range e.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// define makes one entry of the catalogue and files it under its code, so
// that a store's answer can be given the status that belongs to its code.
func define(status int, code, message string) *Error {
	e := &Error{Code: code, Status: status, Message: message}
	catalogue[code] = e
	return e
}

// catalogue maps a code to its default error. It is complete once the package
// is initialised and never changes afterwards.
var catalogue = map[string]*Error{}

// Errors of requests that cannot be read or are not allowed in their form.
// Codes, statuses and messages are those of the S3 API reference, "Error
// responses".
var (
	// ErrInvalidArgument: a header or parameter has a value it cannot have.
	// Callers add ArgumentName and ArgumentValue.
	ErrInvalidArgument = define(http.StatusBadRequest, "InvalidArgument", "Invalid Argument")
	// ErrInvalidRequest: the request contradicts itself or the state of its target.
	ErrInvalidRequest = define(http.StatusBadRequest, "InvalidRequest", "Invalid Request")
	// ErrInvalidURI: the path or query cannot be decoded.
	ErrInvalidURI = define(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	// ErrInvalidBucketName: not a legal bucket name.
	ErrInvalidBucketName = define(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	// ErrKeyTooLong: an object key of more than 1024 bytes.
	ErrKeyTooLong = define(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	// ErrMalformedXML: the body is not the document the operation takes.
	ErrMalformedXML = define(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	// ErrMissingRequestBody: the operation needs a document and got none.
	ErrMissingRequestBody = define(http.StatusBadRequest, "MissingRequestBodyError", "Request body is empty.")
	// ErrMaxMessageLengthExceeded: a document body larger than the operation allows.
	ErrMaxMessageLengthExceeded = define(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.")
	// ErrRequestHeaderSectionTooLarge: more than 8 KiB of headers.
	ErrRequestHeaderSectionTooLarge = define(http.StatusBadRequest, "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed request header section size.")
	// ErrMetadataTooLarge: more than 2 KiB of user metadata.
	ErrMetadataTooLarge = define(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
	// ErrMethodNotAllowed: the resource exists in the protocol, the method on it does not.
	ErrMethodNotAllowed = define(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	// ErrNotImplemented: a request this server does not perform.
	ErrNotImplemented = define(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
)

// Errors of buckets, objects and uploads as they are found.
var (
	// ErrNoSuchBucket: the bucket does not exist.
	ErrNoSuchBucket = define(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	// ErrNoSuchKey: the object does not exist.
	ErrNoSuchKey = define(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	// ErrNoSuchVersion: the object has no such version.
	ErrNoSuchVersion = define(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.")
	// ErrNoSuchUpload: the multipart upload does not exist, was completed or aborted.
	ErrNoSuchUpload = define(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	// ErrBucketAlreadyExists: the name belongs to someone else.
	ErrBucketAlreadyExists = define(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
	// ErrBucketAlreadyOwnedByYou: the bucket exists and is the caller's.
	ErrBucketAlreadyOwnedByYou = define(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
	// ErrBucketNotEmpty: a bucket must be empty to be deleted.
	ErrBucketNotEmpty = define(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
	// ErrInvalidObjectState: the object's storage class does not allow the request.
	ErrInvalidObjectState = define(http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class")
	// ErrServerSideEncryptionConfigurationNotFound: the bucket has no encryption configuration.
	ErrServerSideEncryptionConfigurationNotFound = define(http.StatusNotFound, "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")
	// ErrPreconditionFailed: a condition of the request does not hold. Callers add Condition.
	ErrPreconditionFailed = define(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	// ErrConditionalRequestConflict: another write got between check and write.
	ErrConditionalRequestConflict = define(http.StatusConflict, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.")
	// ErrOperationAborted: a conflicting operation is in progress.
	ErrOperationAborted = define(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
	// ErrInvalidRange: no byte of the requested range exists. Callers add RangeRequested and ActualObjectSize.
	ErrInvalidRange = define(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	// ErrInvalidPartNumber: the object has no such part. Callers add ActualPartCount and PartNumberRequested.
	ErrInvalidPartNumber = define(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable")
)

// Errors of bodies, parts and their sizes and digests.
var (
	// ErrBadDigest: the body does not have the digest or checksum declared for it.
	ErrBadDigest = define(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	// ErrInvalidDigest: Content-MD5 is not the base64 of 16 bytes.
	ErrInvalidDigest = define(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
	// ErrContentSHA256Mismatch: the body does not have the hash in x-amz-content-sha256.
	ErrContentSHA256Mismatch = define(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	// ErrMalformedTrailer: the trailer is broken or is not the one announced.
	ErrMalformedTrailer = define(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	// ErrInvalidChunkSize: a chunk other than the last is under 8 KiB. Callers add Chunk and BadChunkSize.
	ErrInvalidChunkSize = define(http.StatusBadRequest, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes")
	// ErrIncompleteBody: fewer bytes came than were declared.
	ErrIncompleteBody = define(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	// ErrMissingContentLength: the length of the body is not declared.
	ErrMissingContentLength = define(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	// ErrRequestTimeout: the body did not arrive in time.
	ErrRequestTimeout = define(http.StatusBadRequest, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.")
	// ErrEntityTooLarge: over the largest allowed size. Callers add ProposedSize and MaxSizeAllowed.
	ErrEntityTooLarge = define(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	// ErrEntityTooSmall: under the smallest allowed size. Callers add ProposedSize and MinSizeAllowed.
	ErrEntityTooSmall = define(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
	// ErrInvalidPart: a part named at completion is unknown or has another ETag or checksum.
	ErrInvalidPart = define(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
	// ErrInvalidPartOrder: the parts are not listed in ascending order.
	ErrInvalidPartOrder = define(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
)

// Errors of the server and what stands behind it.
var (
	// ErrInternalError: the server failed; the request may be retried.
	ErrInternalError = define(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	// ErrServiceUnavailable: something the request needs cannot be reached.
	ErrServiceUnavailable = define(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request.")
	// ErrSlowDown: too many requests.
	ErrSlowDown = define(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
)
