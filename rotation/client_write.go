package rotation

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Copy implements Store.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *Client) Copy(ctx context.Context, ch Change) (*s3api.CopyResult, error) {
	h := copyHeader(Name{ch.Bucket, ch.Key, ch.Source}, ch.ETag)
	maps.Copy(h, ch.Header)
	h["X-Amz-Metadata-Directive"] = []string{"REPLACE"}
	h["X-Amz-Tagging-Directive"] = []string{"COPY"}
	doc, _, err := c.document(ctx, request{method: http.MethodPut, name: ch.Name, header: h, once: true})
	if err != nil {
		return nil, err
	}
	return s3api.ParseCopyResult(doc)
}

// copyHeader names the source of a copy.
func copyHeader(source Name, etag string) http.Header {
	from := s3api.CopySource{Bucket: source.Bucket, Key: source.Key, VersionID: source.VersionID}
	return http.Header{
		"X-Amz-Copy-Source":          {from.String()},
		"X-Amz-Copy-Source-If-Match": {quote(etag)},
	}
}

// Put implements Store.
func (c *Client) Put(ctx context.Context, n Name, h http.Header, body Body) error {
	_, _, err := c.upload(ctx, request{method: http.MethodPut, name: n, header: h.Clone()}, body)
	return err
}

// upload sends a body in a way that the store can check it.
func (c *Client) upload(ctx context.Context, r request, body Body) ([]byte, http.Header, error) {
	r.body, r.size = body.Reader, body.Size
	if !c.Plain {
		r.header[gateway.StoreChecksum] = []string{gateway.FormatStoreChecksum(body.CRC32C)}
	}
	return c.document(ctx, r)
}

// BeginUpload implements Store.
func (c *Client) BeginUpload(ctx context.Context, n Name, h http.Header, whole bool) (string, error) {
	if whole && c.keepsWhole() {
		h = gateway.KeepWhole(h.Clone())
	}
	// To its end, or nobody would know which upload to give up.
	doc, _, err := c.document(context.WithoutCancel(ctx), request{
		method: http.MethodPost, name: n, query: s3api.Query{{Name: "uploads"}}, header: h, once: true,
	})
	if err != nil {
		return "", fmt.Errorf("beginning an upload: %w", err)
	}
	result, err := s3api.ParseCreateUploadResult(doc)
	if err != nil {
		return "", fmt.Errorf("beginning an upload: %w", err)
	}
	return result.UploadID, nil
}

// keepsWhole reports whether the store is asked to keep a checksum of what is
// uploaded in parts. MinIO has a use for one: it writes a body again when it
// changes the metadata of one that has none.
func (c *Client) keepsWhole() bool { return !c.Plain && isMinIO(c) }

func partQuery(upload string, part int) s3api.Query {
	return s3api.Query{number("partNumber", part), param("uploadId", upload)}
}

// PutPart implements Store.
func (c *Client) PutPart(ctx context.Context, n Name, upload string, part int, body Body) (s3api.CompletedPart, error) {
	r := request{method: http.MethodPut, name: n, query: partQuery(upload, part), header: make(http.Header)}
	_, h, err := c.upload(ctx, r, body)
	if err != nil {
		return s3api.CompletedPart{}, fmt.Errorf("uploading part %d: %w", part, err)
	}
	return gateway.CompletedPart(part, unquote(h.Get("Etag")), c.keepsWhole(), body.CRC32C), nil
}

// CopyPart implements Store.
func (c *Client) CopyPart(ctx context.Context, n Name, upload string, part int, source Name, etag string, first, last int64) (s3api.CompletedPart, error) {
	h := copyHeader(source, etag)
	h["X-Amz-Copy-Source-Range"] = []string{fmt.Sprintf("bytes=%d-%d", first, last)}
	doc, _, err := c.document(ctx, request{method: http.MethodPut, name: n, query: partQuery(upload, part), header: h})
	if err != nil {
		return s3api.CompletedPart{}, fmt.Errorf("copying part %d: %w", part, err)
	}
	result, err := s3api.ParseCopyResult(doc)
	if err != nil {
		return s3api.CompletedPart{}, fmt.Errorf("copying part %d: %w", part, err)
	}
	return s3api.CompletedPart{Number: part, ETag: result.ETag}, nil
}

// CompleteUpload implements Store.
func (c *Client) CompleteUpload(ctx context.Context, n Name, upload string, parts []s3api.CompletedPart, h http.Header) error {
	doc, _, err := c.document(ctx, request{
		method: http.MethodPost, name: n, query: s3api.Query{param("uploadId", upload)}, header: h,
		doc: s3api.AppendComplete(nil, parts), once: true,
	})
	if err != nil {
		return fmt.Errorf("completing an upload: %w", err)
	}
	_, err = s3api.ParseCompleteUploadResult(doc)
	if err != nil {
		return fmt.Errorf("completing an upload: %w", err)
	}
	return nil
}

// AbortUpload implements Store.
func (c *Client) AbortUpload(ctx context.Context, n Name, upload string) error {
	_, _, err := c.document(ctx, request{method: http.MethodDelete, name: n, query: s3api.Query{param("uploadId", upload)}})
	return err
}
