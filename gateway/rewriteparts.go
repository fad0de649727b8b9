package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// rewriteParts is rewrite by an upload whose parts the store copies from the
// object. last are the headers of the request that completes it.
func (c *call) rewriteParts(ctx context.Context, o *object, h, last http.Header) (string, http.Header, error) {
	if etag := h.Get(etagHeader); etag != "" {
		h[etagHeader] = []string{PartsETag(etag)}
	}
	// To its end, as the completion, or nobody would know what there is to give up.
	doc, _, err := c.ask(context.WithoutCancel(ctx), &storeRequest{
		method: http.MethodPost, bucket: o.bucket, key: o.key, query: s3api.Query{{Name: "uploads"}}, header: h,
	})
	if err != nil {
		return "", nil, err
	}
	created, err := s3api.ParseCreateUploadResult(doc)
	if err != nil {
		return "", nil, err
	}
	id := uploadID{o.bucket, o.key, created.UploadID}
	etag, answer, err := c.copyParts(ctx, o, id, last)
	if err != nil {
		c.giveUp(ctx, id)
	}
	return etag, answer, err
}

// PartsETag returns the ETag for an object of MinIO's with the given ETag that
// becomes one of parts. By its form MinIO tells whether that is so, which decides
// about how it decrypts what it has encrypted itself. To clients of the gateway it
// is the same.
func PartsETag(etag string) string {
	if strings.Contains(etag, "-") {
		return etag
	}
	return etag + "-1"
}

// copyParts copies all of o into an upload, in parts as large as they may be,
// and completes the upload.
func (c *call) copyParts(ctx context.Context, o *object, id uploadID, last http.Header) (string, http.Header, error) {
	source := s3api.CopySource{Bucket: o.bucket, Key: o.key, VersionID: o.versionID}.String()
	var parts []s3api.CompletedPart
	for off := int64(0); off < o.stored; {
		size := min(o.stored-off, s3api.MaxPartSize)
		sr := c.uploadRequest(http.MethodPut, id)
		sr.query = append(sr.query, s3api.Param{Name: "partNumber", Value: strconv.Itoa(len(parts) + 1), HasValue: true})
		sr.header["X-Amz-Copy-Source"] = []string{source}
		sr.header["X-Amz-Copy-Source-If-Match"] = []string{quote(o.storeETag)}
		sr.header["X-Amz-Copy-Source-Range"] = []string{s3api.Range{First: off, Last: off + size - 1}.String()}
		doc, _, err := c.ask(ctx, sr)
		if err != nil {
			return "", nil, err
		}
		copied, err := s3api.ParseCopyResult(doc)
		if err != nil {
			return "", nil, replacedIn(err)
		}
		parts = append(parts, s3api.CompletedPart{Number: len(parts) + 1, ETag: copied.ETag})
		off += size
	}
	sr := c.uploadRequest(http.MethodPost, id)
	maps.Copy(sr.header, last)
	sr.setDocument(s3api.AppendComplete(nil, parts), "application/xml")
	doc, answer, err := c.ask(context.WithoutCancel(ctx), sr)
	if err != nil {
		return "", nil, c.checkReplaced(ctx, o, err)
	}
	done, err := s3api.ParseCompleteUploadResult(doc)
	if err != nil {
		return "", nil, c.checkReplaced(ctx, o, replacedIn(err))
	}
	return done.ETag, answer, nil
}

// ask sends a request whose answer is a small document. A condition that does
// not hold is errReplaced.
func (c *call) ask(ctx context.Context, sr *storeRequest) ([]byte, http.Header, error) {
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		doc, err := readDocument(resp, maxCopyAnswer)
		return doc, resp.Header, err
	case http.StatusConflict:
		drain(resp.Body)
		return nil, nil, errReplaced
	default:
		return nil, nil, replacedIn(c.storeError(resp))
	}
}

// replacedIn returns errReplaced for a store's error by which an object is no
// longer the one that was found, else the error. Looking for the object again
// tells whether it is missing: MinIO misses one that is replaced at the moment.
func replacedIn(err error) error {
	if errors.Is(err, s3api.ErrPreconditionFailed) || errors.Is(err, s3api.ErrNoSuchKey) || errors.Is(err, s3api.ErrNoSuchVersion) {
		return errReplaced
	}
	return err
}
