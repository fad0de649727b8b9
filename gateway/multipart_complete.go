package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// completion is a CompleteMultipartUpload as the client asked for it.
type completion struct {
	id     uploadID
	listed []s3api.CompletedPart
	want   s3api.CompleteRequest
	sse    metadata.SSE // the customer key is not needed, the mode not even allowed by Amazon S3
}

// completed is what the client is told of the object.
type completed struct {
	env      *metadata.Envelope
	etag     string
	checksum s3api.Checksum
	from     http.Header // of the store's answer
}

// completeMultipartUpload makes one object of the parts: it adds the footer
// that says which attempts at which parts are the object, and has the store put
// it together. When the answer to an earlier request was lost and the object is
// there already, it is given again.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func (c *call) completeMultipartUpload() error {
	ctx := c.r.Context()
	rq, err := c.parseCompletion()
	if err != nil {
		return err
	}
	done, err := c.completeUpload(ctx, rq)
	if overtaken(err) {
		done, err = c.completedBefore(ctx, rq, err)
	}
	if err != nil {
		return err
	}
	h := c.w.Header()
	copyHeaders(h, done.from, []string{"X-Amz-Version-Id", "X-Amz-Expiration", "X-Amz-Request-Charged"})
	done.env.SetResponse(h, metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs})
	result := s3api.CompleteUploadResult{
		Location: c.location(), Bucket: c.bucket, Key: c.key, ETag: done.etag, Checksum: done.checksum,
	}
	return c.sendDocument(result.AppendXML(nil))
}

func (c *call) parseCompletion() (*completion, error) {
	sse, err := metadata.ParseSSE(c.header)
	if err != nil {
		return nil, err
	}
	rq := &completion{id: c.namedUpload(), sse: sse}
	if rq.want, err = s3api.ParseCompleteRequest(c.header); err != nil {
		return nil, err
	}
	if _, err := s3api.ParseWriteCondition(c.header); err != nil {
		return nil, err
	}
	// A checksum in a header is the object's here, so Content-MD5 is all that
	// may be said of the document.
	digest := http.Header{"Content-Md5": c.header["Content-Md5"]}
	doc, err := c.document(c.auth.Body(c.r.Body), s3api.MaxCompleteBody)
	if err != nil {
		return nil, err
	}
	if len(digest["Content-Md5"]) > 0 {
		if err := s3api.VerifyDocument(digest, "", "", doc); err != nil {
			return nil, err
		}
	}
	rq.listed, err = s3api.ParseComplete(doc)
	return rq, err
}

// overtaken reports whether err may mean that the upload has been completed
// already.
func overtaken(err error) bool {
	return errors.Is(err, s3api.ErrNoSuchUpload) || errors.Is(err, s3api.ErrInvalidPart) ||
		errors.Is(err, s3api.ErrPreconditionFailed) || errors.Is(err, errNoRecord)
}

// completeUpload completes an upload that is in progress.
func (c *call) completeUpload(ctx context.Context, rq *completion) (*completed, error) {
	up, err := c.loadUpload(ctx, rq.id, true)
	if err != nil {
		return nil, err
	}
	c.out.Mode = up.env.Mode.String()
	if err := c.admitCompletion(up, rq.sse); err != nil {
		return nil, err
	}
	c.answerEarly(up.env, metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs})
	kept, err := c.listKept(ctx, up)
	if err != nil {
		return nil, err
	}
	chosen, err := c.chooseAttempts(ctx, up, kept.attempts, rq.listed)
	if err != nil {
		return nil, err
	}
	obj, err := up.checksum.Complete(up.id, rq.listed, chosen.uploaded, rq.want)
	if err != nil {
		return nil, err
	}
	h := make(http.Header, 12)
	if err := c.writeConditions(ctx, h); err != nil {
		return nil, err
	}
	resp, storeETag, err := c.endUpload(ctx, up, kept.attempts, chosen, obj, h) //nolint:bodyclose // it is closed
	if err != nil {
		return nil, err
	}
	c.forgetKept(ctx, up.uploadID, kept.names)
	done := &completed{env: up.env, etag: c.compositeETag(up, obj), checksum: obj.Checksum, from: resp.Header}
	if done.etag == "" {
		done.etag = opaqueETag(storeETag)
	}
	if up.env.Mode == metadata.SSEKMS || up.env.Mode == metadata.DSSEKMS {
		done.hideDefaultChecksum(up.checksum)
	}
	return done, nil
}

// hideDefaultChecksum leaves the checksum that nobody asked for out of the
// answer, as Amazon S3 does for the KMS modes.
func (d *completed) hideDefaultChecksum(asked s3api.UploadChecksum) {
	if asked.Algorithm == 0 {
		d.checksum = s3api.Checksum{}
	}
}

// admitCompletion checks that the request may complete the upload. A customer
// key is not needed, but if it is there, it must be the right one. Amazon S3
// refuses a mode; minio-go repeats that of the upload, which harms nobody.
func (c *call) admitCompletion(up *uploadState, sse metadata.SSE) error {
	if sse.Mode != 0 && sse.Mode != metadata.SSEC {
		if sse.Mode != up.env.Mode {
			return metadata.RefuseSSE(c.header)
		}
		if sse.KMSKeyID != "" {
			if name, err := c.resolveKey(sse.KMSKeyID); err != nil || name != up.env.KeyID {
				return metadata.RefuseSSE(c.header)
			}
		}
	}
	if err := c.admitUpload(up); err != nil {
		return err
	}
	if up.env.Mode == metadata.SSEC && sse.CustomerKey.IsZero() {
		return nil
	}
	if err := c.checkUploadKey(up, sse.CustomerKey); err != nil {
		return err
	}
	return c.admitMode(up.env.Mode)
}

// compositeETag is the ETag of the object if it is made of the MD5s of its
// parts, otherwise empty: the object's follows from the store's then.
func (c *call) compositeETag(up *uploadState, obj s3api.CompletedObject) string {
	if up.env.ETagInFooter && c.g.cfg.ETag != ETagOpaque {
		return obj.ETag
	}
	return ""
}

// endAttempts is how often an upload is ended that others are ending, too.
const endAttempts = 4

// endUpload adds the end of the object and has the store put it together. Where
// the end always has the same number (freeNumber), another completion of the
// upload may have put its own in the place of this one's. That must not look as
// if the client's parts were wrong, for which it would give the upload up.
func (c *call) endUpload(ctx context.Context, up *uploadState, all attempts, chosen chosenParts, obj s3api.CompletedObject, h http.Header) (*http.Response, string, error) {
	for attempt := 1; ; attempt++ {
		parts, err := c.endObject(ctx, up, all, chosen, obj)
		if err != nil {
			return nil, "", err
		}
		resp, etag, err := c.assemble(context.WithoutCancel(ctx), up, parts, h)
		if !errors.Is(err, s3api.ErrInvalidPart) || c.g.onMinIO() || attempt == endAttempts {
			return resp, etag, err
		}
	}
}

// assemble has the store put the object together. Stores begin to answer
// before they know how it ends.
func (c *call) assemble(ctx context.Context, up *uploadState, parts []s3api.CompletedPart, h http.Header) (*http.Response, string, error) {
	sr := c.uploadRequest(http.MethodPost, up.uploadID)
	copyHeaders(sr.header, h, []string{"If-Match", "If-None-Match"})
	sr.setDocument(s3api.AppendComplete(nil, parts), "application/xml")
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, "", refusedCompletion(up, c.storeError(resp))
	}
	doc, err := readDocument(resp, maxDocument)
	if err != nil {
		return nil, "", err
	}
	result, err := s3api.ParseCompleteUploadResult(doc)
	if err != nil {
		return nil, "", refusedCompletion(up, err)
	}
	return resp, result.ETag, nil
}

// refusedCompletion is the error for a store's refusal to put an object
// together. The store talks of parts and ETags of its own.
func refusedCompletion(up *uploadState, err error) error {
	switch {
	case errors.Is(err, s3api.ErrNoSuchUpload):
		return noSuchUpload(up.uploadID)
	case errors.Is(err, s3api.ErrInvalidPart), errors.Is(err, s3api.ErrInvalidPartOrder):
		return s3api.ErrInvalidPart.With("UploadId", up.id)
	case errors.Is(err, s3api.ErrEntityTooSmall):
		return hide(err)
	}
	return err
}
