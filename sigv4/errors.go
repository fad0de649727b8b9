package sigv4

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

var (
	errSigV4A = s3api.ErrNotImplemented.WithMessage(
		"Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported. Please use AWS4-HMAC-SHA256.")
	errTrailerName = s3api.ErrInvalidRequest.WithMessage(
		"The value specified in the x-amz-trailer header is not supported")
	errCustomerKeyInQuery = s3api.ErrInvalidRequest.WithMessage(
		"Customer encryption keys must be sent as headers, not as query parameters.")
	errDecodedLength = s3api.ErrInvalidArgument.WithMessage(
		"x-amz-decoded-content-length must be a non-negative integer").
		With("ArgumentName", "x-amz-decoded-content-length")
	errNotStreaming = s3api.ErrInvalidRequest.WithMessage(
		"x-amz-decoded-content-length is not the length of the body, and x-amz-content-sha256 does not say that the body is aws-chunked.")
	errNoCRLF = malformedChunk("CRLF expected")
)

// queryErrorPrefix begins the errors about the credential of a presigned URL.
const queryErrorPrefix = "Error parsing the X-Amz-Credential parameter; "

// malformed is the error for an Authorization header or the query of a
// presigned URL that cannot be used, with what is wrong about it.
func malformed(presigned bool, format string, a ...any) *s3api.Error {
	if presigned {
		return s3api.ErrAuthorizationQueryParameters.WithMessage(queryErrorPrefix+format, a...)
	}
	return s3api.ErrAuthorizationHeaderMalformed.WithMessage("The authorization header is malformed; "+format, a...)
}

// notSigned lists the headers that the signature does not cover.
func notSigned(names []string) *s3api.Error {
	slices.Sort(names)
	return s3api.ErrHeadersNotSigned.With("HeadersNotSigned", strings.Join(names, ", "))
}

// signedHeaderMissing names the header: the calculated signature alone would
// not tell the user what to look for.
func signedHeaderMissing(name string) *s3api.Error {
	if strings.ContainsAny(name, "_.") {
		return s3api.ErrSignatureDoesNotMatch.WithMessage("The signed header %q did not arrive: the front server drops "+
			"request headers whose name contains '_' or '.' unless it is told to keep them (expected_underscore_headers).", name)
	}
	return s3api.ErrSignatureDoesNotMatch.WithMessage("The signed header %q is missing from the request.", name)
}

// mismatch explains a signature that does not match as S3 does, with both
// texts that were hashed. They hold nothing but the client's own request; yet
// an error may be stored or forwarded, so they are left out when the request
// carries a customer key or a session token.
func mismatch(c *claim, canonical, toSign []byte) *s3api.Error {
	e := s3api.ErrSignatureDoesNotMatch.With("AWSAccessKeyId", c.accessKey)
	if !strings.Contains(c.signedHeaders, "-customer-key") && !strings.Contains(c.signedHeaders, "token") {
		e = e.With("CanonicalRequest", string(canonical)).
			With("CanonicalRequestBytes", spacedHex(canonical))
	}
	return e.With("StringToSign", string(toSign)).
		With("StringToSignBytes", spacedHex(toSign)).
		With("SignatureProvided", c.signature)
}

// spacedHex writes b as S3 does in the …Bytes fields: "41 57 53".
func spacedHex(b []byte) string {
	out := make([]byte, 0, 3*len(b))
	for i := range b {
		if i > 0 {
			out = append(out, ' ')
		}
		out = hex.AppendEncode(out, b[i:i+1])
	}
	return string(out)
}

// badChunkSize reports chunk number n (from 1), too small for a chunk that is
// not the last.
func badChunkSize(n int, size int64) *s3api.Error {
	return s3api.ErrInvalidChunkSize.
		With("Chunk", strconv.Itoa(n)).
		With("BadChunkSize", strconv.FormatInt(size, 10))
}

func malformedChunk(what string) *s3api.Error {
	return s3api.ErrInvalidRequest.WithMessage("The aws-chunked request body is malformed: %s.", what)
}
