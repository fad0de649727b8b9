package gateway

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// findUpload looks for an upload of which the gateway keeps nothing among the
// first thousand that the store has of the object. It is s3api.ErrNoSuchUpload
// if it is not there.
//
// Asking the store about the upload itself would not do: some stores take the
// id for a path, and follow one that a client made up to an upload, an object,
// or a whole bucket of somebody else.
func (c *call) findUpload(ctx context.Context, id uploadID) error {
	resp, err := c.send(ctx, &storeRequest{method: http.MethodGet, bucket: id.bucket, query: s3api.Query{
		{Name: "uploads"},
		{Name: "prefix", Value: id.key, HasValue: true},
		{Name: "encoding-type", Value: "url", HasValue: true}, // keys may have what XML cannot express
	}})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.storeError(resp)
	}
	doc, err := readDocument(resp, s3api.MaxListing)
	if err != nil {
		return err
	}
	var list struct {
		Upload []struct {
			UploadID string `xml:"UploadId"`
		}
	}
	if err := xml.Unmarshal(doc, &list); err != nil {
		return fmt.Errorf("listing uploads: %w", err)
	}
	for _, u := range list.Upload {
		if u.UploadID == id.id {
			return nil
		}
	}
	return noSuchUpload(id)
}
