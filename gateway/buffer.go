package gateway

import (
	"math/bits"
	"sync"
)

// buffers are pools of byte slices, one for each power of two.
var buffers [27]sync.Pool

// minBuffer is the power of two of the smallest buffer, 4 KiB.
const minBuffer = 12

// buffer is a byte slice on loan from a pool.
type buffer struct {
	b     []byte
	class int
}

// getBuffer returns a buffer of n bytes, with anything in it.
func getBuffer(n int) *buffer {
	class := max(minBuffer, bits.Len(uint(max(n, 1)-1))) //nolint:gosec // n is a size
	if class >= len(buffers) {
		return &buffer{make([]byte, n), -1}
	}
	b, ok := buffers[class].Get().(*buffer)
	if !ok {
		b = &buffer{make([]byte, 1<<class), class}
	}
	b.b = b.b[:n]
	return b
}

// wipe gives the buffer back without what was in it.
func (b *buffer) wipe() {
	clear(b.b)
	b.release()
}

// release gives the buffer back with what is in it, which must be no secret.
func (b *buffer) release() {
	if b.class >= 0 {
		b.b = b.b[:cap(b.b)]
		buffers[b.class].Put(b)
	}
}
