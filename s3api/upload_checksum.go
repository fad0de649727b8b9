package s3api

import (
	"net/http"
	"strings"
)

// headerChecksumAlgorithm chooses the checksum of what an operation creates.
const headerChecksumAlgorithm = "X-Amz-Checksum-Algorithm"

// UploadChecksum is the checksum that a multipart upload was created with. The
// zero value is what S3 calls the null mode: parts may have a checksum of any
// algorithm, and the object gets a CRC64NVME of its own.
//
// See "Checking object integrity in Amazon S3" in the S3 user guide, on
// multipart uploads.
type UploadChecksum struct {
	Algorithm Algorithm
	Type      ChecksumType
}

// ParseUploadChecksum reads x-amz-checksum-algorithm and x-amz-checksum-type
// of a CreateMultipartUpload. Errors are *Error.
func ParseUploadChecksum(h http.Header) (UploadChecksum, error) {
	var u UploadChecksum
	var err error
	if u.Algorithm, err = ParseChecksumAlgorithm(h); err != nil {
		return UploadChecksum{}, err
	}
	if u.Type, err = parseChecksumType(h); err != nil {
		return UploadChecksum{}, err
	}
	switch {
	case u.Algorithm == 0 && u.Type != 0:
		return UploadChecksum{}, errTypeWithoutAlgorithm
	case u.Algorithm == 0:
		return UploadChecksum{}, nil
	case u.Type == 0 && u.Algorithm == CRC64NVME:
		u.Type = FullObject
	case u.Type == 0:
		u.Type = Composite
	case u.Type == FullObject && !u.Algorithm.Linear(), u.Type == Composite && u.Algorithm == CRC64NVME:
		return UploadChecksum{}, ErrInvalidRequest.WithMessage("The %s checksum type cannot be used with the %s checksum algorithm.",
			u.Type, lower(u.Algorithm))
	}
	return u, nil
}

// ParseChecksumAlgorithm reads x-amz-checksum-algorithm of a CopyObject or a
// CreateMultipartUpload: zero if the request has none. The error is an *Error.
func ParseChecksumAlgorithm(h http.Header) (Algorithm, error) {
	values := h[headerChecksumAlgorithm]
	if len(values) == 0 {
		return 0, nil
	}
	if a, ok := ParseAlgorithm(values[0]); ok && len(values) == 1 {
		return a, nil
	}
	return 0, errUnsupportedAlgorithm()
}

// parseChecksumType reads x-amz-checksum-type: zero if the request has none.
func parseChecksumType(h http.Header) (ChecksumType, error) {
	values := h[headerChecksumType]
	if len(values) == 0 {
		return 0, nil
	}
	if t, ok := ParseChecksumType(values[0]); ok && len(values) == 1 {
		return t, nil
	}
	return 0, errChecksumType
}

var (
	errTypeWithoutAlgorithm = ErrInvalidRequest.WithMessage("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	errChecksumType         = ErrInvalidRequest.WithMessage("Value for x-amz-checksum-type header is invalid.")
)

// lower returns the name of a as it stands in the messages about uploads,
// "null" for none.
func lower(a Algorithm) string {
	if a == 0 {
		return "null"
	}
	return strings.ToLower(a.String())
}

// Set puts the algorithm and type into the answer to a CreateMultipartUpload.
// In the null mode there is nothing to say.
func (u UploadChecksum) Set(h http.Header) {
	if u.Algorithm == 0 {
		return
	}
	h[headerChecksumAlgorithm] = []string{u.Algorithm.String()}
	h[headerChecksumType] = []string{u.Type.String()}
}

// PartAlgorithm returns the algorithm of which every part needs a checksum for
// the object to get its own. Where objects get none in the null mode, as with
// SSE-C, the parts need none either.
func (u UploadChecksum) PartAlgorithm() Algorithm {
	if u.Algorithm == 0 {
		return CRC64NVME
	}
	return u.Algorithm
}

// CheckPart checks the algorithm of the checksum that a part comes with, zero
// for none. A part without one is right for every upload: S3 computes what the
// upload needs.
func (u UploadChecksum) CheckPart(a Algorithm) error {
	if u.Algorithm == 0 || a == 0 || a == u.Algorithm {
		return nil
	}
	return checksumMismatch(u.Algorithm, a)
}

func checksumMismatch(expected, actual Algorithm) *Error {
	return ErrInvalidRequest.WithMessage("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", lower(expected), lower(actual))
}
