package sigv4

import (
	"bytes"
	"io"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// readSource reads at least one byte. An error that comes with bytes is kept
// for the next call.
func (c *chunkReader) readSource(p []byte) (int, error) {
	for range 100 {
		if c.srcErr != nil {
			break
		}
		var n int
		if n, c.srcErr = c.src.Read(p); n > 0 {
			return n, nil
		}
	}
	if c.srcErr == nil {
		c.srcErr = io.ErrNoProgress
	}
	return 0, readError(c.srcErr)
}

// fill reads more into the buffer, which must not be full of unread bytes.
func (c *chunkReader) fill() error {
	if c.r > 0 {
		c.w = copy(c.buf[:], c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.readSource(c.buf[c.w:])
	c.w += n
	return err
}

// line returns the next line with its LF. It is valid until the next read.
func (c *chunkReader) line() ([]byte, error) {
	for from := c.r; ; {
		if i := bytes.IndexByte(c.buf[from:c.w], '\n'); i >= 0 {
			line := c.buf[c.r : from+i+1]
			c.r = from + i + 1
			return line, nil
		}
		if c.w-c.r == chunkBuffer {
			return nil, malformedChunk("a line exceeds " + strconv.Itoa(chunkBuffer) + " bytes")
		}
		unread := c.w - c.r
		if err := c.fill(); err != nil {
			return nil, err
		}
		from = c.r + unread
	}
}

// crlf consumes a CRLF. Anything else is the given violation.
func (c *chunkReader) crlf(violation *s3api.Error) error {
	for c.w-c.r < 2 {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if c.buf[c.r] != '\r' || c.buf[c.r+1] != '\n' {
		return violation
	}
	c.r += 2
	return nil
}

// atEOF reports whether nothing is left. A reader that failed is not at its
// end.
func (c *chunkReader) atEOF() bool {
	if c.r == c.w {
		_ = c.fill() // srcErr tells
	}
	return c.r == c.w && c.srcErr == io.EOF
}
