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
const (
	slotData  = 0
	slotOuter = 1
)

// KEKs are the key-encryption keys of an envelope.
type KEKs struct {
	Data  encryptor.Key // of the data key
	Outer encryptor.Key // of the data key of the second layer: DSSE-KMS only
}

// Clear overwrites the keys.
func (k *KEKs) Clear() { *k = KEKs{} }

// check refuses keys that nobody can have meant for the mode.
func (k *KEKs) check(mode Mode) error {
	switch two := mode == DSSEKMS; {
	case k.Data.IsZero(), two && k.Outer.IsZero():
		return errors.New("a key-encryption key is missing")
	case !two && !k.Outer.IsZero():
		return fmt.Errorf("two key-encryption keys in mode %v", mode)
	case k.Data.Equal(k.Outer):
		return errors.New("both layers have the same key-encryption key")
	}
	return nil
}

// Seal seals the data keys under keks and stores them with their commitments
// in the envelope. The seals cover every other field except the wrapped
// key-encryption key and the digests, and bind the envelope to the realm
// (usually the bucket's name) and the object's key: set those fields first.
func (e *Envelope) Seal(keks KEKs, keys encryptor.Keys, realm, object string) error {
	defer keks.Clear()
	two := e.Mode == DSSEKMS
	switch {
	case keys.Suite != e.Suite:
		return fmt.Errorf("metadata: seal: data keys of suite %v for an envelope of suite %v", keys.Suite, e.Suite)
	case keys.Data.IsZero(), two && keys.Outer.IsZero():
		return errors.New("metadata: seal: a data key is missing")
	case keys.Data.Equal(keys.Outer):
		return errors.New("metadata: seal: both layers have the same data key")
	}
	if err := keks.check(e.Mode); err != nil {
		return fmt.Errorf("metadata: seal: %w", err)
	}
	// A seal covers both commitments.
	e.Data.Commitment = encryptor.Commit(keys.Data)
	if two {
		e.Outer.Commitment = encryptor.Commit(keys.Outer)
	}
	if err := e.sealKey(&e.Data, slotData, &keks.Data, &keys.Data, realm, object); err != nil {
		return err
	}
	if two {
		if err := e.sealKey(&e.Outer, slotOuter, &keks.Outer, &keys.Outer, realm, object); err != nil {
			return err
		}
	}
	if err := e.check(e.present()); err != nil {
		return fmt.Errorf("metadata: seal: %w", err)
	}
	return nil
}

func (e *Envelope) sealKey(into *SealedKey, slot uint64, kek, key *encryptor.Key, realm, object string) error {
	aead, err := newAEAD(kek)
	if err != nil {
		return fmt.Errorf("metadata: seal: %w", err)
	}
	aead.Seal(into.Sealed[:0], nil, key[:], e.additionalData(slot, realm, object)) //nolint:gosec // the cipher draws the nonce
	return nil
}

// Open opens the data keys with keks and compares them with their commitments.
// It fails with an error that wraps ErrNotAuthentic if a key of keks is not
// the one that sealed, if realm or object are others, or if a covered field
// has changed.
func (e *Envelope) Open(keks KEKs, realm, object string) (encryptor.Keys, error) {
	defer keks.Clear()
	if err := e.check(e.present()); err != nil {
		return encryptor.Keys{}, fmt.Errorf("metadata: open: %w", err)
	}
	if err := keks.check(e.Mode); err != nil {
		return encryptor.Keys{}, fmt.Errorf("metadata: open: %w", err)
	}
	keys := encryptor.Keys{Suite: e.Suite}
	var err error
	if keys.Data, err = e.openKey(&e.Data, slotData, &keks.Data, realm, object); err != nil {
		return encryptor.Keys{}, err
	}
	if e.Mode == DSSEKMS {
		if keys.Outer, err = e.openKey(&e.Outer, slotOuter, &keks.Outer, realm, object); err != nil {
			return encryptor.Keys{}, err
		}
	}
	return keys, nil
}

func (e *Envelope) openKey(k *SealedKey, slot uint64, kek *encryptor.Key, realm, object string) (encryptor.Key, error) {
	aead, err := newAEAD(kek)
	if err != nil {
		return encryptor.Key{}, fmt.Errorf("metadata: open: %w", err)
	}
	plain, err := aead.Open(nil, nil, k.Sealed[:], e.additionalData(slot, realm, object))
	defer clear(plain)
	if err != nil || len(plain) != encryptor.KeySize {
		return encryptor.Key{}, fmt.Errorf("metadata: the data key does not open: %w", ErrNotAuthentic)
	}
	key := encryptor.Key(plain)
	// GCM opens one ciphertext under several keys if it was made for that; the
	// commitment does not.
	if commit := encryptor.Commit(key); !hmac.Equal(commit[:], k.Commitment[:]) {
		return encryptor.Key{}, fmt.Errorf("metadata: the data key is not the one committed to: %w", ErrNotAuthentic)
	}
	return key, nil
}

// SealDigests seals what is known of the plaintext under the data keys and
// stores it in the envelope. Nothing known leaves the envelope without digests.
func (e *Envelope) SealDigests(keys encryptor.Keys, d encryptor.Digests) error {
	if d.ETag == "" && d.Checksum.Algorithm == 0 {
		e.Digests = nil
		return nil
	}
	sealed, err := encryptor.SealDigests(keys, d)
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
	d, err := encryptor.OpenDigests(keys, e.Digests)
	if err != nil {
		return encryptor.Digests{}, fmt.Errorf("metadata: open digests: %w", err)
	}
	return d, nil
}

// newAEAD returns the cipher that seals data keys. It draws its own nonces, so
// that it works where the FIPS 140 mode allows no others.
func newAEAD(kek *encryptor.Key) (cipher.AEAD, error) {
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
