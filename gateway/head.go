package gateway

import (
	"context"
	"net/http"
)

// headObject answers from the metadata that the store has of the object.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (c *call) headObject() error {
	ctx := c.r.Context()
	rd, err := c.parseReading()
	if err != nil {
		return err
	}
	o, header, err := c.stat(ctx)
	if err != nil {
		return err
	}
	if rd.ranged && !c.ifRange(ctx, o) {
		rd.ranged = false
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, header, err)
	}
	if err := c.header200(ctx, rd, o, header, v); err != nil {
		return err
	}
	c.start(v.status)
	return nil
}

// stat asks the store for the object's metadata.
func (c *call) stat(ctx context.Context) (*object, http.Header, error) {
	resp, err := c.read(ctx, http.MethodHead, "")
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, c.storeError(resp)
	}
	_ = resp.Body.Close() // empty
	o, err := c.inspect(resp.Header, resp.ContentLength)
	if err != nil {
		return nil, nil, err
	}
	if o.env == nil {
		if err := c.admit(ctx, o); err != nil {
			return nil, nil, err
		}
	}
	return o, resp.Header, nil
}
