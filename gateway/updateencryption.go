package gateway

import (
	"context"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxObjectEncryption bounds the document of UpdateObjectEncryption in bytes.
const maxObjectEncryption = 64 << 10

var errLocked = s3api.ErrAccessDenied.WithMessage("The encryption of an object under Object Lock cannot be changed.")

// updateObjectEncryption seals the data keys of an object under a KMS key. The
// body stays as it is.
//
// Unlike on Amazon S3, an ETag that was the MD5 of the plaintext becomes one
// that says nothing of it, as objects of SSE-KMS have here. What else may change
// with the envelope, replaceEnvelope says.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
func (c *call) updateObjectEncryption() error {
	ctx := c.r.Context()
	enc, err := c.parseObjectEncryption(ctx)
	if err != nil {
		return err
	}
	if err := c.untilSettled(func() error { return c.updateOnce(ctx, enc) }); err != nil {
		return err
	}
	c.w.Header()["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// parseObjectEncryption reads how the object is to be encrypted. What may be
// written to the bucket with PutObject, objects may be changed to.
func (c *call) parseObjectEncryption(ctx context.Context) (encryption, error) {
	if _, err := metadata.ParseCustomer(c.header); err != nil {
		return encryption{}, err
	}
	doc, err := c.verifiedDocument(maxObjectEncryption)
	if err != nil {
		return encryption{}, err
	}
	want, err := s3api.ParseObjectEncryption(doc)
	if err != nil {
		return encryption{}, err
	}
	as := *c
	as.header = http.Header{
		"X-Amz-Server-Side-Encryption":                    {"aws:kms"},
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     {want.KeyARN},
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {strconv.FormatBool(want.BucketKey)},
	}
	return as.chooseEncryption(ctx)
}

func (c *call) updateOnce(ctx context.Context, enc encryption) error {
	src := c.self()
	src.query = versionQuery(c.query.Get("versionId")) // the object, not its encryption
	o, from, err := c.look(ctx, src)
	if err != nil {
		return err
	}
	c.out.Mode = enc.mode.String()
	if o.env == nil || o.env.Mode != metadata.SSES3 && o.env.Mode != metadata.SSEKMS {
		return s3api.ErrEncryptionSource
	}
	if from["X-Amz-Object-Lock-Mode"] != nil || from.Get("X-Amz-Object-Lock-Legal-Hold") == "ON" {
		return errLocked
	}
	// The client does not know which context the object has, and means to keep it.
	enc.context = o.env.Context
	env, err := c.reseal(ctx, &enc, o)
	if err != nil {
		return err
	}
	// A client that does not wait as long as a large object takes finds it done.
	return c.replaceEnvelope(context.WithoutCancel(ctx), o, from, env)
}
