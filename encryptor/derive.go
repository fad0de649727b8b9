package encryptor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Labels separate the keys derived from one data key. They are part of the format.
const (
	labelSegment      = "caddy-s3-sse v1 segment"
	labelRecord       = "caddy-s3-sse v1 record"
	labelOuter        = "caddy-s3-sse v1 outer"
	labelOuterRecord  = "caddy-s3-sse v1 outer record"
	labelCommitment   = "caddy-s3-sse v1 commitment"
	labelDigests      = "caddy-s3-sse v1 digests"
	labelOuterDigests = "caddy-s3-sse v1 outer digests"
)

// zeroSalt is the salt of everything that a data key seals once only.
var zeroSalt [32]byte

// roots are the pseudorandom keys (RFC 5869, HKDF-Extract) of one salt. Extracting
// once for the segment and the record of a small object saves a tenth of its cost.
type roots struct {
	data  []byte
	outer []byte // nil unless there is a second layer
}

// extract starts the derivation under a salt.
func (k *Keys) extract(salt *[32]byte) (roots, error) {
	var r roots
	var err error
	if r.data, err = extract(&k.Data, salt); err != nil {
		return roots{}, err
	}
	if k.Suite == SuiteDSSE {
		if r.outer, err = extract(&k.Outer, salt); err != nil {
			return roots{}, err
		}
	}
	return r, nil
}

// wipe clears the pseudorandom keys.
func (r *roots) wipe() {
	clear(r.data)
	clear(r.outer)
}

// segment derives the ciphers of a segment, and the commitment its header must show, from the
// header's fixed part. The scratch is as for newLayers.
func (r *roots) segment(fixed []byte, scratch []byte) (*layers, [32]byte, error) {
	var commit [32]byte
	inner, err := expand(r.data, labelSegment+string(fixed), 64)
	if err != nil {
		return nil, commit, err
	}
	defer clear(inner)
	copy(commit[:], inner[32:])
	if r.outer == nil {
		l, err := newLayers(inner[:32], nil, nil)
		return l, commit, err
	}
	outer, err := expand(r.outer, labelOuter+string(fixed), 64)
	if err != nil {
		return nil, commit, err
	}
	defer clear(outer)
	// One commitment for both keys.
	both := append(commit[:len(commit):len(commit)], outer[32:]...)
	commit = sha256.Sum256(both)
	l, err := newLayers(inner[:32], outer[:32], scratch)
	return l, commit, err
}

// record derives the ciphers of the footer's record.
func (r *roots) record() (*layers, error) {
	inner, outer, err := r.recordKeys()
	if err != nil {
		return nil, err
	}
	defer clear(inner)
	defer clear(outer)
	return newLayers(inner, outer, nil)
}

// recordKeys derives the keys of the footer's record; outer is nil without a
// second layer.
func (r *roots) recordKeys() (inner, outer []byte, err error) {
	if inner, err = expand(r.data, labelRecord, 32); err != nil || r.outer == nil {
		return inner, nil, err
	}
	if outer, err = expand(r.outer, labelOuterRecord, 32); err != nil {
		clear(inner)
		return nil, nil, err
	}
	return inner, outer, nil
}

// Commit returns a commitment to a data key: a value that is safe to store beside
// the sealed key and that no other key has (to find one is to find a collision of SHA-256).
func Commit(k Key) [32]byte {
	b, err := deriveKey(&k, labelCommitment)
	if err != nil {
		// Unreachable: HKDF-SHA-256 of 32 bytes to 32 bytes is allowed in every mode.
		panic(err)
	}
	return [32]byte(b)
}

// deriveKey derives 32 bytes that depend on the key and the label alone.
func deriveKey(k *Key, label string) ([]byte, error) {
	prk, err := extract(k, &zeroSalt)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	return expand(prk, label, 32)
}

func extract(k *Key, salt *[32]byte) ([]byte, error) {
	prk, err := hkdf.Extract(sha256.New, k[:], salt[:])
	if err != nil {
		return nil, fmt.Errorf("deriving keys: %w", err)
	}
	return prk, nil
}

func expand(prk []byte, info string, n int) ([]byte, error) {
	b, err := hkdf.Expand(sha256.New, prk, info, n)
	if err != nil {
		return nil, fmt.Errorf("deriving keys: %w", err)
	}
	return b, nil
}

// newAEAD returns AES-256-GCM with random nonces, which it prepends: the only way to
// seal that FIPS 140-3 (IG C.H, scenario 2) lets an application use with a nonce of its own.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("AES-256-GCM: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("AES-256-GCM: %w", err)
	}
	return aead, nil
}

// newOuter returns the cipher of the second layer.
func newOuter(key []byte) (cipher.AEAD, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, fmt.Errorf("second layer: %w", err)
	}
	return aead, nil
}
