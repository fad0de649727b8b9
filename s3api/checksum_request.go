package s3api

import (
	"crypto/md5" //nolint:gosec // Content-MD5 is part of the protocol
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// ChecksumRequest is what a request says of the checksum of its body. The
// zero value is a request that says nothing.
type ChecksumRequest struct {
	// Algorithm is zero when the body has no checksum.
	Algorithm Algorithm
	// Expected is the raw value from the header, nil when it comes in the
	// trailer.
	Expected []byte
	// InTrailer tells that the value follows the body.
	InTrailer bool
}

// RequestChecksum reads the checksum headers of a PutObject, an UploadPart or
// a request with a document. trailerName is the name in x-amz-trailer, empty
// if the body has no trailer.
//
// There may be one checksum, in a header or announced for the trailer, and
// x-amz-sdk-checksum-algorithm has to name its algorithm.
// x-amz-checksum-algorithm, -type and -mode belong to other operations and are
// not looked at. Errors are *Error.
func RequestChecksum(h http.Header, trailerName string) (ChecksumRequest, error) {
	var c ChecksumRequest
	var value string
	for name, values := range h {
		a, err := checksumHeader(name)
		if err != nil {
			return ChecksumRequest{}, err
		}
		if a == 0 || len(values) == 0 {
			continue
		}
		if c.Algorithm != 0 || len(values) > 1 {
			return ChecksumRequest{}, errSeveralChecksums
		}
		c.Algorithm, value = a, values[0]
	}
	if trailerName != "" {
		a, ok := algorithmOfHeader(trailerName)
		switch {
		case !ok:
			return ChecksumRequest{}, errUnsupportedTrailer
		case c.Algorithm != 0:
			return ChecksumRequest{}, errSeveralChecksums
		}
		c.Algorithm, c.InTrailer = a, true
	}
	if err := checkSDKAlgorithm(h, c.Algorithm); err != nil {
		return ChecksumRequest{}, err
	}
	if c.Algorithm == 0 || c.InTrailer {
		return c, nil
	}
	var ok bool
	if c.Expected, ok = c.Algorithm.decode(value); !ok {
		return ChecksumRequest{}, ErrInvalidRequest.WithMessage("Value for %s header is invalid.", strings.ToLower(c.Algorithm.Header()))
	}
	return c, nil
}

// checksumHeader returns the algorithm whose value the named header carries,
// zero for a header that carries none. A checksum of an unknown algorithm is
// an error, for it would go unverified.
func checksumHeader(name string) (Algorithm, error) {
	const prefix = "x-amz-checksum-"
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return 0, nil
	}
	switch strings.ToLower(name[len(prefix):]) {
	case "algorithm", "type", "mode":
		return 0, nil
	}
	if a, ok := algorithmOfHeader(name); ok {
		return a, nil
	}
	return 0, errUnknownChecksum
}

// checkSDKAlgorithm checks x-amz-sdk-checksum-algorithm, where a is the
// algorithm of the checksum that comes with the request, zero for none.
func checkSDKAlgorithm(h http.Header, a Algorithm) error {
	values := h["X-Amz-Sdk-Checksum-Algorithm"]
	for _, name := range values {
		named, ok := ParseAlgorithm(name)
		switch {
		case !ok:
			return errUnsupportedAlgorithm()
		case a == 0:
			return errNoSDKChecksum
		case named != a:
			return errOtherSDKChecksum
		}
	}
	return nil
}

var (
	errSeveralChecksums   = ErrInvalidRequest.WithMessage("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	errUnknownChecksum    = ErrInvalidRequest.WithMessage("The algorithm type you specified in x-amz-checksum- header is invalid.")
	errNoSDKChecksum      = ErrInvalidRequest.WithMessage("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	errOtherSDKChecksum   = ErrInvalidRequest.WithMessage("Value for x-amz-sdk-checksum-algorithm header is invalid.")
	errUnsupportedTrailer = ErrInvalidRequest.WithMessage("The value specified in the x-amz-trailer header is not supported")
	errMissingChecksum    = ErrInvalidRequest.WithMessage("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
)

func errUnsupportedAlgorithm() *Error {
	all := Algorithms()
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.String()
	}
	return ErrInvalidRequest.WithMessage("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [%s]", strings.Join(names, ", "))
}

// Verify compares the raw checksum calculated over the body with the one the
// request gave. trailerValue is the value of the trailer, looked at only if
// the checksum is there. Without a checksum everything is right.
func (c ChecksumRequest) Verify(sum []byte, trailerValue string) error {
	if c.Algorithm == 0 {
		return nil
	}
	expected := c.Expected
	if c.InTrailer {
		var ok bool
		if expected, ok = c.Algorithm.decode(strings.TrimSpace(trailerValue)); !ok {
			return ErrInvalidRequest.WithMessage("Value for %s trailing header is invalid.", strings.ToLower(c.Algorithm.Header()))
		}
	}
	if subtle.ConstantTimeCompare(sum, expected) != 1 {
		return ErrBadDigest.WithMessage("The %s you specified did not match the calculated checksum.", c.Algorithm)
	}
	return nil
}

// ParseContentMD5 returns the raw value of Content-MD5, nil if the request
// has none. A header that is there but is not the base64 of 16 bytes, or is
// there twice with different values, is ErrInvalidDigest.
func ParseContentMD5(h http.Header) ([]byte, error) {
	values := h["Content-Md5"]
	if len(values) == 0 {
		return nil, nil
	}
	raw, ok := decodeBase64(strings.TrimSpace(values[0]), md5.Size)
	if !ok || slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
		return nil, ErrInvalidDigest.With("Content-MD5", values[0])
	}
	return raw, nil
}

// VerifyContentMD5 compares the MD5 calculated over the body with what
// ParseContentMD5 returned; a nil expected is always right. The error names
// both, the client's in hexadecimal and ours in base64, as S3 does.
func VerifyContentMD5(expected, sum []byte) error {
	if expected == nil || subtle.ConstantTimeCompare(expected, sum) == 1 {
		return nil
	}
	return ErrBadDigest.
		With("ExpectedDigest", hex.EncodeToString(expected)).
		With("CalculatedDigest", base64.StdEncoding.EncodeToString(sum))
}

// VerifyDocument verifies the body of a request that must come with a
// Content-MD5 or a checksum, as DeleteObjects and the operations that set a
// configuration do. Whatever the request gives is checked. trailerName and
// trailerValue are those of the trailer, empty if there was none.
func VerifyDocument(h http.Header, trailerName, trailerValue string, body []byte) error {
	expectedMD5, err := ParseContentMD5(h)
	if err != nil {
		return err
	}
	c, err := RequestChecksum(h, trailerName)
	if err != nil {
		return err
	}
	if expectedMD5 == nil && c.Algorithm == 0 {
		return errMissingChecksum
	}
	if expectedMD5 != nil {
		sum := md5.Sum(body) //nolint:gosec // see the import
		if err := VerifyContentMD5(expectedMD5, sum[:]); err != nil {
			return err
		}
	}
	if c.Algorithm == 0 {
		return nil
	}
	sum := c.Algorithm.New()
	sum.Write(body)
	return c.Verify(sum.Sum(nil), trailerValue)
}
