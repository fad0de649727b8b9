package metadata

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Labels separate what is computed from a customer key (FORMAT.md,
// "Key-encryption keys").
const (
	labelCustomerKEK   = "caddy-s3-sse v1 sse-c kek"
	labelCustomerCheck = "caddy-s3-sse v1 sse-c check"
)

// CustomerKEK derives the key-encryption key of an SSE-C object from the
// customer's key and the salt of the object's envelope.
func CustomerKEK(customer encryptor.Key, salt [32]byte) (encryptor.Key, error) {
	kek, err := hkdf.Key(sha256.New, customer[:], salt[:], labelCustomerKEK, encryptor.KeySize)
	if err != nil {
		return encryptor.Key{}, fmt.Errorf("metadata: derive: %w", err)
	}
	return encryptor.Key(kek), nil
}

// SetCustomerKey stores by what the customer's key can be told from others. It
// depends on the salt, which must be set.
func (e *Envelope) SetCustomerKey(customer encryptor.Key) {
	e.CustomerHMAC = customerHMAC(customer, e.Salt)
}

// CheckCustomerKey reports, in constant time, whether the envelope was made
// for this customer key. It says nothing of whether the data key opens.
func (e *Envelope) CheckCustomerKey(customer encryptor.Key) bool {
	return e.Mode == SSEC && hmac.Equal(customerHMAC(customer, e.Salt), e.CustomerHMAC)
}

func customerHMAC(customer encryptor.Key, salt [32]byte) []byte {
	h := hmac.New(sha256.New, customer[:])
	h.Write([]byte(labelCustomerCheck))
	h.Write(salt[:])
	return h.Sum(nil)
}
