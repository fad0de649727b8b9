package gateway

import (
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
	resp, err := c.read(ctx, http.MethodHead, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.storeError(resp)
	}
	drain(resp.Body)
	o, err := c.inspect(resp.Header, resp.ContentLength)
	if err != nil {
		return err
	}
	if o.env == nil {
		if err := c.admit(ctx, o); err != nil {
			return err
		}
	}
	if rd.ranged && !c.ifRange(ctx, o) {
		rd.ranged = false
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, o, resp, err)
	}
	if err := c.header200(ctx, rd, o, resp.Header, v); err != nil {
		return err
	}
	c.start(v.status)
	return nil
}
