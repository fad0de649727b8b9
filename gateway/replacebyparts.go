package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// replaceByParts gives the object o another envelope by an upload whose parts
// the store copies from it. Unlike copying an object, completing an upload can
// be made to depend on what is replaced.
//
// The new object has the given modification time, which MinIO can be told, or
// that of the store if it is zero.
func (c *call) replaceByParts(ctx context.Context, o *object, from http.Header, env *metadata.Envelope, modified time.Time) error {
	h := make(http.Header, 24)
	keepHeaders(h, from)
	tags, err := c.tags(ctx, o, from)
	if err != nil {
		return err
	}
	if tags != "" {
		h["X-Amz-Tagging"] = []string{tags}
	}
	value, err := env.Encode()
	if err != nil {
		return err
	}
	h[metadata.Header] = []string{value}
	doc, err := c.ask(ctx, &storeRequest{
		method: http.MethodPost, bucket: o.bucket, key: o.key, query: s3api.Query{{Name: "uploads"}}, header: h,
	})
	if err != nil {
		return err
	}
	created, err := s3api.ParseCreateUploadResult(doc)
	if err != nil {
		return err
	}
	id := uploadID{o.bucket, o.key, created.UploadID}
	if err := c.copyParts(ctx, o, id, modified); err != nil {
		c.giveUp(ctx, id)
		return err
	}
	return nil
}

// copyParts copies all of o into an upload, in the parts that the store has of
// it, so that its ETag stays, and completes the upload.
func (c *call) copyParts(ctx context.Context, o *object, id uploadID, modified time.Time) error {
	source := s3api.CopySource{Bucket: o.bucket, Key: o.key, VersionID: o.versionID}.String()
	var parts []s3api.CompletedPart
	for off := int64(0); off < o.stored; {
		number := s3api.Param{Name: "partNumber", Value: strconv.Itoa(len(parts) + 1), HasValue: true}
		size, err := c.storePartSize(ctx, o, number)
		if err != nil {
			return err
		}
		if left := o.stored - off; size <= 0 || size > left {
			size = min(left, s3api.MaxPartSize)
		}
		sr := c.uploadRequest(http.MethodPut, id)
		sr.query = append(sr.query, number)
		sr.header["X-Amz-Copy-Source"] = []string{source}
		sr.header["X-Amz-Copy-Source-If-Match"] = []string{quote(o.storeETag)}
		sr.header["X-Amz-Copy-Source-Range"] = []string{s3api.Range{First: off, Last: off + size - 1}.String()}
		doc, err := c.ask(ctx, sr)
		if err != nil {
			return err
		}
		copied, err := s3api.ParseCopyResult(doc)
		if err != nil {
			return err
		}
		parts = append(parts, s3api.CompletedPart{Number: len(parts) + 1, ETag: copied.ETag})
		off += size
	}
	sr := c.uploadRequest(http.MethodPost, id)
	sr.header["If-Match"] = []string{quote(o.storeETag)}
	if !modified.IsZero() {
		sr.header[mtimeHeader] = []string{modified.Format(time.RFC3339Nano)}
	}
	sr.setDocument(s3api.AppendComplete(nil, parts), "application/xml")
	doc, err := c.ask(ctx, sr)
	if err != nil {
		return err
	}
	_, err = s3api.ParseCompleteUploadResult(doc)
	return err
}

// storePartSize returns the size of a part of the store's object, 0 if it is
// not known or the object has none.
func (c *call) storePartSize(ctx context.Context, o *object, number s3api.Param) (int64, error) {
	q := append(versionQuery(o.versionID), number)
	resp, err := c.send(ctx, &storeRequest{method: http.MethodHead, bucket: o.bucket, key: o.key, query: q})
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close() // empty
	if resp.StatusCode/100 != 2 || resp.Header.Get("X-Amz-Mp-Parts-Count") == "" || unquote(resp.Header.Get("Etag")) != o.storeETag {
		return 0, nil
	}
	return min(resp.ContentLength, s3api.MaxPartSize), nil
}

// ask sends a request whose answer is a small document. A condition that does
// not hold is errReplaced.
func (c *call) ask(ctx context.Context, sr *storeRequest) ([]byte, error) {
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return readDocument(resp, maxCopyAnswer)
	case http.StatusPreconditionFailed, http.StatusConflict:
		drain(resp.Body)
		return nil, errReplaced
	default:
		return nil, c.storeError(resp)
	}
}
