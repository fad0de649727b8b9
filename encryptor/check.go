package encryptor

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment, and what follows the last one of an object, end with their own CRC-32C. It is for whoever
// moves and keeps the bytes, without a key: with the CRC at its end, the CRC of all of it is a constant,
// which a store can be told before the first byte is made, so that it checks what it receives.

// CheckedCRC32C is the CRC-32C of every part as it is stored, and of what Tail.Append makes,
// whatever is in them. Of a part that is so only if ComputeCheck was called.
const CheckedCRC32C uint32 = 0x48674BC7

// checkSize is the size of a check in bytes.
const checkSize = crc32.Size

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// JoinedCRC32C is the CRC-32C of two pieces behind each other, of which each has CheckedCRC32C and the
// second has n bytes.
func JoinedCRC32C(n int64) uint32 {
	// A CRC is linear but for its first and last step, of which zeros of the same length know.
	return updateZeros(CheckedCRC32C, n) ^ updateZeros(0, n) ^ CheckedCRC32C
}

// updateZeros returns the CRC after n more zero bytes.
func updateZeros(crc uint32, n int64) uint32 {
	for n > 0 {
		p := zeros[:min(n, int64(len(zeros)))]
		crc = crc32.Update(crc, castagnoli, p)
		n -= int64(len(p))
	}
	return crc
}

// ObjectCRC32C is the CRC-32C of an object of PutObject as it is stored, with a plaintext of length bytes.
// Of one that a Sealer makes that is so only if ComputeCheck was called.
func ObjectCRC32C(length int64) uint32 {
	return JoinedCRC32C(StoredSize(length) - segmentSize(length))
}

// IntactObject reports whether b is all of an object of PutObject as it was
// stored, as far as its checks tell. An object without checks is not taken for one,
// nor is one of parts.
func IntactObject(b []byte) bool {
	length, ok := PlaintextSize(int64(len(b)))
	return ok && crc32.Checksum(b, castagnoli) == ObjectCRC32C(length)
}

// appendCheck appends the CRC of what is in b from start on.
func appendCheck(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}
