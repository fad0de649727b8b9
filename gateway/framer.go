package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"strconv"
)

// frameSize is the payload of one aws-chunked chunk sent to the store, in
// bytes. Stores wait for a whole chunk before they do anything with it, so
// large ones keep them idle: of 64 KiB to 8 MiB the smallest was the fastest.
const frameSize = 64 << 10

// trailerSize is the length in bytes of what follows the last chunk: an empty
// chunk and the CRC-32C of all payload, which is 8 characters of base64.
const trailerSize = int64(len("0\r\nx-amz-checksum-crc32c:") + 8 + len("\r\n\r\n"))

// framedSize returns the length in bytes of size bytes of payload in the
// aws-chunked framing of framer.
func framedSize(size int64) int64 {
	full, rest := size/frameSize, size%frameSize
	n := full * (frameSize + frameOverhead(frameSize))
	if rest > 0 {
		n += rest + frameOverhead(rest)
	}
	return n + trailerSize
}

func frameOverhead(payload int64) int64 {
	return int64(len(strconv.FormatInt(payload, 16)) + len("\r\n\r\n"))
}

// framer reads a payload of known size and frames it as aws-chunked with an
// unsigned trailer (Amazon S3 API Reference, "Using chunked upload with a
// trailing checksum").
type framer struct {
	r     io.Reader
	left  int64 // payload still to be framed
	frame int64 // payload still to come in the current chunk
	crc   uint32
	out   []byte // framing to be sent before anything else
	buf   [64]byte
	ended bool
}

func newFramer(r io.Reader, size int64) *framer {
	f := &framer{r: r, left: size}
	f.out = f.buf[:0]
	f.next()
	return f
}

// next appends the header of the next chunk.
func (f *framer) next() {
	f.frame = min(f.left, frameSize)
	f.out = strconv.AppendInt(f.out, f.frame, 16)
	f.out = append(f.out, "\r\n"...)
}

// took counts payload that has been sent, and frames what follows it. After
// the last of it only end may follow.
func (f *framer) took(p []byte) {
	f.crc = crc32.Update(f.crc, castagnoli, p)
	f.left -= int64(len(p))
	f.frame -= int64(len(p))
	if f.frame == 0 && f.left > 0 {
		f.out = append(f.buf[:0], "\r\n"...)
		f.next()
	}
}

// end appends the trailer, which certifies the payload: nobody may call it
// before the payload has come to its end without an error.
func (f *framer) end() {
	f.out = append(f.buf[:0], "\r\n0\r\nx-amz-checksum-crc32c:"...)
	f.out = base64.StdEncoding.AppendEncode(f.out, binary.BigEndian.AppendUint32(nil, f.crc))
	f.out = append(f.out, "\r\n\r\n"...)
	f.ended = true
}

// Read implements io.Reader.
func (f *framer) Read(p []byte) (int, error) {
	n := copy(p, f.out)
	if f.out = f.out[n:]; len(f.out) > 0 || n == len(p) {
		return n, nil
	}
	if f.ended {
		if n > 0 {
			return n, nil
		}
		return 0, io.EOF
	}
	p = p[n:]
	p = p[:min(int64(len(p)), f.frame)]
	m, err := f.r.Read(p)
	f.took(p[:m])
	n += m
	switch {
	case f.left == 0:
		if err == nil {
			err = readEnd(f.r)
		}
		if err != io.EOF {
			return n, err
		}
		f.end()
		return n, nil
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	default:
		return n, err
	}
}

// readEnd reads where nothing more may come.
func readEnd(r io.Reader) error {
	var b [1]byte
	for {
		switch n, err := r.Read(b[:]); {
		case n > 0:
			return errLongPayload
		case err != nil:
			return err
		}
	}
}

// WriteTo implements io.WriterTo: payload goes from where it is made to w
// without being copied.
func (f *framer) WriteTo(w io.Writer) (int64, error) {
	src, ok := f.r.(io.WriterTo)
	if !ok || f.left == 0 {
		return io.Copy(w, struct{ io.Reader }{f})
	}
	fw := frameWriter{f: f, w: w}
	_, err := src.WriteTo(&fw)
	if err == nil && f.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		f.end()
		fw.queueFraming()
		err = fw.send()
	}
	return fw.n, err
}

// frameWriter frames the payload that is written to it.
type frameWriter struct {
	f       *framer
	w       io.Writer
	n       int64
	v       net.Buffers // what to send, in order
	framing []byte      // the framing among it
}

// Write implements io.Writer.
func (fw *frameWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > fw.f.left {
		return 0, errLongPayload
	}
	for rest := p; len(rest) > 0; {
		fw.queueFraming()
		n := min(int64(len(rest)), fw.f.frame)
		fw.v = append(fw.v, rest[:n])
		fw.f.took(rest[:n])
		rest = rest[n:]
	}
	if err := fw.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// queueFraming queues the framing that is due. The framer reuses its memory.
func (fw *frameWriter) queueFraming() {
	at := len(fw.framing)
	fw.framing = append(fw.framing, fw.f.out...)
	fw.v = append(fw.v, fw.framing[at:])
	fw.f.out = nil
}

func (fw *frameWriter) send() error {
	n, err := writeBuffers(fw.w, fw.v)
	fw.n += n
	fw.v, fw.framing = fw.v[:0], fw.framing[:0]
	return err
}

// buffersWriter is a connection that sends several slices with one system
// call. It may change v, and keeps nothing of it.
type buffersWriter interface {
	WriteBuffers(v net.Buffers) (int64, error)
}

// writeBuffers writes all of v to w.
func writeBuffers(w io.Writer, v net.Buffers) (int64, error) {
	if bw, ok := w.(buffersWriter); ok {
		return bw.WriteBuffers(v)
	}
	return v.WriteTo(w)
}
