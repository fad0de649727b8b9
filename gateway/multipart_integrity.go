package gateway

import (
	"encoding/binary"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// keepWhole lets the header of an upload that begins ask the store to keep a
// checksum of all that it stores of the object, and reports whether it does.
//
// MinIO needs one to change metadata, and with it the envelope, without writing
// the body again. Other stores do not, and Amazon S3 takes only part numbers
// without gaps in such uploads
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html).
//
// What the store is, it has told by then: no upload begins without a look at
// the bucket's settings.
func (c *call) keepWhole(h http.Header) bool {
	if c.g.cfg.Upstream.Integrity != IntegrityChecksum || !c.g.onMinIO() {
		return false
	}
	KeepWhole(h)
	return true
}

// KeepWhole adds to the header of an upload that begins that the store is to
// keep a CRC-32C of all parts together. Every part must be told one then, and
// be listed with it in the end: see CompletedPart.
func KeepWhole(h http.Header) http.Header {
	h["X-Amz-Checksum-Algorithm"] = []string{s3api.CRC32C.String()}
	h["X-Amz-Checksum-Type"] = []string{s3api.FullObject.String()}
	return h
}

// comparesParts is compares for parts of an upload. Where the store keeps a
// checksum of the whole, it takes no part without one, whatever the
// configuration says by now.
func (c *call) comparesParts(up *uploadState) bool { return up.whole || c.compares() }

// CompletedPart is a part as the store wants to see it listed, with the CRC-32C
// that it was told if it keeps one of the whole.
func CompletedPart(number int, etag string, whole bool, sum uint32) s3api.CompletedPart {
	p := s3api.CompletedPart{Number: number, ETag: etag}
	if whole {
		p.Checksum = s3api.Checksum{Algorithm: s3api.CRC32C, Value: binary.BigEndian.AppendUint32(nil, sum)}
	}
	return p
}
