package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// The encryption configuration of buckets is the gateway's own: the store never
// sees it. A change is in force at once in the instance that made it, and at
// most settingsAge later in all others.

// bucketMethods are the modes that a bucket can have by default, as its
// configuration calls them.
var bucketMethods = map[s3api.EncryptionMethod]metadata.Mode{
	s3api.EncryptionAES256: metadata.SSES3,
	s3api.EncryptionKMS:    metadata.SSEKMS,
	s3api.EncryptionDSSE:   metadata.DSSEKMS,
}

// putBucketEncryption sets how objects of the bucket are encrypted for which
// the request does not say it. Whether there is a KMS key of that name is found
// out when an object is written, as on Amazon S3.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html
func (c *call) putBucketEncryption() error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	doc, err := c.verifiedDocument(maxDocument)
	if err != nil {
		return err
	}
	b, err := s3api.ParseBucketEncryption(doc)
	if err != nil {
		return err
	}
	change := &bucketSettings{Mode: bucketMethods[b.Method], KMSKey: b.KeyID, BucketKey: b.BucketKey}
	if change.Mode != metadata.SSES3 && c.g.cfg.KMS.Service == nil {
		return errNoKMS
	}
	if b.SSEC != s3api.SSECUnset {
		blocked := b.SSEC == s3api.SSECBlocked
		change.BlockSSEC = &blocked
	}
	if err := c.bucketExists(ctx); err != nil {
		return err
	}
	if err := c.changeSettings(ctx, c.bucket, change, nil); err != nil {
		return err
	}
	c.w.Header()["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// getBucketEncryption answers with the bucket's configuration, or with what is
// in force without one: every bucket has a default encryption.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html
func (c *call) getBucketEncryption() error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	if err := c.bucketExists(ctx); err != nil {
		return err
	}
	all, err := c.settings(ctx)
	if err != nil {
		return err
	}
	own, ok := all.Buckets[c.bucket]
	rule := c.g.rule(c.bucket)
	if !ok {
		own = bucketSettings{Mode: max(rule.Default, metadata.SSES3), KMSKey: rule.KMSKey, BucketKey: rule.BucketKey}
	}
	if own.BlockSSEC == nil && rule.BlockSSEC {
		own.BlockSSEC = &rule.BlockSSEC
	}
	return c.sendDocument(own.document().AppendXML(nil))
}

// document is the configuration as clients know it.
func (s *bucketSettings) document() s3api.BucketEncryption {
	b := s3api.BucketEncryption{KeyID: s.KMSKey, BucketKey: s.BucketKey}
	for method, mode := range bucketMethods {
		if mode == s.Mode {
			b.Method = method
		}
	}
	if s.BlockSSEC != nil {
		if b.SSEC = s3api.SSECAllowed; *s.BlockSSEC {
			b.SSEC = s3api.SSECBlocked
		}
	}
	return b
}

// deleteBucketEncryption returns the bucket to what is in force without a
// configuration.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html
func (c *call) deleteBucketEncryption() error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	if err := c.bucketExists(ctx); err != nil {
		return err
	}
	if err := c.changeSettings(ctx, c.bucket, nil, nil); err != nil {
		return err
	}
	c.start(http.StatusNoContent)
	return nil
}

// bucketExists asks the store whether the bucket exists, as whoever signs the
// client's requests there.
func (c *call) bucketExists(ctx context.Context) error {
	sr := &storeRequest{method: http.MethodHead, bucket: c.bucket, header: make(http.Header, 6)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner"})
	resp, err := c.send(ctx, sr)
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		drain(resp.Body)
		return nil
	case http.StatusNotFound:
		drain(resp.Body)
		return s3api.ErrNoSuchBucket.With("BucketName", c.bucket)
	default:
		return c.storeError(resp)
	}
}

// deleteBucket deletes the bucket and then its configuration, which must not
// apply to another bucket of that name some day. A client that gets an error in
// between can try again.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
func (c *call) deleteBucket() error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	sr := &storeRequest{method: http.MethodDelete, bucket: c.bucket, query: c.query, header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, passHeader)
	resp, err := c.send(ctx, sr)
	if err != nil {
		return err
	}
	gone := resp.StatusCode == http.StatusNotFound
	if gone || resp.StatusCode/100 == 2 {
		if err := c.forgetBucket(ctx); err != nil {
			drain(resp.Body)
			return err
		}
	}
	if resp.StatusCode/100 != 2 {
		return c.storeError(resp)
	}
	drain(resp.Body)
	c.start(http.StatusNoContent)
	return nil
}

// forgetBucket removes what the gateway keeps about a bucket that is gone.
func (c *call) forgetBucket(ctx context.Context) error {
	if c.g.cfg.Upstream.Credential.AccessKey == "" {
		return nil // there can be nothing
	}
	return c.changeSettings(ctx, c.bucket, nil, func() (bool, error) {
		err := c.bucketExists(ctx)
		if errors.Is(err, s3api.ErrNoSuchBucket) {
			return true, nil
		}
		return false, err // somebody has made it again
	})
}
