//go:build unix

package transport

import (
	"errors"
	"syscall"
)

// canProbe says whether idle connections can be looked at. Without that, a
// server's closing of one would only be noticed after an upload has been sent.
const canProbe = true

// look reads from an idle connection without waiting. Only if there is
// nothing, neither data nor an end, the connection may be used again.
func (c *conn) look(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	c.alive = errors.Is(err, syscall.EAGAIN)
	return true
}
