package encryptor

import (
	"sync"
	"sync/atomic"
)

// guard makes it safe to close a stream while another goroutine reads it, as net/http
// does with a request's body when the request is cancelled. A close never waits for a read: the buffers
// go back when nobody uses them any more, else they would show up in another stream.
type guard struct {
	mu     sync.Mutex
	closed atomic.Bool
}

// enter begins a use of the stream. If it returns nil, leave or tryClose must follow.
func (g *guard) enter() error {
	g.mu.Lock()
	if g.closed.Load() {
		g.mu.Unlock()
		return errClosed
	}
	return nil
}

// close marks the stream closed and reports whether the caller is the one to release it.
// It then holds the lock.
func (g *guard) close() bool {
	g.closed.Store(true)
	return g.mu.TryLock()
}

// leave ends a use, and reports whether the stream was closed during it and the
// caller is the one to release it. It then holds the lock.
func (g *guard) leave() bool {
	g.mu.Unlock()
	return g.closed.Load() && g.mu.TryLock()
}
