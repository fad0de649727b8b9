package transport

import (
	"slices"
	"sync"
	"time"
)

// pool holds idle connections. The one used last is used again first, so that
// those that are not needed grow old. Its fields are set before its first use.
type pool struct {
	size    int           // at most so many connections
	timeout time.Duration // how long they may be idle; 0 for ever

	mu     sync.Mutex
	conns  []*conn // in the order in which they became idle
	prune  *time.Timer
	closed bool
}

// get returns an idle connection to the server, or nil.
func (p *pool) get() *conn {
	for {
		c := p.pop()
		if c == nil || c.usable() {
			return c
		}
		c.close()
	}
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns)
	if n == 0 {
		return nil
	}
	c := p.conns[n-1]
	p.conns[n-1] = nil
	p.conns = p.conns[:n-1]
	return c
}

// put takes a connection that is no longer used.
func (p *pool) put(c *conn) {
	if !p.push(c) {
		c.close()
	}
}

func (p *pool) push(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= p.size {
		return false
	}
	p.conns = append(p.conns, c)
	if p.timeout > 0 {
		c.since = time.Now()
		if p.prune == nil {
			p.prune = time.AfterFunc(p.timeout, p.expire)
		}
	}
	return true
}

// expire closes the connections that have been idle for too long. It runs
// again when the next one will have been, and no more once there is none.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	n := 0
	for n < len(p.conns) && now.Sub(p.conns[n].since) >= p.timeout {
		p.conns[n].close()
		n++
	}
	p.conns = slices.Delete(p.conns, 0, n)
	if len(p.conns) == 0 {
		p.prune = nil
		return
	}
	p.prune.Reset(p.conns[0].since.Add(p.timeout).Sub(now))
}

// close closes all connections, and from then on every one that is put.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		c.close()
	}
	p.conns = nil
	if p.prune != nil {
		p.prune.Stop()
		p.prune = nil
	}
}
