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
	pool  *bufferPool
}

// bufferPool lends buffers of one size. A number of them are reserved and stay
// for good; what is needed beyond these comes and goes with the garbage collector.
type bufferPool struct {
	size    int
	reserve int // in buffers

	mu    sync.Mutex
	free  []*buffer // of the reserve, the one used last at the end
	extra sync.Pool
}

var bufferPools = [...]*bufferPool{{size: smallBuffer}, {size: chunkBuffer, reserve: 64}, {size: batchBuffer, reserve: 48}}

// Reserve makes the buffers that the streams of a process share, 17 MB in all.
// It is meant for the start of a program that has many streams; without it,
// buffers are made when they are needed. It may be called any number of times.
//
// The collector of a program that is busy with small objects, and has a few
// megabytes of live memory otherwise, runs a fifth as often with it: it waits
// for as much garbage as there is live memory.
func Reserve() { reserveOnce() }

var reserveOnce = sync.OnceFunc(func() {
	for _, p := range bufferPools {
		p.fill()
	}
})

// fill makes the reserve.
func (p *bufferPool) fill() {
	for range p.reserve {
		p.put(p.make())
	}
}

func (p *bufferPool) make() *buffer { return &buffer{bytes: make([]byte, p.size), pool: p} }

// get returns a buffer with anything in it.
func (p *bufferPool) get() *buffer {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return b
	}
	p.mu.Unlock()
	if b, ok := p.extra.Get().(*buffer); ok {
		return b
	}
	return p.make()
}

func (p *bufferPool) put(b *buffer) {
	p.mu.Lock()
	if len(p.free) < p.reserve {
		p.free = append(p.free, b)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.extra.Put(b)
}

// borrow returns a buffer with room for n bytes, or the largest there is.
func borrow(n int64) *buffer {
	i := 0
	for i < len(bufferPools)-1 && int64(bufferPools[i].size) < n {
		i++
	}
	return bufferPools[i].get()
}

// giveBack returns the buffer for others to use. Nil is fine.
func (b *buffer) giveBack() {
	if b != nil {
		b.pool.put(b)
	}
}

// wipe clears a buffer that has held plaintext, so that no mistake in another
// stream can show it. Nil is fine.
func (b *buffer) wipe() {
	if b != nil {
		clear(b.bytes)
	}
}
