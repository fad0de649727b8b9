package gateway

import (
	"io"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// Chunked frames a body of size bytes as an upload to a store with a CRC-32C
// trailer, which the store checks and keeps. It adds what describes the framing
// to h and returns the framed body, its length in bytes and the payload hash that
// the request is signed with.
func Chunked(h http.Header, body io.Reader, size int64) (framed io.Reader, length int64, payloadHash string) {
	h["X-Amz-Decoded-Content-Length"] = []string{strconv.FormatInt(size, 10)}
	h["X-Amz-Trailer"] = []string{"x-amz-checksum-crc32c"}
	h["Content-Encoding"] = []string{joinEncoding("aws-chunked", h)}
	return newFramer(body, size), framedSize(size), sigv4.StreamingUnsignedTrailer
}
