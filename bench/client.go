//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"
)

// operationTimeout bounds every single exchange.
const operationTimeout = 2 * time.Minute

// message is a request as it goes over the wire, signed and ready to be sent
// any number of times.
type message struct {
	head     []byte // request line and header with the empty line
	body     []byte
	noBody   bool  // the response to HEAD has a length but no body
	status   int   // expected status
	length   int64 // expected Content-Length of the response; -1 = do not check
	transfer int64 // plaintext bytes this moves, for throughput

	script func() error // instead of all the above: several requests
}

// conn is a minimal HTTP/1.1 client on one persistent connection. Client and
// servers share the machine's cores, so every microsecond the client spends is
// taken from what is being measured: it sends prepared bytes, reads only the
// few header fields it needs, lets the kernel drop the bodies of measured
// responses without copying them out, and waits in blocking system calls,
// without the detour over the scheduler's poller. Not safe for concurrent use.
type conn struct {
	addr netip.AddrPort
	fd   int // -1 = not connected
	buf  []byte
}

func newConn(addr string) *conn {
	return &conn{addr: netip.MustParseAddrPort(addr), fd: -1, buf: make([]byte, 64<<10)}
}

func (c *conn) dial() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	c.fd = fd
	timeout := syscall.NsecToTimeval(operationTimeout.Nanoseconds())
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &timeout),
		uninterrupted(func() error {
			return syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(c.addr.Port()), Addr: c.addr.Addr().As4()})
		}),
	)
	if err != nil {
		c.close()
		return fmt.Errorf("connect to %s: %w", c.addr, err)
	}
	return nil
}

func (c *conn) close() {
	if c.fd >= 0 {
		_ = syscall.Close(c.fd)
		c.fd = -1
	}
}

// uninterrupted repeats a system call that a signal ended early, such as the
// ones with which the Go scheduler preempts goroutines.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR { //nolint:errorlint // a bare errno
			return err
		}
	}
}

// Write sends all of p.
func (c *conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		var k int
		err := uninterrupted(func() (err error) { k, err = syscall.Write(c.fd, p[n:]); return err })
		if err != nil {
			return n, fmt.Errorf("send: %w", err)
		}
		n += k
	}
	return n, nil
}

// Read waits for the next bytes.
func (c *conn) Read(p []byte) (n int, err error) {
	err = uninterrupted(func() (err error) { n, err = syscall.Read(c.fd, p); return err })
	switch {
	case err != nil:
		return 0, fmt.Errorf("receive: %w", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// do sends the message and reads the response. The body goes to sink, or
// nowhere when sink is nil. After an error the connection is closed; the next
// call opens a new one.
func (c *conn) do(m *message, sink io.Writer) (*response, error) {
	if m.script != nil {
		return nil, m.script()
	}
	resp, err := c.exchange(m, sink)
	if err != nil {
		c.close()
		return nil, err
	}
	return resp, nil
}

func (c *conn) exchange(m *message, sink io.Writer) (*response, error) {
	if c.fd < 0 {
		if err := c.dial(); err != nil {
			return nil, err
		}
	}
	writeErr := c.send(m)
	// A server that refuses a request answers before it has read the body:
	// its answer says more than the broken pipe.
	resp, rest, err := c.readHead()
	if err != nil {
		return nil, errors.Join(writeErr, err)
	}
	if resp.status != m.status {
		text, _ := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(rest), c), min(max(resp.length, 0), 4096)))
		return nil, fmt.Errorf("status %d instead of %d: %s", resp.status, m.status, text)
	}
	if writeErr != nil {
		return nil, writeErr
	}
	if m.length >= 0 && resp.length != m.length {
		return nil, fmt.Errorf("content-length %d instead of %d", resp.length, m.length)
	}
	if m.noBody || resp.length == 0 {
		return resp, nil
	}
	return resp, c.readBody(rest, resp.length, sink)
}

// send puts a small body behind the header, for one segment that the server
// sees at once. A large body is not worth the copy.
func (c *conn) send(m *message) error {
	head, body := m.head, m.body
	if len(head)+len(body) <= len(c.buf) {
		head, body = append(append(c.buf[:0], head...), body...), nil
	}
	if _, err := c.Write(head); err != nil {
		return err
	}
	_, err := c.Write(body)
	return err
}

// readHead reads up to the end of the response header and returns what came
// with it of the body.
func (c *conn) readHead() (*response, []byte, error) {
	n := 0
	for {
		if n == len(c.buf) {
			return nil, nil, errors.New("response header too long")
		}
		k, err := c.Read(c.buf[n:])
		if err != nil {
			return nil, nil, fmt.Errorf("response header: %w", err)
		}
		from := max(0, n-3)
		n += k
		if i := bytes.Index(c.buf[from:n], []byte("\r\n\r\n")); i >= 0 {
			end := from + i + 4
			resp, err := parseHead(string(c.buf[:end]))
			return resp, c.buf[end:n], err
		}
	}
}

// readBody consumes length bytes, the first of them from rest.
func (c *conn) readBody(rest []byte, length int64, sink io.Writer) error {
	if int64(len(rest)) > length {
		return errors.New("bytes behind the response body")
	}
	left := length - int64(len(rest))
	if sink == nil {
		return c.discard(left)
	}
	if _, err := sink.Write(rest); err != nil {
		return err
	}
	_, err := io.CopyN(sink, c, left)
	return err
}

// lowWater is how many bytes have to wait in the kernel before the client is
// woken to drop them, in the middle of a large body. Woken for every segment,
// it would use up to half the CPU time of the proxy that it measures.
const lowWater = 256 << 10

// discard drops n bytes of the stream in the kernel.
func (c *conn) discard(n int64) error {
	if n > 2*lowWater {
		if err := c.setLowWater(lowWater); err != nil {
			return err
		}
		if err := c.drop(n - lowWater); err != nil {
			return err
		}
		if err := c.setLowWater(1); err != nil {
			return err
		}
		n = lowWater
	}
	return c.drop(n)
}

func (c *conn) setLowWater(n int) error {
	return syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, n)
}

// drop uses MSG_TRUNC, with which tcp(7) discards data instead of copying it
// to the caller.
func (c *conn) drop(n int64) error {
	for n > 0 {
		got, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, uintptr(c.fd), 0, uintptr(n), syscall.MSG_TRUNC, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return fmt.Errorf("response body: %w", errno)
		case got == 0:
			return fmt.Errorf("response body: %w", io.ErrUnexpectedEOF)
		default:
			n -= int64(got)
		}
	}
	return nil
}
