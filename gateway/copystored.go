package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxCopyAnswer bounds a store's answer to a copy in bytes.
const maxCopyAnswer = 64 << 10

// copyStored lets the store copy the ciphertext and gives the copy an envelope
// of its own: the same data keys, sealed as the copy is to be encrypted and
// bound to its name.
func (c *call) copyStored(ctx context.Context, req *copyRequest, o *object, from, h http.Header) (*copied, error) {
	if req.self && !req.condition.IsZero() {
		if err := c.checkSelfCondition(ctx, req, o); err != nil {
			return nil, err
		}
	}
	env, err := c.reseal(ctx, &req.enc, o)
	if err != nil {
		return nil, err
	}
	made := *o // as it is under its new name
	made.source, made.env, made.customer = c.self(), env, req.enc.customer
	result, from, err := c.makeCopy(ctx, req, o, &made, from, h)
	if err != nil {
		return nil, err
	}
	made.storeETag = result.ETag
	etag, err := c.etag(ctx, &made)
	if err != nil {
		return nil, err
	}
	return &copied{
		env: env, etag: etag, checksum: objectChecksum(o),
		modified: result.Modified, from: from,
	}, nil
}

// makeCopy makes the store copy o to what made says of the copy.
func (c *call) makeCopy(ctx context.Context, req *copyRequest, o, made *object, from, h http.Header) (*s3api.CopyResult, http.Header, error) {
	if req.self && o.inPlace(from) {
		h := h.Clone()
		if err := c.copyTags(ctx, req, o, from, h); err != nil {
			return nil, nil, err
		}
		result, answer, err := c.rewrite(ctx, o, made.env, h, time.Time{})
		if !errors.Is(err, errElsewhere) {
			return result, answer, err
		}
	}
	h["X-Amz-Tagging-Directive"] = []string{"COPY"}
	if req.ReplaceTags {
		h["X-Amz-Tagging-Directive"] = []string{"REPLACE"}
		copyHeaders(h, c.header, []string{"X-Amz-Tagging"})
	}
	copyHeaders(h, c.header, []string{"X-Amz-Source-Expected-Bucket-Owner"})
	if req.self {
		return c.copyOntoItself(ctx, o, made, h)
	}
	return c.storeCopy(ctx, o, made.env, nil, h)
}

// checkSelfCondition applies the client's condition on the destination of a
// copy to the object that is copied onto itself. That it is still this object
// when the copy is made is what every copy asks the store for.
func (c *call) checkSelfCondition(ctx context.Context, req *copyRequest, o *object) error {
	if req.VersionID != "" {
		_, err := c.storeCondition(ctx, c.key, "", req.condition) // which is on the current version
		return err
	}
	etag, err := c.etag(ctx, o)
	if err != nil {
		return err
	}
	return req.condition.Check(true, etag)
}

// reseal returns an envelope for a body that stays as it is, to be the
// object of the call encrypted as enc says.
func (c *call) reseal(ctx context.Context, enc *encryption, o *object) (*metadata.Envelope, error) {
	env, keks, err := c.newEnvelope(ctx, enc)
	defer keks.Clear()
	if err != nil {
		return nil, err
	}
	if err := env.Inherit(o.env); err != nil {
		return nil, err
	}
	return env, env.Seal(keks, o.keys, c.realm(c.bucket), c.key)
}

// storeCopy makes the store copy exactly the object o to that of the call,
// where h and env are all of its metadata.
func (c *call) storeCopy(ctx context.Context, o *object, env *metadata.Envelope, q s3api.Query, h http.Header) (*s3api.CopyResult, http.Header, error) {
	value, err := env.Encode()
	if err != nil {
		return nil, nil, err
	}
	h[metadata.Header] = []string{value}
	h["X-Amz-Copy-Source"] = []string{s3api.CopySource{Bucket: o.bucket, Key: o.key, VersionID: o.versionID}.String()}
	h["X-Amz-Copy-Source-If-Match"] = []string{quote(o.storeETag)}
	h["X-Amz-Metadata-Directive"] = []string{"REPLACE"}
	resp, err := c.send(ctx, &storeRequest{method: http.MethodPut, bucket: c.bucket, key: c.key, query: q, header: h})
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, replacedIn(c.storeError(resp))
	}
	doc, err := readDocument(resp, maxCopyAnswer)
	if err != nil {
		return nil, nil, err
	}
	result, err := s3api.ParseCopyResult(doc)
	return result, resp.Header, replacedIn(err)
}
