package encryptor

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// digestsIndex is the size of the random index of the second layer, which stands before
// digests sealed in two layers: unlike everything else, they may be sealed again under the same keys.
const digestsIndex = 8

// SealDigests seals digests under the data keys, for storing them outside the object's body.
// The result is at most 160 bytes. It fails if the digests are malformed.
func SealDigests(keys Keys, d Digests) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("sealing digests: %w", err)
	}
	w := d.wire()
	plain, err := cborEncoder.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("sealing digests: %w", err)
	}
	l, err := digestsCipher(&keys)
	if err != nil {
		return nil, err
	}
	if l.outer == nil {
		return l.seal(nil, plain, nil, 0), nil
	}
	out := make([]byte, digestsIndex, digestsIndex+len(plain)+chunkOverhead+outerSlack)
	_, _ = rand.Read(out)
	return l.seal(out, plain, nil, binary.BigEndian.Uint64(out)), nil
}

// OpenDigests is the inverse of SealDigests. It fails with ErrNotAuthentic for
// anything that SealDigests has not made under the keys.
func OpenDigests(keys Keys, b []byte) (Digests, error) {
	l, err := digestsCipher(&keys)
	if err != nil {
		return Digests{}, err
	}
	var index uint64
	if l.outer != nil {
		if len(b) < digestsIndex {
			return Digests{}, reject(failRecord, "the sealed digests are cut short")
		}
		index, b = binary.BigEndian.Uint64(b), b[digestsIndex:]
	}
	plain, err := l.open(nil, b, nil, index)
	if err != nil {
		return Digests{}, reject(failRecord, "the sealed digests do not open")
	}
	var w wireDigests
	if err := cborDecoder.Unmarshal(plain, &w); err != nil {
		return Digests{}, reject(failRecord, "digests: %v", err)
	}
	d := w.digests()
	if err := d.check(); err != nil {
		return Digests{}, reject(failRecord, "digests: %v", err)
	}
	w = d.wire()
	if again, err := cborEncoder.Marshal(&w); err != nil || !bytes.Equal(plain, again) {
		return Digests{}, reject(failRecord, "digests: not in deterministic encoding")
	}
	return d, nil
}

func digestsCipher(keys *Keys) (*layers, error) {
	if err := keys.check(); err != nil {
		return nil, fmt.Errorf("digests: %w", err)
	}
	inner, err := deriveKey(&keys.Data, labelDigests)
	if err != nil {
		return nil, err
	}
	defer clear(inner)
	if keys.Suite != SuiteDSSE {
		return newLayers(inner, nil, nil)
	}
	outer, err := deriveKey(&keys.Outer, labelOuterDigests)
	if err != nil {
		return nil, err
	}
	defer clear(outer)
	return newLayers(inner, outer, nil)
}
