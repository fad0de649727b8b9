package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strconv"
)

// frameSize is the payload of one aws-chunked chunk sent to the store, in
// bytes. MinIO takes at most 16 MiB.
const frameSize = 8 << 20

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
		err = fw.flush()
	}
	return fw.n, err
}

// frameWriter frames the payload that is written to it.
type frameWriter struct {
	f *framer
	w io.Writer
	n int64
}

func (fw *frameWriter) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		if fw.f.left == 0 {
			return total, errLongPayload
		}
		if err := fw.flush(); err != nil {
			return total, err
		}
		n, err := fw.w.Write(p[:min(int64(len(p)), fw.f.frame)])
		total += n
		fw.n += int64(n)
		if err != nil {
			return total, err
		}
		fw.f.took(p[:n])
		p = p[n:]
	}
	return total, nil
}

// flush writes the framing that is due.
func (fw *frameWriter) flush() error {
	if len(fw.f.out) == 0 {
		return nil
	}
	n, err := fw.w.Write(fw.f.out)
	fw.n += int64(n)
	fw.f.out = fw.f.out[n:]
	return err
}
