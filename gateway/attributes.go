package gateway

import (
	"context"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// getObjectAttributes tells what HeadObject tells, and of which parts the
// object was made, in a document.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
func (c *call) getObjectAttributes() error {
	want, err := s3api.ParseAttributesRequest(c.header)
	if err != nil {
		return err
	}
	return c.untilSettled(func() error { return c.attributes(want) })
}

func (c *call) attributes(want s3api.AttributesRequest) error {
	ctx := c.r.Context()
	rd, err := c.parseReading()
	if err != nil {
		return err
	}
	rd.src.query = versionQuery(c.query.Get("versionId")) // the store is not asked for attributes
	o, header, err := c.stat(ctx, rd.src)
	if err != nil {
		return err
	}
	if o.env == nil && !rd.src.customer.IsZero() {
		return s3api.ErrSSECNotApplicable
	}
	if err := c.unlockForHead(ctx, rd, o); err != nil {
		return err
	}
	out := s3api.ObjectAttributes{Size: o.size, StorageClass: header.Get("X-Amz-Storage-Class")}
	if out.StorageClass == "" {
		out.StorageClass = "STANDARD"
	}
	if out.ETag, err = c.etag(ctx, o); err != nil {
		return err
	}
	if o.env != nil && (want.Checksum || want.ObjectParts) {
		if err := c.attributesOfContent(ctx, o, want, &out); err != nil {
			return err
		}
	}
	h := c.w.Header()
	copyHeaders(h, header, []string{"Last-Modified", "X-Amz-Delete-Marker", "X-Amz-Request-Charged", "X-Amz-Version-Id"})
	return c.sendDocument(want.AppendXML(nil, &out))
}

// attributesOfContent adds the attributes that are kept sealed.
func (c *call) attributesOfContent(ctx context.Context, o *object, want s3api.AttributesRequest, out *s3api.ObjectAttributes) error {
	if err := c.complete(ctx, o); err != nil {
		return err
	}
	sum := o.digests.Checksum
	out.Checksum = objectChecksum(o)
	if !want.ObjectParts {
		return nil
	}
	for _, p := range o.parts() {
		part := s3api.Part{Number: int(p.Number), Size: p.Length}
		if len(p.Checksum) > 0 {
			part.Checksum = s3api.Checksum{Algorithm: s3api.Algorithm(sum.Algorithm), Value: p.Checksum}
		}
		out.Parts = append(out.Parts, part)
	}
	return nil
}
