package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// KeyService holds the keys of SSE-KMS. *kms.Service is one. Implementations
// are safe for concurrent use.
type KeyService interface {
	// Generate returns a new key-encryption key wrapped under the named key,
	// with bucketKey one that objects of the bucket share for a time.
	Generate(ctx context.Context, u kms.Use, key string, encContext []byte, bucketKey bool) (kms.KEK, error)

	// Unwrap returns the key-encryption key of an object.
	Unwrap(ctx context.Context, u kms.Use, key string, wrapped, encContext []byte) (encryptor.Key, error)
}

// KMS configures SSE-KMS and DSSE-KMS.
type KMS struct {
	// Service holds the keys. Without one, the modes are not available.
	Service KeyService

	// DefaultKey is the name of the key for requests that name none, as
	// aws/s3 is on Amazon S3. Without one, such requests are refused.
	DefaultKey string

	// KeyIDs says how clients may name keys and how responses do.
	KeyIDs metadata.KeyIDs
}

var errNoKMS = s3api.ErrNotImplemented.WithMessage("SSE-KMS is not available: no key management service is configured.")

// use describes what the call does with an object's key for the audit log.
func (c *call) use(src source) kms.Use {
	u := kms.Use{RequestID: c.id, Operation: c.out.Operation, Bucket: src.bucket, Object: src.key}
	if c.cred != nil {
		u.AccessKey = c.cred.AccessKey
	}
	return u
}

// resolveKey returns the name of the key that a client calls id, or the
// default key if it names none.
func (c *call) resolveKey(id string) (string, error) {
	k := &c.g.cfg.KMS
	if k.Service == nil {
		return "", errNoKMS
	}
	if id == "" {
		if k.DefaultKey == "" {
			return "", s3api.ErrInvalidArgument.
				WithMessage("The request names no KMS key, and the gateway has no default key.").
				With("ArgumentName", "x-amz-server-side-encryption-aws-kms-key-id")
		}
		return k.DefaultKey, nil
	}
	return k.KeyIDs.Parse(id)
}

// mayUseKey checks that the client may use the named key.
func (c *call) mayUseKey(name string) error {
	if c.cred == nil {
		return s3api.ErrKMSSignatureVersion
	}
	if len(c.cred.KMSKeys) > 0 && !matchAny(c.cred.KMSKeys, name) {
		return s3api.ErrAccessDenied.WithMessage("The access key may not use the KMS key %s.", c.g.cfg.KMS.KeyIDs.Format(name))
	}
	return nil
}

// kmsError turns an error of the key service into the one that clients of
// Amazon S3 know. The cause stays in the log.
func (c *call) kmsError(name string, err error) error {
	id := c.g.cfg.KMS.KeyIDs.Format(name)
	as := func(e *s3api.Error) error { return &causedError{e, err} }
	switch {
	case errors.Is(err, kms.ErrKeyNotFound):
		return as(s3api.ErrKMSNotFound.WithMessage("Key '%s' does not exist", id))
	case errors.Is(err, kms.ErrKeyDisabled):
		return as(s3api.ErrKMSDisabled.WithMessage("%s is disabled.", id))
	case errors.Is(err, kms.ErrKeyState):
		return as(s3api.ErrKMSInvalidState.WithMessage("%s is pending deletion, or not in a state that allows this.", id))
	case errors.Is(err, kms.ErrAccessDenied):
		return as(s3api.ErrAccessDenied.WithMessage("The key management service denied the use of the key %s.", id))
	case errors.Is(err, kms.ErrCiphertext):
		return as(s3api.ErrKMSInvalidCiphertext)
	case errors.Is(err, kms.ErrThrottled):
		c.retryAfter = kms.RetryAfter(err)
		return as(s3api.ErrSlowDown)
	case errors.Is(err, kms.ErrUnavailable):
		c.retryAfter = kms.RetryAfter(err)
		return as(s3api.ErrServiceUnavailable.WithMessage("The key management service cannot be reached. Please try again."))
	default:
		return err
	}
}

// causedError is an S3 error together with what led to it.
type causedError struct {
	e     *s3api.Error
	cause error
}

func (e *causedError) Error() string   { return e.e.Error() + ": " + e.cause.Error() }
func (e *causedError) Unwrap() []error { return []error{e.e, e.cause} }

// seconds is the value of a Retry-After header: at least one second.
func seconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}
