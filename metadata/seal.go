package metadata

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"errors"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// sealLabel begins the additional data of a sealed data key.
const sealLabel = "caddy-s3-sse v1 data key"

// Slots tell the data keys of an object apart.
const slotData = 0

// Seal seals the data key under kek and stores it with its commitment in the
// envelope. The seal covers every other field except the wrapped
// key-encryption key and the digests, and binds the envelope to the realm
// (usually the bucket's name) and the object's key: set those fields first.
//
// DSSE-KMS needs two key-encryption keys and is refused.
func (e *Envelope) Seal(kek encryptor.Key, keys encryptor.Keys, realm, object string) error {
	switch {
	case e.Mode == DSSEKMS:
		return errTwoKeys
	case keys.Suite != e.Suite:
		return fmt.Errorf("metadata: seal: data key of suite %v for an envelope of suite %v", keys.Suite, e.Suite)
	case kek.IsZero() || keys.Data.IsZero():
		return errors.New("metadata: seal: a key is missing")
	}
	aead, err := newAEAD(kek)
	if err != nil {
		return fmt.Errorf("metadata: seal: %w", err)
	}
	e.Data.Commitment = encryptor.Commit(keys.Data)
	aead.Seal(e.Data.Sealed[:0], nil, keys.Data[:], e.additionalData(slotData, realm, object)) //nolint:gosec // the cipher draws the nonce
	if err := e.check(e.present()); err != nil {
		return fmt.Errorf("metadata: seal: %w", err)
	}
	return nil
}

// Open opens the data key with kek and compares it with its commitment. It
// fails with an error that wraps ErrNotAuthentic if kek is not the key that
// sealed it, if realm or object are others, or if a covered field has changed.
//
// DSSE-KMS needs two key-encryption keys and is refused.
func (e *Envelope) Open(kek encryptor.Key, realm, object string) (encryptor.Keys, error) {
	if e.Mode == DSSEKMS {
		return encryptor.Keys{}, errTwoKeys
	}
	if err := e.check(e.present()); err != nil {
		return encryptor.Keys{}, fmt.Errorf("metadata: open: %w", err)
	}
	aead, err := newAEAD(kek)
	if err != nil {
		return encryptor.Keys{}, fmt.Errorf("metadata: open: %w", err)
	}
	keys := encryptor.Keys{Suite: e.Suite}
	data, err := aead.Open(nil, nil, e.Data.Sealed[:], e.additionalData(slotData, realm, object))
	if err != nil || len(data) != len(keys.Data) {
		return encryptor.Keys{}, fmt.Errorf("metadata: the data key does not open: %w", ErrNotAuthentic)
	}
	copy(keys.Data[:], data)
	clear(data)
	// GCM opens one ciphertext under several keys if it was made for that; the
	// commitment does not.
	if commit := encryptor.Commit(keys.Data); !hmac.Equal(commit[:], e.Data.Commitment[:]) {
		return encryptor.Keys{}, fmt.Errorf("metadata: the data key is not the one committed to: %w", ErrNotAuthentic)
	}
	return keys, nil
}

// SealDigests seals what is known of the plaintext under the data key and
// stores it in the envelope. Nothing known leaves the envelope without digests.
func (e *Envelope) SealDigests(keys encryptor.Keys, d encryptor.Digests) error {
	if d.ETag == "" && d.Checksum.Algorithm == 0 {
		e.Digests = nil
		return nil
	}
	if e.Mode == DSSEKMS {
		return errors.New("metadata: seal digests: DSSE-KMS keeps them in the footer")
	}
	sealed, err := encryptor.SealDigests(keys.Data, d)
	if err != nil {
		return fmt.Errorf("metadata: seal digests: %w", err)
	}
	e.Digests = sealed
	return nil
}

// OpenDigests opens the digests of the envelope. Zero digests mean that none
// were known before the body was sent.
func (e *Envelope) OpenDigests(keys encryptor.Keys) (encryptor.Digests, error) {
	if len(e.Digests) == 0 {
		return encryptor.Digests{}, nil
	}
	d, err := encryptor.OpenDigests(keys.Data, e.Digests)
	if err != nil {
		return encryptor.Digests{}, fmt.Errorf("metadata: open digests: %w", err)
	}
	return d, nil
}

var errTwoKeys = errors.New("metadata: two layers need two key-encryption keys")

// newAEAD returns the cipher that seals data keys. It draws its own nonces, so
// that it works where the FIPS 140 mode allows no others.
func newAEAD(kek encryptor.Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(kek[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additionalData is what the seal of a data key covers: where the object is,
// which of its data keys this is and the fields of the envelope.
func (e *Envelope) additionalData(slot uint64, realm, object string) []byte {
	b := make([]byte, 0, 256+len(realm)+len(object)+len(e.Context))
	b = appendHead(b, majorArray, 5)
	b = appendText(b, sealLabel)
	b = appendHead(b, majorUint, slot)
	b = appendBytes(b, realm)
	b = appendBytes(b, object)
	return e.appendMap(b, e.present()&^unbound)
}
