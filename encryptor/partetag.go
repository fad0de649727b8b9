package encryptor

import (
	"crypto/sha256"
	"encoding/hex"
)

// labelPartETag separates the ETags of parts from other uses of their salts.
const labelPartETag = "caddy-s3-sse v1 part etag"

// PartETag returns the ETag of an attempt at a part, for parts whose MD5 is not to be told: 32 hex
// digits and "-1", which no client takes for an MD5. It follows from the salt, so that the record and
// the header of the part tell it too, and no two attempts have the same.
func PartETag(salt [32]byte) string {
	sum := sha256.Sum256(append([]byte(labelPartETag), salt[:]...))
	return hex.EncodeToString(sum[:md5Size]) + "-1"
}
