package transport

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"syscall"
	"time"
)

var (
	// errUnknownConn says that a connection is not of the kind that can be
	// handled here.
	errUnknownConn = errors.New("the connection is not a TCP connection")

	errLongHeader = errors.New("the response header is too long")
)

// conn is a connection to the server. One request uses it at a time.
type conn struct {
	tcp    *net.TCPConn
	raw    syscall.RawConn
	r      *bufio.Reader // reads from the conn itself
	limit  int64         // bytes that may still be read
	cancel func()        // makes reads and writes fail, now and later
	probe  func(fd uintptr) bool
	alive  bool      // what probe found
	since  time.Time // when it became idle

	mu       sync.Mutex
	canceled bool
}

// connect opens a connection.
func (t *Transport) connect(ctx context.Context) (*conn, error) {
	nc, err := t.dial(ctx, "tcp", t.addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		_ = nc.Close()
		return nil, errUnknownConn
	}
	return newConn(tcp, t.bufferSize)
}

func newConn(tcp *net.TCPConn, bufferSize int) (*conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	c := &conn{tcp: tcp, raw: raw}
	c.r = bufio.NewReaderSize(c, bufferSize)
	c.cancel = c.interrupt // made once, not for every request
	c.probe = c.look
	return c, nil
}

// Read implements io.Reader for the buffer, within the limit.
func (c *conn) Read(p []byte) (int, error) {
	if c.limit <= 0 {
		return 0, errLongHeader
	}
	if int64(len(p)) > c.limit {
		p = p[:c.limit]
	}
	n, err := c.tcp.Read(p)
	c.limit -= int64(n)
	return n, err
}

// unlimited lifts the limit.
func (c *conn) unlimited() { c.limit = math.MaxInt64 }

// interrupt makes every use of the connection fail from now on. It may be
// called at any time, by any goroutine.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	_ = c.tcp.SetDeadline(time.Unix(1, 0)) // fails only if the connection is closed
}

// setReadDeadline limits the time for reading, unless the connection has been
// interrupted.
func (c *conn) setReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.canceled {
		return nil
	}
	return c.tcp.SetReadDeadline(at)
}

// usable reports whether an idle connection is still open and silent, as it
// must be between requests.
func (c *conn) usable() bool {
	c.alive = false
	return c.raw.Read(c.probe) == nil && c.alive
}

// close closes the connection. It may be called at any time.
func (c *conn) close() { _ = c.tcp.Close() } // nothing is waiting to be sent
