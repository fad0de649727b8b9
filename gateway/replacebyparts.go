package gateway

import (
	"context"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// replaceByParts gives the object o another envelope by an upload whose parts
// the store copies from it. Unlike copying an object, completing an upload can
// be made to depend on what is replaced.
func (c *call) replaceByParts(ctx context.Context, o *object, from http.Header, env *metadata.Envelope) error {
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
	if err := c.copyParts(ctx, o, id); err != nil {
		c.giveUp(ctx, id)
		return err
	}
	return nil
}

// copyParts copies all of o into an upload and completes it.
func (c *call) copyParts(ctx context.Context, o *object, id uploadID) error {
	source := s3api.CopySource{Bucket: o.bucket, Key: o.key, VersionID: o.versionID}.String()
	var parts []s3api.CompletedPart
	for off := int64(0); off < o.stored; off += s3api.MaxPartSize {
		number := len(parts) + 1
		sr := c.uploadRequest(http.MethodPut, id)
		sr.query = append(sr.query, s3api.Param{Name: "partNumber", Value: strconv.Itoa(number), HasValue: true})
		sr.header["X-Amz-Copy-Source"] = []string{source}
		sr.header["X-Amz-Copy-Source-If-Match"] = []string{quote(o.storeETag)}
		sr.header["X-Amz-Copy-Source-Range"] = []string{s3api.Range{First: off, Last: min(off+s3api.MaxPartSize, o.stored) - 1}.String()}
		doc, err := c.ask(ctx, sr)
		if err != nil {
			return err
		}
		copied, err := s3api.ParseCopyResult(doc)
		if err != nil {
			return err
		}
		parts = append(parts, s3api.CompletedPart{Number: number, ETag: copied.ETag})
	}
	sr := c.uploadRequest(http.MethodPost, id)
	sr.header["If-Match"] = []string{quote(o.storeETag)}
	sr.setDocument(s3api.AppendComplete(nil, parts), "application/xml")
	doc, err := c.ask(ctx, sr)
	if err != nil {
		return err
	}
	_, err = s3api.ParseCompleteUploadResult(doc)
	return err
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
