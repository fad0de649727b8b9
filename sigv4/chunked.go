package sigv4

import (
	"bytes"
	"io"
	"sync"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const (
	// chunkBuffer bounds a size line and a trailer line. Data goes past the
	// buffer when the reader asks for at least as much.
	chunkBuffer = 4096
	// minChunk is the least size of a chunk that is not the last (Amazon S3
	// User Guide, "Signature calculations: transferring payload in multiple
	// chunks").
	minChunk = 8192
)

var chunkBuffers = sync.Pool{New: func() any { return new([chunkBuffer]byte) }}

// chunkReader is the state of an aws-chunked body.
type chunkReader struct {
	src     io.Reader
	srcErr  error
	buf     *[chunkBuffer]byte
	r, w    int
	state   chunkState
	left    int64 // of the current chunk
	size    int64 // of the current chunk
	number  int   // of the current chunk, from 1
	signer  *chunkSigner
	trailer string // announced name
}

type chunkState uint8

const (
	atSize chunkState = iota
	inData
	afterData
)

func newChunkReader(src io.Reader) *chunkReader {
	return &chunkReader{src: src, buf: chunkBuffers.Get().(*[chunkBuffer]byte)}
}

// release gives the buffer back. The reader must not be used afterwards.
func (c *chunkReader) release() {
	if c.buf != nil {
		chunkBuffers.Put(c.buf)
		c.buf = nil
	}
}

// readChunked reads decoded bytes. It returns io.EOF at the verified end.
func (b *Body) readChunked(p []byte) (int, error) {
	for {
		switch c := b.chunks; c.state {
		case atSize:
			if err := b.nextChunk(); err != nil {
				return 0, err
			}
		case inData:
			n, err := c.readData(p)
			if err != nil {
				return 0, err
			}
			b.got += int64(n)
			if b.sha != nil {
				b.sha.Write(p[:n])
			}
			if c.left -= int64(n); c.left == 0 {
				c.state = afterData
			}
			if n > 0 {
				return n, nil
			}
		case afterData:
			if err := c.crlf(errNoCRLF); err != nil {
				return 0, err
			}
			if err := b.verifyChunk(); err != nil {
				return 0, err
			}
			c.state = atSize
		}
	}
}

// nextChunk reads a size line. After the line of the final, empty chunk it
// reads the rest of the body and returns io.EOF if all is well.
func (b *Body) nextChunk() error {
	c := b.chunks
	line, err := c.line()
	if err != nil {
		return err
	}
	size, err := c.parseSizeLine(line)
	if err != nil {
		return err
	}
	if size > b.want-b.got {
		return errTooLong
	}
	if size > 0 {
		if c.number > 0 && c.size < minChunk {
			return badChunkSize(c.number, c.size)
		}
		c.number++
		c.size, c.left, c.state = size, size, inData
		return nil
	}
	if b.got != b.want {
		return s3api.ErrIncompleteBody
	}
	if err := b.verifyChunk(); err != nil {
		return err
	}
	if b.mode.Trailer() {
		if b.value, err = c.readTrailer(); err != nil {
			return err
		}
	}
	return c.end()
}

// verifyChunk checks the signature of the chunk that has just been read.
func (b *Body) verifyChunk() error {
	if b.sha == nil {
		return nil
	}
	if !b.chunks.signer.verifyChunk(b.sha) {
		return s3api.ErrSignatureDoesNotMatch
	}
	b.sha.Reset()
	return nil
}

// parseSizeLine reads "<hex>[;chunk-signature=<64 hex>]".
func (c *chunkReader) parseSizeLine(line []byte) (int64, error) {
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return 0, malformedChunk("a chunk size line does not end with CRLF")
	}
	digits, extension, extended := bytes.Cut(line, []byte(";"))
	size, ok := parseSize(digits)
	if !ok {
		return 0, malformedChunk("a chunk size is not a hexadecimal number")
	}
	if c.signer == nil {
		if extended {
			return 0, malformedChunk("unexpected chunk extension")
		}
		return size, nil
	}
	const name = "chunk-signature="
	if !hasPrefixFold(extension, name) || !parseHex32(&c.signer.provided, extension[len(name):]) {
		return 0, s3api.ErrSignatureDoesNotMatch
	}
	return size, nil
}

// parseSize reads a hexadecimal number of at most 63 bits: no sign, no prefix,
// no space.
func parseSize(digits []byte) (int64, bool) {
	var n int64
	for _, d := range digits {
		v := hexDigit(d)
		if v > 15 || n > 1<<59-1 {
			return 0, false
		}
		n = n<<4 | int64(v)
	}
	return n, len(digits) > 0
}

// readData reads bytes of the current chunk.
func (c *chunkReader) readData(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	if c.r == c.w {
		if len(p) >= chunkBuffer {
			return c.readSource(p)
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	return n, nil
}

// end demands the end of the body. The final CRLF may be missing, as some
// clients leave it out.
func (c *chunkReader) end() error {
	if c.atEOF() {
		return io.EOF
	}
	violation := errNoCRLF
	if c.trailer != "" {
		violation = s3api.ErrMalformedTrailer // there is another one
	}
	if err := c.crlf(violation); err != nil {
		return err
	}
	if c.atEOF() {
		return io.EOF
	}
	if c.r == c.w {
		return readError(c.srcErr)
	}
	return malformedChunk("data after the end")
}
