package gateway

import (
	"context"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// headObject answers from the metadata that the store has of the object.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (c *call) headObject() error { return c.untilSettled(c.headOnce) }

func (c *call) headOnce() error {
	ctx := c.r.Context()
	rd, err := c.parseReading()
	if err != nil {
		return err
	}
	o, header, err := c.stat(ctx, rd.src)
	if err != nil {
		return err
	}
	if err := c.unlockForHead(ctx, rd, o); err != nil {
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

// unlockForHead unlocks the object as far as the answer to HeadObject needs
// it. Amazon S3 asks the key management service for nothing then, so that
// HeadObject works with a key that is disabled; a customer key is checked.
func (c *call) unlockForHead(ctx context.Context, rd reading, o *object) error {
	switch {
	case o.env == nil:
		return nil
	case o.env.Mode == metadata.SSEC || rd.src.customer != (encryptor.Key{}) || rd.part != 0:
		return c.unlock(ctx, o)
	default:
		return c.admitMode(o.env.Mode)
	}
}

// stat asks the store for an object's metadata.
func (c *call) stat(ctx context.Context, src source) (*object, http.Header, error) {
	resp, err := c.read(ctx, http.MethodHead, src, "")
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, c.storeError(resp)
	}
	_ = resp.Body.Close() // empty
	o, err := c.inspect(ctx, src, resp.Header, resp.ContentLength)
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
