package gateway

import (
	"context"
	"errors"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// completedBefore answers a completion that the store or the gateway refused
// with refusal, if the object is there and is what the completion would have
// made: then an earlier request did it, whose answer the client has not got.
// Otherwise the refusal stands.
func (c *call) completedBefore(ctx context.Context, rq *completion, refusal error) (*completed, error) {
	if errors.Is(refusal, errNoRecord) { // a part that waited is gone: so is the upload
		refusal = noSuchUpload(rq.id)
	}
	if !errors.Is(refusal, s3api.ErrNoSuchUpload) {
		// An upload in progress has made nothing, even if another
		// one of the same parts has.
		_, err := c.listStoreParts(ctx, rq.id, s3api.PartsPage{Max: 1})
		if !errors.Is(err, s3api.ErrNoSuchUpload) {
			return nil, refusedOr(err, refusal)
		}
	}
	at := *c // whose outcome is not about this object, if it is another
	at.out = new(Outcome)
	o, header, err := at.stat(ctx, source{bucket: c.bucket, key: c.key, customer: rq.sse.CustomerKey})
	if err != nil {
		return nil, refusedOr(err, refusal)
	}
	if o.env == nil || !o.env.Multipart {
		return nil, refusal
	}
	done := &completed{env: o.env, from: header}
	if o.env.Mode == metadata.SSEC && rq.sse.CustomerKey.IsZero() {
		var same bool
		if same, err = at.beginsAs(ctx, o, rq.listed[0]); err != nil || !same {
			return nil, refusedOr(err, refusal)
		}
		done.etag = opaqueETag(o.storeETag)
	} else {
		if err := at.complete(ctx, o); err != nil {
			return nil, refusedOr(err, refusal)
		}
		if !sameParts(o.record, rq.listed) {
			return nil, refusal
		}
		if done.etag, err = at.etag(ctx, o); err != nil {
			return nil, err
		}
		done.checksum = objectChecksum(o)
	}
	c.out.Mode = o.env.Mode.String()
	c.forgetEnded(ctx, rq.id)
	return done, nil
}

// refusedOr returns err if it is worth another try, else the refusal.
func refusedOr(err, refusal error) error {
	if _, ok := errors.AsType[*unreachableError](err); ok || errors.Is(err, errReplaced) {
		return err
	}
	return refusal
}

// sameParts reports whether the object is made of exactly the parts listed.
func sameParts(rec *encryptor.Record, listed []s3api.CompletedPart) bool {
	if len(rec.Parts) != len(listed) {
		return false
	}
	etags := make([]string, len(listed))
	known := false // by what no other upload has
	for i := range listed {
		p := &rec.Parts[i]
		if int(p.Number) != listed[i].Number {
			return false
		}
		etags[i] = listed[i].ETag
		if len(etags[i]) == len(encryptor.PartETag(p.Salt)) {
			if etags[i] != encryptor.PartETag(p.Salt) {
				return false
			}
			known = true
		}
	}
	if composite, ok := s3api.CompositeETag(etags); ok {
		return composite == rec.Digests.ETag
	}
	return known
}

// beginsAs reports whether the object begins with the attempt at a part that
// listed names. Of an object that cannot be opened, that is what can be told.
func (c *call) beginsAs(ctx context.Context, o *object, listed s3api.CompletedPart) (bool, error) {
	head, err := c.readRange(ctx, o, "bytes=0-95", 96)
	if err != nil {
		return false, err
	}
	p, ok := encryptor.PeekPart(head)
	return ok && int(p.Number) == listed.Number && encryptor.PartETag(p.Salt) == listed.ETag, nil
}

// objectChecksum is the checksum of an object whose footer has been read.
func objectChecksum(o *object) s3api.Checksum {
	d := o.digests.Checksum
	sum := s3api.Checksum{Algorithm: s3api.Algorithm(d.Algorithm), Type: s3api.FullObject, Value: d.Value}
	if d.Composite {
		sum.Type, sum.Parts = s3api.Composite, len(o.parts())
	}
	if sum.IsZero() {
		return s3api.Checksum{}
	}
	return sum
}
