package encryptor

import (
	"sync"
	"testing"
)

func TestBufferPool(t *testing.T) {
	p := &bufferPool{size: 10, reserve: 2}
	p.fill()
	if len(p.free) != p.reserve {
		t.Errorf("%d buffers are reserved", len(p.free))
	}
	lent := []*buffer{p.get(), p.get(), p.get()}
	for _, b := range lent {
		if len(b.bytes) != p.size {
			t.Fatalf("%d bytes", len(b.bytes))
		}
		b.giveBack()
	}
	if len(p.free) != p.reserve {
		t.Errorf("%d buffers are kept", len(p.free))
	}
	if p.get() != lent[1] {
		t.Error("it is not the buffer used last that is lent first")
	}
}

// TestBuffersAreLentOnce writes to buffers from many goroutines at once.
func TestBuffersAreLentOnce(t *testing.T) {
	Reserve()
	Reserve()
	for _, p := range bufferPools {
		var wg sync.WaitGroup
		for i := range p.reserve + 8 {
			wg.Go(func() {
				for range 50 {
					b := p.get()
					b.bytes[0], b.bytes[p.size-1] = byte(i), byte(i)
					if b.bytes[0] != byte(i) || b.bytes[p.size-1] != byte(i) {
						t.Error("somebody else has the buffer")
					}
					b.giveBack()
				}
			})
		}
		wg.Wait()
	}
}
