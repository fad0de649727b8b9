package gateway

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// copyRequest is a CopyObject as the client asked for it.
type copyRequest struct {
	copySource
	s3api.CopyDirectives
	condition s3api.WriteCondition // of the destination
	self      bool                 // source and destination have the same name
	enc       encryption           // of the destination
}

// copied is what the answer to a copy tells.
type copied struct {
	env      *metadata.Envelope
	etag     string
	checksum s3api.Checksum
	modified time.Time
	from     http.Header // of the store's answer
}

// copyObject copies an object. Where its ciphertext can serve as that of the
// copy, the store copies it, and only the data keys are sealed anew.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *call) copyObject() error {
	ctx := c.r.Context()
	req, err := c.parseCopy(ctx)
	if err != nil {
		return err
	}
	c.answerEarly(req.enc.named(), c.sseResponse(&req.enc))
	return c.untilSettled(func() error {
		o, header, err := c.locate(ctx, req.copySource)
		if err != nil {
			return err
		}
		done, err := c.copyFrom(ctx, &req, o, header)
		if err != nil {
			return err
		}
		return c.answerCopy(&req, o, done)
	})
}

func (c *call) parseCopy(ctx context.Context) (req copyRequest, err error) {
	if req.copySource, err = c.parseCopySource(); err != nil {
		return req, err
	}
	if req.CopyDirectives, err = s3api.ParseCopyDirectives(c.header); err != nil {
		return req, err
	}
	if req.condition, err = s3api.ParseWriteCondition(c.header); err != nil {
		return req, err
	}
	req.self = req.Bucket == c.bucket && req.Key == c.key
	req.enc, err = c.chooseEncryption(ctx)
	return req, err
}

// copyFrom makes the copy from the object as it was found.
func (c *call) copyFrom(ctx context.Context, req *copyRequest, o *object, from http.Header) (*copied, error) {
	if err := s3api.CheckCopySize(o.size); err != nil {
		return nil, err
	}
	if err := c.checkSelf(ctx, req, o); err != nil {
		return nil, err
	}
	h, err := c.copyHeaders(req.ReplaceMetadata, from)
	if err != nil {
		return nil, err
	}
	if c.reusable(req, o) {
		return c.copyStored(ctx, req, o, from, h)
	}
	return c.copyStream(ctx, req, o, from, h)
}

// checkSelf refuses a copy of an object onto itself that changes nothing. The
// encryption counts as changed when the request or the bucket names one, and
// when it is not the one that objects have by default.
func (c *call) checkSelf(ctx context.Context, req *copyRequest, o *object) error {
	if !req.self {
		return nil
	}
	all, err := c.settings(ctx)
	if err != nil {
		return err
	}
	asked, err := metadata.ParseSSE(c.header)
	if err != nil {
		return err
	}
	changes := req.ReplaceMetadata || asked.Mode != 0 || all.Buckets[c.bucket].Mode != 0 ||
		c.header["X-Amz-Storage-Class"] != nil || c.header["X-Amz-Website-Redirect-Location"] != nil ||
		o.env == nil || o.env.Mode != metadata.SSES3 || req.enc.mode != metadata.SSES3
	return req.CheckSelf(c.bucket, c.key, changes)
}

// reusable reports whether the ciphertext of o can be that of the copy.
func (c *call) reusable(req *copyRequest, o *object) bool {
	switch {
	case o.env == nil, (o.env.Mode == metadata.DSSEKMS) != (req.enc.mode == metadata.DSSEKMS):
		return false // the body is of another suite, or of none
	case !req.condition.IsZero() && !req.self:
		// Stores decide about conditions on the destination when they are sent
		// an object, not always when they copy one.
		return false
	case c.g.cfg.ReencryptCopies && !req.enc.sameRoot(o.env, c.g.cfg.Keys.Active()):
		return false
	case c.g.cfg.ETag == ETagMD5 && req.enc.mode == metadata.SSES3 && !isMD5(o.digests.ETag):
		return false
	}
	sum := o.digests.Checksum
	return req.Checksum == 0 || s3api.Algorithm(sum.Algorithm) == req.Checksum && !sum.Composite
}

// sameRoot reports whether an object with that envelope is sealed under the
// root key that e names.
func (e *encryption) sameRoot(env *metadata.Envelope, active string) bool {
	if e.mode != env.Mode {
		return false
	}
	switch e.mode {
	case metadata.SSES3:
		return env.KeyID == active
	case metadata.SSEKMS:
		return env.KeyID == e.kmsKey
	case metadata.DSSEKMS:
		return env.KeyID == e.kmsKey && env.OuterKeyID == active
	case metadata.SSEC:
		return env.CheckCustomerKey(e.customer)
	default:
		return false
	}
}

// isMD5 reports whether an ETag is the MD5 of the whole plaintext.
func isMD5(etag string) bool { return etag != "" && !strings.Contains(etag, "-") }

// answerCopy sends the answer to CopyObject.
func (c *call) answerCopy(req *copyRequest, o *object, done *copied) error {
	h := c.w.Header()
	copyHeaders(h, done.from, []string{"X-Amz-Version-Id", "X-Amz-Expiration", "X-Amz-Request-Charged"})
	if o.versionID != "" {
		h["X-Amz-Copy-Source-Version-Id"] = []string{o.versionID}
	}
	done.env.SetResponse(h, c.sseResponse(&req.enc))
	result := s3api.CopyResult{ETag: done.etag, Modified: done.modified, Checksum: done.checksum}
	return c.sendDocument(result.AppendObjectXML(nil))
}
