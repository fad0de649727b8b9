package gateway

import (
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// partCopy is an UploadPartCopy as the client asked for it.
type partCopy struct {
	copySource
	sse    metadata.SSE // customer key of the upload
	number int
	rng    s3api.Range
	ranged bool
}

// uploadPartCopy stores plaintext of another object as a part of the upload.
// Parts are sealed with keys of their upload, so the data goes through.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
func (c *call) uploadPartCopy() error {
	req, err := c.parsePartCopy()
	if err != nil {
		return err
	}
	return c.untilSettled(func() error { return c.copyPart(&req) })
}

func (c *call) parsePartCopy() (req partCopy, err error) {
	if req.sse, err = metadata.ParseCustomer(c.header); err != nil {
		return req, err
	}
	if req.number, err = s3api.ParsePartNumber(c.query); err != nil {
		return req, err
	}
	if req.copySource, err = c.parseCopySource(); err != nil {
		return req, err
	}
	req.rng, req.ranged, err = s3api.ParseCopyRange(c.header)
	return req, err
}

// copyPart stores the part and answers.
func (c *call) copyPart(req *partCopy) error {
	ctx := c.r.Context()
	o, _, err := c.locate(ctx, req.copySource)
	if err != nil {
		return err
	}
	off, n := int64(0), o.size
	if req.ranged {
		if off, n, err = req.rng.ResolveCopy(o.size); err != nil {
			return err
		}
	} else if err := s3api.CheckCopySize(n); err != nil {
		return err
	}
	up, err := c.openUpload(ctx, req.number, n)
	if err != nil {
		return err
	}
	sse := metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs, CustomerKeyMD5: req.sse.CustomerKeyMD5}
	c.answerEarly(up.env, sse)
	body, err := c.openCopy(ctx, o, off, n)
	if err != nil {
		return err
	}
	defer body.Close()
	put, err := c.putPart(ctx, up, req.sse.CustomerKey, body, req.number, n)
	if err != nil {
		return body.failure(err)
	}
	h := c.w.Header()
	copyHeaders(h, put.from, []string{"X-Amz-Request-Charged"})
	if o.versionID != "" {
		h["X-Amz-Copy-Source-Version-Id"] = []string{o.versionID}
	}
	up.env.SetResponse(h, sse)
	result := s3api.CopyResult{ETag: put.etag(), Modified: put.at, Checksum: put.checksum}
	return c.sendDocument(result.AppendPartXML(nil))
}
