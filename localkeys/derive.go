package localkeys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// labelSSES3 separates the key-encryption keys of SSE-S3 from everything else
// that is derived from the same master key.
const labelSSES3 = "caddy-s3-sse v1 sse-s3 kek"

// labelDSSEKMS does so for those of the second layer of DSSE-KMS.
const labelDSSEKMS = "caddy-s3-sse v1 dsse-kms kek"

// labelRecord does so for the keys of records in the system bucket.
const labelRecord = "caddy-s3-sse v1 system record"

// derive is HKDF-SHA256 (RFC 5869) with a 32-byte output. The salt is new for
// every object, so that there is no part of the computation to keep.
func derive(master encryptor.Key, salt [32]byte, label string) (encryptor.Key, error) {
	out, err := hkdf.Key(sha256.New, master[:], salt[:], label, len(encryptor.Key{}))
	if err != nil {
		return encryptor.Key{}, fmt.Errorf("localkeys: derive: %w", err)
	}
	return encryptor.Key(out), nil
}

// selfTest proves that the derivation and the cipher depend on the key, which
// is what a build with a broken or stubbed primitive, or a key that is never
// passed on, would get wrong without anybody noticing.
func selfTest(master encryptor.Key) error {
	salt := encryptor.NewKey()
	wrong := master
	wrong[len(wrong)-1] ^= 1
	right, err := probe(master, salt)
	if err != nil {
		return err
	}
	other, err := probe(wrong, salt)
	if err != nil {
		return err
	}
	sealed := right.Seal(nil, nil, []byte("probe"), nil) //nolint:gosec // the cipher draws the nonce
	if opened, err := right.Open(nil, nil, sealed, nil); err != nil || string(opened) != "probe" {
		return errors.New("it does not open what it sealed")
	}
	if _, err := other.Open(nil, nil, sealed, nil); err == nil {
		return errors.New("a wrong key opens what it sealed")
	}
	return nil
}

// probe returns the cipher that the master key stands for under salt.
func probe(master, salt encryptor.Key) (cipher.AEAD, error) {
	kek, err := derive(master, salt, labelSSES3)
	if err != nil {
		return nil, err
	}
	if kek.Equal(master) || kek.IsZero() {
		return nil, errors.New("the key derivation does not work")
	}
	block, err := aes.NewCipher(kek[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
