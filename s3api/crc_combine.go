package s3api

import (
	"encoding/binary"
	"hash/crc32"
)

// crcField is the arithmetic behind one CRC: polynomials over GF(2) modulo the
// CRC's own, in the reflected form in which it is computed, so that the
// highest of the width bits is the coefficient of x^0.
//
// For a CRC whose register starts and ends inverted,
//
//	crc(a || b) = crc(a)·x^(8·len(b)) + crc(b),
//
// the inversions of the two cancelling out. That makes the checksum of an
// object from those of its parts without reading either again.
type crcField struct {
	poly, one uint64
	// squares[k] is x^(2^k).
	squares [66]uint64
}

func newCRCField(width int, poly uint64) *crcField {
	f := &crcField{poly: poly, one: 1 << (width - 1)}
	f.squares[0] = f.one >> 1
	for k := 1; k < len(f.squares); k++ {
		f.squares[k] = f.multiply(f.squares[k-1], f.squares[k-1])
	}
	return f
}

// multiply returns a·b.
func (f *crcField) multiply(a, b uint64) uint64 {
	var product uint64
	for bit := f.one; a != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
			a ^= bit
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= f.poly
		}
	}
	return product
}

// zeros returns x^(8n), what n zero bytes do to a register. n is not negative.
func (f *crcField) zeros(n int64) uint64 {
	power := f.one
	for k := 3; n != 0; k++ { // x^8 is the third square
		if n&1 != 0 {
			power = f.multiply(power, f.squares[k])
		}
		n >>= 1
	}
	return power
}

// reflectedNVME is the polynomial of CRC-64/NVME (NVM Express NVM Command Set
// Specification, "64b CRC") in reflected form.
const reflectedNVME = 0x9a6c9329ac4bc9b5

// crcFields are the fields of the algorithms that are CRCs, nil for others.
var crcFields = [len(algorithms)]*crcField{
	CRC32:     newCRCField(32, crc32.IEEE),
	CRC32C:    newCRCField(32, crc32.Castagnoli),
	CRC64NVME: newCRCField(64, reflectedNVME),
}

// Linear reports whether checksums of parts combine to that of the whole,
// which is so for the CRCs. Only those can be of type FULL_OBJECT in a
// multipart upload.
func (a Algorithm) Linear() bool { return a.Valid() && crcFields[a] != nil }

// crcCombiner computes the checksum of a concatenation from those of its
// pieces. Its zero value is not usable.
type crcCombiner struct {
	field *crcField
	size  int // bytes of a value
	sum   uint64
	// Parts mostly are of one length, so its power is kept.
	length int64
	power  uint64
}

// newCombiner starts with the checksum of nothing. a must be linear.
func (a Algorithm) newCombiner() *crcCombiner {
	f := crcFields[a]
	return &crcCombiner{field: f, size: a.Size(), length: 0, power: f.one}
}

// add appends a piece of n bytes with the raw checksum sum.
func (c *crcCombiner) add(sum []byte, n int64) {
	if n != c.length {
		c.length, c.power = n, c.field.zeros(n)
	}
	var raw [8]byte
	copy(raw[8-c.size:], sum)
	c.sum = c.field.multiply(c.sum, c.power) ^ binary.BigEndian.Uint64(raw[:])
}

// value returns the raw checksum of all pieces.
func (c *crcCombiner) value() []byte {
	raw := binary.BigEndian.AppendUint64(nil, c.sum)
	return raw[8-c.size:]
}

// Combine returns the raw checksum of two byte strings one after the other,
// given the checksum of each and the length of the second in bytes. It returns
// false if a is not linear, a checksum is not of a's size or the length is
// negative.
func (a Algorithm) Combine(first, second []byte, secondLen int64) ([]byte, bool) {
	if !a.Linear() || len(first) != a.Size() || len(second) != a.Size() || secondLen < 0 {
		return nil, false
	}
	c := a.newCombiner()
	c.add(first, 0)
	c.add(second, secondLen)
	return c.value(), true
}
