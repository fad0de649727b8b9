package metadata

import (
	"errors"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// The constructors return envelopes for objects of length plaintext bytes. For
// a multipart object set Multipart and leave the length 0. Set the other
// fields that apply, then call Seal.

// NewSSES3 returns an envelope for an SSE-S3 object under the local master key
// keyID, with a fresh salt.
func NewSSES3(keyID string, length int64) *Envelope {
	return &Envelope{
		Mode:   SSES3,
		Suite:  encryptor.SuiteAES256GCM,
		KeyID:  keyID,
		Salt:   encryptor.NewKey(),
		Length: length,
	}
}

// NewSSEKMS returns an envelope for an SSE-KMS object whose key-encryption key
// is stored wrapped under the key keyID of the key management service.
func NewSSEKMS(keyID string, wrapped []byte, length int64) *Envelope {
	return &Envelope{
		Mode:       SSEKMS,
		Suite:      encryptor.SuiteAES256GCM,
		KeyID:      keyID,
		WrappedKEK: wrapped,
		Length:     length,
	}
}

// NewDSSEKMS returns an envelope for a DSSE-KMS object: the first layer as
// with NewSSEKMS, the second under the local master key outerKeyID, with a
// fresh salt.
func NewDSSEKMS(keyID string, wrapped []byte, outerKeyID string, length int64) *Envelope {
	return &Envelope{
		Mode:       DSSEKMS,
		Suite:      encryptor.SuiteDSSE,
		KeyID:      keyID,
		Salt:       encryptor.NewKey(),
		WrappedKEK: wrapped,
		OuterKeyID: outerKeyID,
		Length:     length,
	}
}

// NewSSEC returns an envelope for an SSE-C object with a fresh salt, by which
// the customer's key can be told from others.
func NewSSEC(customer encryptor.Key, length int64) *Envelope {
	e := &Envelope{
		Mode:   SSEC,
		Suite:  encryptor.SuiteAES256GCM,
		Salt:   encryptor.NewKey(),
		Length: length,
	}
	e.SetCustomerKey(customer)
	return e
}

// Inherit takes over from the envelope of a stored object what is true of its
// body whoever may open it: whether it is multipart, its length, its digests
// and where its ETag is. That is how an object gets another root key, mode or
// name without a new body: e is new, is sealed with the data keys that from
// opens to, and replaces it. A body cannot change its suite, so nothing leads
// to or from DSSE-KMS.
func (e *Envelope) Inherit(from *Envelope) error {
	if e.Suite != from.Suite {
		return fmt.Errorf("metadata: a body of suite %v in an envelope of suite %v", from.Suite, e.Suite)
	}
	e.Length, e.Multipart, e.ETagInFooter, e.Digests = from.Length, from.Multipart, from.ETagInFooter, from.Digests
	return nil
}

// WithWrappedKEK returns a copy of a sealed envelope in which the same
// key-encryption key is wrapped anew, as the key management service does under
// a newer version of its key. The seal does not cover that field. The copy
// shares the other fields with e.
func (e *Envelope) WithWrappedKEK(wrapped []byte) (*Envelope, error) {
	if e.Mode != SSEKMS && e.Mode != DSSEKMS {
		return nil, fmt.Errorf("metadata: an envelope of mode %v has no wrapped key", e.Mode)
	}
	if len(wrapped) == 0 {
		return nil, errors.New("metadata: no wrapped key")
	}
	c := *e
	c.WrappedKEK = wrapped
	return &c, c.check(c.present())
}
