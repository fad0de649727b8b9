package encryptor

const (
	// ChunkSize is the plaintext of a full chunk, in bytes. Only the last chunk
	// of a segment is shorter.
	ChunkSize = 65536

	// MaxParts is the most parts an object can have, as in S3.
	MaxParts = 10000

	// MinPartSize is the least plaintext of a part that is not the last, as in S3.
	MinPartSize = 5 << 20

	// MaxObjectSize is the largest plaintext of an object and of each of its segments:
	// 10,000 parts of 5 GiB, the most that the S3 API can express. It keeps the chunks
	// sealed under one key below 2^30.
	MaxObjectSize = MaxParts * (5 << 30)

	nonceSize     = 12
	tagSize       = 16
	chunkOverhead = nonceSize + tagSize
	sealedChunk   = ChunkSize + chunkOverhead // a full chunk as stored

	// What the length function adds besides chunk overhead: once, and for every
	// 5 MiB of plaintext as long as another part could begin there.
	objectOverhead = 1024
	partOverhead   = headerSize + chunkOverhead + checkSize + maxRecordPart

	// A stride is 5 MiB of plaintext, the distance at which the length function repeats itself.
	chunksPerStride = MinPartSize / ChunkSize
	storedStride    = MinPartSize + chunksPerStride*chunkOverhead + partOverhead
	maxStrides      = MaxParts - 1
)

// StoredSize returns the size in the store of an object of the given plaintext
// size, in bytes. It depends on nothing else, neither on the number of parts nor on what the
// footer holds. It is strictly increasing. The argument must lie in 0 … MaxObjectSize.
func StoredSize(plaintext int64) int64 {
	return plaintext + chunkOverhead*chunkCount(plaintext) +
		partOverhead*min(plaintext/MinPartSize, maxStrides) + objectOverhead
}

// PlaintextSize is the exact inverse of StoredSize. It reports false for a size
// that no object of this format has.
func PlaintextSize(stored int64) (n int64, ok bool) {
	n = MaxPlaintextSize(stored)
	return n, n >= 0 && StoredSize(n) == stored
}

// MaxPlaintextSize returns the largest plaintext size whose StoredSize is at most
// the limit, or -1 if there is none. It does not exceed MaxObjectSize.
func MaxPlaintextSize(storedLimit int64) int64 {
	if storedLimit < objectOverhead+chunkOverhead {
		return -1
	}
	rest := storedLimit - objectOverhead
	strides := min(rest/storedStride, maxStrides)
	rest -= strides * storedStride
	// What is left is chunks: full ones, then one of which only the overhead may fit.
	n := rest / sealedChunk * ChunkSize
	n += max(0, rest%sealedChunk-chunkOverhead)
	if strides < maxStrides {
		// Beyond the last byte of this stride the next one would begin, with its overhead.
		n = min(n, MinPartSize-1)
	}
	return min(strides*MinPartSize+n, MaxObjectSize)
}

// chunkCount returns the number of chunks of a segment: at least one, so that
// an empty segment is authenticated too.
func chunkCount(length int64) int64 {
	return max(1, (length+ChunkSize-1)/ChunkSize)
}

// segmentSize returns the stored size of a segment of the given plaintext length.
func segmentSize(length int64) int64 {
	return headerSize + length + chunkOverhead*chunkCount(length) + checkSize
}
