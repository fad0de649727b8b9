package sigv4

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Auth is the outcome of a verified request: who asks, what the signature
// leaves of the query, and how the body is to be read.
type Auth struct {
	// AccessKey is the caller, "" for an anonymous request. Whether those are
	// allowed is for the caller of Verify to decide.
	AccessKey string
	// Presigned tells a presigned URL from an Authorization header.
	Presigned bool
	// Query holds the parameters of the operation: those of the request, for a
	// presigned URL without the authentication and without Hoisted.
	Query s3api.Query
	// Hoisted holds the x-amz-… headers that a presigned URL carries as query
	// parameters, nil if none. No name is also a header of the request. They
	// are as trustworthy as signed headers and must be filtered like them.
	Hoisted http.Header
	// Payload says how the body is framed and what vouches for it.
	Payload PayloadMode
	// DecodedLength is the number of bytes that Body yields, or -1 if the
	// client did not say.
	DecodedLength int64
	// TrailerName is the checksum trailer that will follow the body, in lower
	// case, or "". It always begins with "x-amz-checksum-".
	TrailerName string

	sum   [32]byte // PayloadHash: hash of the body
	seed  [32]byte // signature of the request, from which the chunk signatures start
	stamp string   // x-amz-date and scope, signed with every chunk
	scope string
	key   *signingKey
}

// header returns the values of a header, wherever the client put it.
func (a *Auth) header(h http.Header, key string) []string {
	if v, ok := h[key]; ok {
		return v
	}
	return a.Hoisted[key]
}

// setLength reads the length and the trailer of the body that the headers
// announce.
func (a *Auth) setLength(r *http.Request, h http.Header) error {
	trailer := a.header(h, "X-Amz-Trailer")
	if a.Payload.Trailer() {
		name, err := parseTrailerName(trailer)
		if err != nil {
			return err
		}
		a.TrailerName = name
	} else if trailer != nil {
		// A checksum that could not arrive would silently not be checked.
		return errTrailerName
	}

	values := a.header(h, "X-Amz-Decoded-Content-Length")
	if !a.Payload.Streaming() {
		a.DecodedLength = max(r.ContentLength, -1)
		for _, v := range values {
			// A body that is aws-chunked after all must not be taken as it is.
			if v != strconv.FormatInt(a.DecodedLength, 10) {
				return errNotStreaming
			}
		}
		return nil
	}
	if values == nil {
		return s3api.ErrMissingContentLength
	}
	if len(values) != 1 {
		return errDecodedLength
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || strings.ContainsAny(values[0], "+-") {
		return errDecodedLength.With("ArgumentValue", values[0])
	}
	a.DecodedLength = n
	return nil
}
