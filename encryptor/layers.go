package encryptor

import (
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// outerSlack is what the second layer writes beyond its output: a tag that is not part
// of the format. Buffers that layers seals into have that much room to spare.
const outerSlack = chacha20poly1305.Overhead

// layers seals and opens the chunks of a segment, or a record: with AES-256-GCM and,
// where there is a second layer, ChaCha20 over all that AES-256-GCM gave.
//
// ChaCha20 comes out of the ChaCha20-Poly1305 implementation, whose tag is thrown away: integrity
// is the inner layer's, and on amd64 this is three times as fast as x/crypto/chacha20, which has no
// assembly there. The keystream therefore begins at block 1 (RFC 8439, section 2.8).
type layers struct {
	inner   cipher.AEAD
	outer   cipher.AEAD // nil without a second layer
	scratch []byte      // what stands between the two layers; grows if it must
	nonce   [chacha20poly1305.NonceSize]byte
	aad     [9]byte
}

// newLayers makes the ciphers. The scratch, used by the second layer only, spares an
// allocation if it has room for a sealed chunk and outerSlack.
func newLayers(innerKey, outerKey, scratch []byte) (*layers, error) {
	inner, err := newAEAD(innerKey)
	if err != nil {
		return nil, err
	}
	l := &layers{inner: inner, scratch: scratch}
	if outerKey != nil {
		if l.outer, err = newOuter(outerKey); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// sealChunk appends the sealed chunk with that index in its segment. The plaintext
// must not overlap dst's spare capacity.
func (l *layers) sealChunk(dst, plaintext []byte, index int64, last bool) []byte {
	return l.seal(dst, plaintext, l.chunkData(index, last), uint64(index)) //nolint:gosec // an index is never negative
}

// openChunk appends the plaintext of a sealed chunk to dst, or fails. The sealed
// bytes must not overlap dst's spare capacity.
func (l *layers) openChunk(dst, sealed []byte, index int64, last bool) ([]byte, error) {
	return l.open(dst, sealed, l.chunkData(index, last), uint64(index)) //nolint:gosec // an index is never negative
}

// chunkData is the additional data of a chunk. It is valid until the next call.
func (l *layers) chunkData(index int64, last bool) []byte {
	binary.BigEndian.PutUint64(l.aad[:8], uint64(index)) //nolint:gosec // an index is never negative
	l.aad[8] = 0
	if last {
		l.aad[8] = 1
	}
	return l.aad[:]
}

func (l *layers) seal(dst, plaintext, aad []byte, index uint64) []byte {
	if l.outer == nil {
		return l.inner.Seal(dst, nil, plaintext, aad) //nolint:gosec // the cipher draws the nonce
	}
	l.scratch = l.inner.Seal(l.scratch[:0], nil, plaintext, aad) //nolint:gosec // as above
	return l.xor(dst, l.scratch, index)
}

func (l *layers) open(dst, sealed, aad []byte, index uint64) ([]byte, error) {
	if l.outer != nil {
		l.scratch = l.xor(l.scratch[:0], sealed, index)
		sealed = l.scratch
	}
	return l.inner.Open(dst, nil, sealed, aad)
}

// xor appends src under the second layer's keystream for the index.
func (l *layers) xor(dst, src []byte, index uint64) []byte {
	binary.BigEndian.PutUint64(l.nonce[4:], index)
	dst = l.outer.Seal(dst, l.nonce[:], src, nil)
	return dst[:len(dst)-outerSlack]
}
