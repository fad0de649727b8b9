package encryptor

// GuessStoredRange returns which stored bytes hold the plaintext bytes first … last of an object of
// which nothing is known yet, not even its size: one that PutObject made or a multipart upload. Offsets are
// inclusive, as in a Range header. A negative last means to the end, and so does a negative result. The
// range may reach beyond the end of the object, or beyond its plaintext into what follows it.
//
// In the first 5 MiB of plaintext there is one part only, and the range is that of StoredRange. Further on a multipart
// object may have up to one part for every 5 MiB, each with a header and a check, and chunks that begin anywhere: the
// range then has up to a chunk too much at either end, and 128 bytes for each part that is possible.
func GuessStoredRange(first, last int64) (start, end int64) {
	first = min(max(first, 0), MaxObjectSize)
	start = headerSize + first/ChunkSize*sealedChunk
	if first >= MinPartSize {
		// The chunk may begin as much earlier as a chunk is long, but not in the first part:
		// there it would begin where it begins without parts.
		begin := max(first-(ChunkSize-1), MinPartSize)
		start = min(start, 2*headerSize+checkSize+begin+chunkOverhead*chunkCount(begin))
	}
	if last < 0 || last >= MaxObjectSize {
		return start, -1
	}
	end = headerSize + (last/ChunkSize+1)*sealedChunk
	if parts := min(last/MinPartSize, MaxParts-1); parts > 0 {
		// The chunk may begin with the byte, and all parts before it may end with a short chunk.
		stop := last + ChunkSize
		end = headerSize + stop + chunkOverhead*chunkCount(stop) + parts*(headerSize+chunkOverhead+checkSize)
	}
	return start, end - 1
}

// GuessStoredSuffix returns how many bytes at the end of an object of at most 5 GiB of plaintext are certain
// to hold its last n plaintext bytes, whether PutObject made it or a multipart upload. An object may be shorter.
// Of a larger object they may hold less: then StoredRange begins before them, and the reader has to ask again.
func GuessStoredSuffix(n int64) int64 {
	const (
		longest = 5 << 30
		after   = objectOverhead - headerSize + longest/MinPartSize*partOverhead
	)
	n = min(max(n, 0), longest)
	// The range may begin at the end of one chunk and end at the beginning of another. What parts
	// add to their chunks, they take from the filler.
	chunks := (n+ChunkSize-2)/ChunkSize + 1
	return n + ChunkSize - 1 + chunks*chunkOverhead + after
}
