package encryptor

import "sync"

// Streams borrow their buffers. There are three sizes: for small objects as a whole,
// for one chunk, and for a batch of chunks that is read or written in one call.
const (
	smallBuffer = 16 << 10
	chunkBuffer = sealedChunk + headerSize + objectOverhead + outerSlack

	// batchChunks is how many chunks are moved in one call to the network: enough
	// to make system calls cheap, few enough to stay in the processor's cache.
	batchChunks = 4
	batchBuffer = headerSize + batchChunks*sealedChunk + objectOverhead + outerSlack
)

// batch is how many chunks to move in the next call to the network. It begins
// with one, so that the other side has something to do soon, and doubles.
type batch int

// next returns the room in bytes that the next call needs, with that for a
// header and a footer along with the chunks.
func (b *batch) next() int {
	*b = min(max(1, *b*2), batchChunks)
	return headerSize + int(*b)*sealedChunk + objectOverhead
}

type buffer struct {
	bytes []byte
	pool  *sync.Pool
}

var bufferPools = [...]struct {
	size int
	pool sync.Pool
}{{size: smallBuffer}, {size: chunkBuffer}, {size: batchBuffer}}

// borrow returns a buffer with room for n bytes, or the largest there is.
func borrow(n int64) *buffer {
	i := 0
	for i < len(bufferPools)-1 && int64(bufferPools[i].size) < n {
		i++
	}
	p := &bufferPools[i]
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, p.size), pool: &p.pool}
}

// giveBack returns the buffer for others to use. Nil is fine.
func (b *buffer) giveBack() {
	if b != nil {
		b.pool.Put(b)
	}
}

// wipe clears a buffer that has held plaintext, so that no mistake in another
// stream can show it. Nil is fine.
func (b *buffer) wipe() {
	if b != nil {
		clear(b.bytes)
	}
}
