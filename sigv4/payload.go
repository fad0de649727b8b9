package sigv4

import (
	"encoding/hex"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Values of x-amz-content-sha256 (Amazon S3 API Reference, "Signature
// Calculations for the Authorization Header").
const (
	// UnsignedPayload leaves the body out of the signature.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
	// EmptySHA256 is the SHA-256 of an empty body.
	EmptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// StreamingUnsignedTrailer announces an unsigned aws-chunked body with a trailer.
	StreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

	streamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingECDSA         = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamingECDSATrailer  = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
)

// PayloadMode says how the body of a request is framed and vouched for. The
// zero value is no mode; a body of it cannot be read.
type PayloadMode uint8

// The payload modes, one for each legal value of x-amz-content-sha256.
const (
	// PayloadHash: the plain body, with its SHA-256 in the signature.
	PayloadHash PayloadMode = iota + 1
	// PayloadUnsigned: the plain body, not covered by the signature.
	PayloadUnsigned
	// PayloadChunksSigned: aws-chunked, every chunk signed.
	PayloadChunksSigned
	// PayloadChunksSignedTrailer: aws-chunked, every chunk and the trailer signed.
	PayloadChunksSignedTrailer
	// PayloadChunksTrailer: aws-chunked with a trailer, unsigned.
	PayloadChunksTrailer
)

// Streaming reports whether the body is aws-chunked. Only PutObject and
// UploadPart may be.
func (m PayloadMode) Streaming() bool { return m >= PayloadChunksSigned }

// Trailer reports whether a trailer follows the last chunk.
func (m PayloadMode) Trailer() bool {
	return m == PayloadChunksSignedTrailer || m == PayloadChunksTrailer
}

func (m PayloadMode) signedChunks() bool {
	return m == PayloadChunksSigned || m == PayloadChunksSignedTrailer
}

// String returns the value of x-amz-content-sha256 that stands for the mode,
// or "SHA256" for the literal hash.
func (m PayloadMode) String() string {
	switch m {
	case PayloadHash:
		return "SHA256"
	case PayloadUnsigned:
		return UnsignedPayload
	case PayloadChunksSigned:
		return streamingSigned
	case PayloadChunksSignedTrailer:
		return streamingSignedTrailer
	case PayloadChunksTrailer:
		return StreamingUnsignedTrailer
	}
	return "invalid"
}

// parsePayload reads a value of x-amz-content-sha256.
func parsePayload(v string) (mode PayloadMode, sum [32]byte, err error) {
	switch v {
	case UnsignedPayload:
		return PayloadUnsigned, sum, nil
	case streamingSigned:
		return PayloadChunksSigned, sum, nil
	case streamingSignedTrailer:
		return PayloadChunksSignedTrailer, sum, nil
	case StreamingUnsignedTrailer:
		return PayloadChunksTrailer, sum, nil
	case streamingECDSA, streamingECDSATrailer:
		return 0, sum, errSigV4A
	}
	if parseHex32(&sum, v) {
		return PayloadHash, sum, nil
	}
	return 0, sum, s3api.ErrInvalidContentSHA256.
		With("ArgumentName", "x-amz-content-sha256").
		With("ArgumentValue", v)
}

// parseHex32 decodes exactly 64 lower-case hex digits. Upper case is refused
// so that a hash or signature has one spelling only.
func parseHex32[T string | []byte](dst *[32]byte, s T) bool {
	if len(s) != 64 {
		return false
	}
	for i := range 32 {
		hi, lo := lowerHexDigit(s[2*i]), lowerHexDigit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// lowerHexDigit returns the value of a lower-case hex digit, or 255.
func lowerHexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

func hexString(sum []byte) string { return hex.EncodeToString(sum) }

// parseTrailerName checks the value of x-amz-trailer. Only checksums may come
// in a trailer, and only one: a trailer must never set metadata. Whether the
// algorithm exists is for the caller to say.
func parseTrailerName(values []string) (string, error) {
	if len(values) != 1 {
		return "", errTrailerName
	}
	name := strings.ToLower(strings.TrimSpace(values[0]))
	algorithm, ok := strings.CutPrefix(name, "x-amz-checksum-")
	if !ok || algorithm == "" || !isToken(name) {
		return "", errTrailerName
	}
	return name, nil
}
