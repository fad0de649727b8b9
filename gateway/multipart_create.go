package gateway

import (
	"context"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// createMultipartUpload decides how the object will be encrypted and begins an
// upload at the store, whose id becomes the client's.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
func (c *call) createMultipartUpload() error {
	ctx := c.r.Context()
	enc, err := c.chooseEncryption(ctx)
	if err != nil {
		return err
	}
	sum, err := s3api.ParseUploadChecksum(c.header)
	if err != nil {
		return err
	}
	h, err := c.uploadHeaders()
	if err != nil {
		return err
	}
	env, keys, err := c.sealKeys(ctx, &enc, func(e *metadata.Envelope) {
		e.Multipart = true
		e.ETagInFooter = e.Mode == metadata.SSES3 && c.g.cfg.ETag != ETagOpaque
	})
	if err != nil {
		return err
	}
	defer keys.Clear()
	up, from, err := c.beginUpload(ctx, env, keys, sum, h)
	if err != nil {
		return err
	}
	rh := c.w.Header()
	copyHeaders(rh, from, []string{"X-Amz-Abort-Date", "X-Amz-Abort-Rule-Id", "X-Amz-Request-Charged"})
	env.SetResponse(rh, c.sseResponse(&enc))
	sum.Set(rh)
	result := s3api.CreateUploadResult{Bucket: up.bucket, Key: up.key, UploadID: up.id}
	if err := c.sendDocument(result.AppendXML(nil)); err != nil {
		return err
	}
	c.sweep(ctx)
	return nil
}

// beginUpload begins the upload at the store and writes down what the requests
// to come will need. An upload without that could never be completed, so it is
// given up then.
func (c *call) beginUpload(ctx context.Context, env *metadata.Envelope, keys encryptor.Keys, sum s3api.UploadChecksum, h http.Header) (*uploadState, http.Header, error) {
	whole := c.keepWhole(h)
	id, from, err := c.startUpload(ctx, env, h)
	if err != nil {
		return nil, nil, err
	}
	up, err := c.newUpload(id.id, env, keys, sum)
	if err == nil {
		up.whole = whole
		err = c.saveUpload(ctx, up)
	}
	if err != nil {
		c.giveUp(ctx, id)
		return nil, nil, err
	}
	c.g.uploads.put(up.uploadID, up)
	return up, from, nil
}

// startUpload begins an upload at the store and returns the header of the
// store's answer.
func (c *call) startUpload(ctx context.Context, env *metadata.Envelope, h http.Header) (uploadID, http.Header, error) {
	value, err := env.Encode()
	if err != nil {
		return uploadID{}, nil, err
	}
	h[metadata.Header] = []string{value}
	resp, err := c.send(ctx, &storeRequest{
		method: http.MethodPost, bucket: c.bucket, key: c.key, query: s3api.Query{{Name: "uploads"}}, header: h,
	})
	if err != nil {
		return uploadID{}, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return uploadID{}, nil, c.storeError(resp)
	}
	doc, err := readDocument(resp, maxDocument)
	if err != nil {
		return uploadID{}, nil, err
	}
	result, err := s3api.ParseCreateUploadResult(doc)
	if err != nil {
		return uploadID{}, nil, err
	}
	return uploadID{c.bucket, c.key, result.UploadID}, resp.Header, nil
}

// giveUp aborts an upload at the store that nobody can use.
func (c *call) giveUp(ctx context.Context, id uploadID) {
	resp, err := c.send(context.WithoutCancel(ctx), c.uploadRequest(http.MethodDelete, id))
	if err == nil && resp.StatusCode/100 != 2 {
		err = c.storeError(resp)
	} else if err == nil {
		drain(resp.Body)
	}
	if err != nil {
		c.logFailure("an upload that cannot be used is left in the store", err)
	}
}

// location is the URL of the object as the client addressed it.
func (c *call) location() string {
	return c.bucketURL() + s3api.EscapePath(c.key)
}

// abortMultipartUpload ends the upload at the store and removes what the
// gateway kept of it.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (c *call) abortMultipartUpload() error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	id := c.namedUpload()
	kept, err := c.keptOf(ctx, id)
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		// One that was begun behind the gateway's back can be aborted.
		if err := c.findUpload(ctx, id); err != nil {
			return err
		}
	}
	resp, err := c.send(ctx, c.uploadRequest(http.MethodDelete, id))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotFound {
		// Gone from the store, by its own lifecycle rules for one.
		c.forgetEnded(ctx, id)
	}
	if resp.StatusCode/100 != 2 {
		return c.storeError(resp)
	}
	drain(resp.Body)
	c.forgetEnded(ctx, id)
	copyHeaders(c.w.Header(), resp.Header, []string{"X-Amz-Request-Charged"})
	c.start(http.StatusNoContent)
	return nil
}

// listMultipartUploads gives the store's list of uploads: nothing in it is
// about what they hold.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
func (c *call) listMultipartUploads() error { return c.pass() }
