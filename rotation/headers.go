package rotation

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

const (
	metaPrefix = "X-Amz-Meta-"

	// redirectMetadata is where the gateway keeps x-amz-website-redirect-location.
	redirectMetadata = "X-Amz-Meta-S3sse-Redirect"

	classHeader = "X-Amz-Storage-Class"
	modeHeader  = "X-Amz-Object-Lock-Mode"
	untilHeader = "X-Amz-Object-Lock-Retain-Until-Date"
	holdHeader  = "X-Amz-Object-Lock-Legal-Hold"
	mtimeHeader = "X-Minio-Source-Mtime"
	etagHeader  = "X-Minio-Source-Etag"
)

// kept are the headers that describe an object, besides its user metadata, and
// that a copy or another upload has to repeat.
var kept = []string{
	"Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Expires",
	"X-Amz-Website-Redirect-Location", classHeader,
}

// metadataHeaders returns all metadata of an object as the headers of a request
// that writes it again, with another envelope.
func metadataHeaders(o *Object, env *metadata.Envelope) (http.Header, error) {
	h := make(http.Header, 24)
	for _, name := range kept {
		if v := o.Header[name]; v != nil {
			h[name] = v
		}
	}
	if enc := contentEncoding(o.Header["Content-Encoding"]); enc != "" {
		h["Content-Encoding"] = []string{enc}
	}
	for name, v := range o.Header {
		if strings.HasPrefix(name, metaPrefix) && (!metadata.Private(name) || name == redirectMetadata) {
			h[name] = v
		}
	}
	value, err := env.Encode()
	h[metadata.Header] = []string{value}
	return h, err
}

// contentEncoding leaves out the token of uploads that some stores keep.
func contentEncoding(values []string) string {
	var tokens []string
	for token := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if token = strings.TrimSpace(token); token != "" && !strings.EqualFold(token, "aws-chunked") {
			tokens = append(tokens, token)
		}
	}
	return strings.Join(tokens, ",")
}

// retained returns until when an object is locked and whether nobody may
// shorten that.
func retained(o *Object) (mode string, until time.Time) {
	mode = o.Header.Get(modeHeader)
	until, err := time.Parse(time.RFC3339, o.Header.Get(untilHeader))
	if err != nil && mode != "" {
		until = time.Unix(1<<40, 0) // as long as can be: nothing is done that a lock forbids
	}
	return mode, until
}

// held reports whether an object is under legal hold.
func held(o *Object) bool { return o.Header.Get(holdHeader) == "ON" }

// locks are the headers that give an object the lock that it has.
func locks(o *Object, now time.Time) http.Header {
	h := make(http.Header, 3)
	if mode, until := retained(o); mode != "" && until.After(now) {
		h[modeHeader], h[untilHeader] = o.Header[modeHeader], o.Header[untilHeader]
	}
	if v := o.Header[holdHeader]; v != nil {
		h[holdHeader] = v
	}
	return h
}

// sameLock reports whether two objects are locked alike.
func sameLock(a, b *Object) bool {
	ma, ua := retained(a)
	mb, ub := retained(b)
	return ma == mb && ua.Equal(ub) && held(a) == held(b)
}
