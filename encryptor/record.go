package encryptor

// Checksum is an S3 checksum of an object's plaintext. The zero value means none.
type Checksum struct {
	// Algorithm: 1 CRC32, 2 CRC32C, 3 CRC64NVME, 4 SHA1, 5 SHA256, 6 SHA512, 7 MD5,
	// 8 XXHASH64, 9 XXHASH3, 10 XXHASH128. The values are stored.
	Algorithm uint8
	// Composite marks a checksum of the parts' checksums (x-amz-checksum-type: COMPOSITE).
	Composite bool
	// Value is the raw digest, as long as the algorithm says.
	Value []byte
}

// Digests is what is known of an object's plaintext. It is stored sealed, never in clear.
type Digests struct {
	// ETag is "<32 lower-case hex digits>", the MD5 of the plaintext, or the same
	// followed by "-<parts>" for a multipart object. Empty if it is not known.
	ETag     string
	Checksum Checksum
}

// Part is one accepted part of a multipart object.
type Part struct {
	Number   uint32   // 1 … 10000
	Length   int64    // plaintext bytes
	Salt     [32]byte // of the accepted attempt
	Checksum []byte   // of the object's checksum algorithm; empty if not known
}

// Record is what the footer says of the object: the reader's authority on its length and parts.
type Record struct {
	Length  int64 // plaintext bytes of the whole object
	Digests Digests
	Parts   []Part // in ascending order of Number; nil for an object of PutObject
}
