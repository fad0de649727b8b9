package gateway

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// describing are the headers by which an upload describes its content, besides
// x-amz-meta-* and Content-Encoding: those that the metadata directive of a
// copy is about.
var describing = []string{"Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Expires"}

// copyHeaders returns the headers of the copy of an object that the store
// described with those in from, without envelope and tags.
//
// Storage class, ACL, object lock and website redirect are those of the
// request in any case (S3 API Reference, CopyObject).
func (c *call) copyHeaders(replace bool, from http.Header) (http.Header, error) {
	h, err := c.uploadHeaders()
	if err != nil {
		return nil, err
	}
	delete(h, "X-Amz-Tagging")
	if replace {
		return h, nil
	}
	for _, name := range describing {
		delete(h, name)
	}
	delete(h, "Content-Encoding")
	for name := range h {
		if hasMetaPrefix(name) && name != redirectMetadata {
			delete(h, name)
		}
	}
	addDescription(h, from)
	return h, nil
}

// addDescription adds the description of an object's content in the store's answer,
// as far as clients know of it.
func addDescription(h, from http.Header) {
	copyHeaders(h, from, describing)
	if enc := contentEncoding(from["Content-Encoding"]); enc != "" {
		h["Content-Encoding"] = []string{enc}
	}
	for name, values := range from {
		if hasMetaPrefix(name) && !metadata.Private(name) {
			h[name] = values
		}
	}
}

// maxTags bounds the document with the tags of an object, of which there are
// at most ten.
const maxTags = 64 << 10

// copyTags puts the tags of the copy of o into the header of a request that
// uploads it. from is the store's answer about o.
func (c *call) copyTags(ctx context.Context, req *copyRequest, o *object, from, h http.Header) error {
	if req.ReplaceTags {
		copyHeaders(h, c.header, []string{"X-Amz-Tagging"})
		return nil
	}
	return c.keepTags(ctx, h, o, from)
}

// keepTags puts the tags of o into the header of an upload.
func (c *call) keepTags(ctx context.Context, h http.Header, o *object, from http.Header) error {
	tags, err := c.tags(ctx, o, from)
	if tags != "" {
		h["X-Amz-Tagging"] = []string{tags}
	}
	return err
}

// tags returns the tags of an object in the form of x-amz-tagging, "" if it
// has none. from is the store's answer about the object.
func (c *call) tags(ctx context.Context, o *object, from http.Header) (string, error) {
	if n := from.Get("X-Amz-Tagging-Count"); n == "" || n == "0" {
		return "", nil
	}
	q := append(s3api.Query{{Name: "tagging"}}, versionQuery(o.versionID)...)
	resp, err := c.send(ctx, &storeRequest{method: http.MethodGet, bucket: o.bucket, key: o.key, query: q})
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", c.storeError(resp)
	}
	doc, err := readDocument(resp, maxTags)
	if err != nil {
		return "", err
	}
	var tagging struct {
		Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal(doc, &tagging); err != nil {
		return "", fmt.Errorf("reading the tags of the source: %w", err)
	}
	var tags s3api.Query
	for _, t := range tagging.Tags {
		tags = append(tags, s3api.Param{Name: t.Key, Value: t.Value, HasValue: true})
	}
	return tags.Tags(), nil
}
