package gateway

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// Headers that tell MinIO what an object that is written again is to have of
// the one before.
const (
	mtimeHeader = "X-Minio-Source-Mtime"
	etagHeader  = "X-Minio-Source-Etag"
)

// maxRewriteWhole is the size in the store, in bytes, up to which an object
// that is written again passes through the gateway, as it is stored. MinIO keeps
// one that small in a file together with its metadata, but parts in their own.
const maxRewriteWhole = 128 << 10

// inPlace reports whether MinIO would change the metadata of o where they are.
// It looks only before it takes its lock whether the object is still the one that
// is meant, so that the metadata may end up on an upload that came in between.
func (o *object) inPlace(from http.Header) bool {
	return from.Get("Server") == minIO && o.versionID == ""
}

// rewrite gives the object o on MinIO other metadata by writing its body again,
// on the condition that it replaces o, which MinIO checks when it does so. h are
// all metadata but the envelope, and the tags.
//
// The object has the given modification time then, or the present one for the
// zero time, and its ETag stays, since its body does.
func (c *call) rewrite(ctx context.Context, o *object, env *metadata.Envelope, h http.Header, modified time.Time) (*s3api.CopyResult, http.Header, error) {
	value, err := env.Encode()
	if err != nil {
		return nil, nil, err
	}
	h[metadata.Header] = []string{value}
	if !o.strayed { // or it is the ETag of another body
		h[etagHeader] = []string{o.storeETag}
	}
	last := http.Header{"If-Match": {quote(o.storeETag)}}
	if !modified.IsZero() {
		last[mtimeHeader] = []string{modified.Format(time.RFC3339Nano)}
	}
	write := c.rewriteParts
	if o.stored <= maxRewriteWhole {
		write = c.rewriteWhole
	}
	etag, answer, err := write(ctx, o, h, last)
	if err != nil {
		return nil, nil, err
	}
	if modified.IsZero() {
		modified = c.writtenAt(answer)
	}
	return &s3api.CopyResult{ETag: etag, Modified: modified}, answer, nil
}

// rewriteWhole sends the body back that the store returns. The store compares
// it with the checksum that it has of it.
func (c *call) rewriteWhole(ctx context.Context, o *object, h, last http.Header) (string, http.Header, error) {
	resp, err := c.againWith(ctx, o, versionQuery(o.versionID), http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}})
	if err != nil {
		return "", nil, err
	}
	defer drain(resp.Body)
	body := make([]byte, o.stored)
	if _, err := readFull(resp.Body, body); err != nil {
		return "", nil, &unreachableError{err}
	}
	maps.Copy(h, last)
	copyHeaders(h, resp.Header, []string{StoreChecksum})
	_, answer, err := c.ask(ctx, &storeRequest{
		method: http.MethodPut, bucket: o.bucket, key: o.key, header: h,
		body:        io.NopCloser(bytes.NewReader(body)),
		getBody:     func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		length:      o.stored,
		payloadHash: sigv4.UnsignedPayload,
	})
	return unquote(answer.Get("Etag")), answer, err
}

// writtenAt returns when an object was written by a request that the store
// answered with h: it does not say so in any other way.
func (c *call) writtenAt(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return c.g.cfg.Now()
	}
	return t
}
