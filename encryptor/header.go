package encryptor

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
)

const (
	headerMagic   = "S3SE"
	formatVersion = 1

	// A header is a fixed part, the salt and the commitment, 32 bytes each.
	headerSize  = 96
	headerFixed = 32
)

// IsEncrypted reports whether an object that begins with these bytes claims to be
// of this format. Four bytes are enough. It says nothing of authenticity.
func IsEncrypted(prefix []byte) bool {
	return bytes.HasPrefix(prefix, []byte(headerMagic))
}

// fixedHeader returns the part of a segment's header that the keys are derived from.
func fixedHeader(suite Suite, part uint32, length int64) (h [headerFixed]byte) {
	copy(h[:], headerMagic)
	h[4] = formatVersion
	h[5] = byte(suite)
	binary.BigEndian.PutUint32(h[8:], part)
	binary.BigEndian.PutUint64(h[16:], uint64(length)) //nolint:gosec // callers have checked the length
	return h
}

// appendHeader appends a whole header.
func appendHeader(dst []byte, fixed *[headerFixed]byte, salt, commit *[32]byte) []byte {
	dst = append(dst, fixed[:]...)
	dst = append(dst, salt[:]...)
	return append(dst, commit[:]...)
}

// checkHeader compares a header with what it must be to the last bit: a reader always
// knows. The cases tell damage from an object that is not ours and from wrong keys.
func checkHeader(h []byte, fixed *[headerFixed]byte, salt, commit *[32]byte) error {
	switch {
	case !IsEncrypted(h):
		return reject(failHeader, "it does not begin as an encrypted object does")
	case h[4] != fixed[4]:
		return reject(failHeader, "format version %d is not known", h[4])
	case h[5] != fixed[5]:
		return reject(failHeader, "suite %d in place of %d", h[5], fixed[5])
	case h[6] != 0 || h[7] != 0:
		return reject(failHeader, "flags %#04x are not known", h[6:8])
	case !bytes.Equal(h[8:12], fixed[8:12]):
		return reject(failHeader, "part %d in place of %d", binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(fixed[8:]))
	case !bytes.Equal(h[16:24], fixed[16:24]):
		return reject(failLength, "a segment of %d bytes in place of %d", binary.BigEndian.Uint64(h[16:]), binary.BigEndian.Uint64(fixed[16:]))
	case !bytes.Equal(h[:headerFixed], fixed[:]):
		return reject(failHeader, "reserved bytes are not zero")
	case !bytes.Equal(h[32:64], salt[:]):
		return reject(failHeader, "the salt is another")
	case !hmac.Equal(h[64:headerSize], commit[:]):
		return reject(failCommit, "sealed under other keys")
	}
	return nil
}
