package gateway

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// uploadHeader are the request headers of PutObject that describe the object
// and go to the store as they are, besides x-amz-meta-*.
var uploadHeader = []string{
	"Cache-Control",
	"Content-Disposition",
	"Content-Language",
	"Content-Type",
	"Expires",
	"X-Amz-Acl",
	"X-Amz-Expected-Bucket-Owner",
	"X-Amz-Grant-Full-Control",
	"X-Amz-Grant-Read",
	"X-Amz-Grant-Read-Acp",
	"X-Amz-Grant-Write-Acp",
	"X-Amz-Object-Lock-Legal-Hold",
	"X-Amz-Object-Lock-Mode",
	"X-Amz-Object-Lock-Retain-Until-Date",
	"X-Amz-Request-Payer",
	"X-Amz-Storage-Class",
	"X-Amz-Tagging",
}

// objectHeader are the response headers that describe an object and are the
// same in plaintext and ciphertext, besides x-amz-meta-* and Content-Encoding.
var objectHeader = []string{
	"Cache-Control",
	"Content-Disposition",
	"Content-Language",
	"Content-Type",
	"Expires",
	"Last-Modified",
	"X-Amz-Delete-Marker",
	"X-Amz-Expiration",
	"X-Amz-Missing-Meta",
	"X-Amz-Object-Lock-Legal-Hold",
	"X-Amz-Object-Lock-Mode",
	"X-Amz-Object-Lock-Retain-Until-Date",
	"X-Amz-Replication-Status",
	"X-Amz-Request-Charged",
	"X-Amz-Restore",
	"X-Amz-Storage-Class",
	"X-Amz-Tagging-Count",
	"X-Amz-Version-Id",
}

// redirectMetadata is the private metadata entry that keeps
// x-amz-website-redirect-location, which not every store does.
const redirectMetadata = "X-Amz-Meta-S3sse-Redirect"

const metaPrefix = "X-Amz-Meta-"

// uploadHeaders returns the headers that the client's upload gives the
// object, for the request to the store. It refuses what no client may set.
func (c *call) uploadHeaders() (http.Header, error) {
	if err := metadata.CheckUserMetadata(c.header); err != nil {
		return nil, err
	}
	h := make(http.Header, 16)
	copyHeaders(h, c.header, uploadHeader)
	for name, values := range c.header {
		if hasMetaPrefix(name) {
			h[name] = values
		}
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = []string{"binary/octet-stream"} // as Amazon S3; stores guess otherwise
	}
	if enc := contentEncoding(c.header["Content-Encoding"]); enc != "" {
		h["Content-Encoding"] = []string{enc}
	}
	if v := c.header["X-Amz-Website-Redirect-Location"]; v != nil {
		h[redirectMetadata] = v
	}
	return h, nil
}

// objectHeaders puts what the store says of the object into the response,
// without what is private.
func (c *call) objectHeaders(from http.Header) {
	h := c.w.Header()
	copyHeaders(h, from, objectHeader)
	if enc := contentEncoding(from["Content-Encoding"]); enc != "" {
		h["Content-Encoding"] = []string{enc} // some stores keep the token of our own upload
	}
	for name, values := range from {
		if !hasMetaPrefix(name) {
			continue
		}
		if textproto.CanonicalMIMEHeaderKey(name) == redirectMetadata {
			h["X-Amz-Website-Redirect-Location"] = values
		} else if !metadata.Private(name) {
			h[strings.ToLower(name)] = values // as Amazon S3; over HTTP/1.1 SDKs make keys of the names as they come
		}
	}
}

func copyHeaders(to, from http.Header, names []string) {
	for _, name := range names {
		if values := from[name]; len(values) > 0 {
			to[name] = values
		}
	}
}

func hasMetaPrefix(name string) bool {
	return len(name) > len(metaPrefix) && strings.EqualFold(name[:len(metaPrefix)], metaPrefix)
}

// contentEncoding removes every aws-chunked token, which describes the
// transfer and not the object, and keeps the rest in order.
func contentEncoding(values []string) string {
	var kept []string
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			if token = strings.TrimSpace(token); token != "" && !strings.EqualFold(token, "aws-chunked") {
				kept = append(kept, token)
			}
		}
	}
	return strings.Join(kept, ",")
}
