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

// trailerEnd is what follows the last chunk: the CRC-32C of all payload,
// which is 8 characters of base64.
const trailerEnd = "0\r\nx-amz-checksum-crc32c:" + "........" + "\r\n\r\n"

// framedSize returns the length in bytes of size bytes of payload in the
// aws-chunked framing of framer.
func framedSize(size int64) int64 {
	full, rest := size/frameSize, size%frameSize
	n := full * (frameSize + frameOverhead(frameSize))
	if rest > 0 {
		n += rest + frameOverhead(rest)
	}
	return n + int64(len(trailerEnd))
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

// next appends what comes after a chunk: the header of the next one or, after
// the last, the trailer.
func (f *framer) next() {
	f.frame = min(f.left, frameSize)
	if f.frame > 0 {
		f.out = strconv.AppendInt(f.out, f.frame, 16)
		f.out = append(f.out, "\r\n"...)
		return
	}
	sum := binary.BigEndian.AppendUint32(nil, f.crc)
	f.out = append(f.out, "0\r\nx-amz-checksum-crc32c:"...)
	f.out = base64.StdEncoding.AppendEncode(f.out, sum)
	f.out = append(f.out, "\r\n\r\n"...)
	f.ended = true
}

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
	if int64(len(p)) > f.frame {
		p = p[:f.frame]
	}
	m, err := f.r.Read(p)
	f.crc = crc32.Update(f.crc, castagnoli, p[:m])
	f.left -= int64(m)
	f.frame -= int64(m)
	n += m
	if f.frame == 0 {
		if f.left == 0 {
			// The payload must end here, and say so, before it is certified.
			if err == nil {
				err = readEnd(f.r)
			}
			if err != io.EOF {
				return n, err
			}
		}
		f.out = append(f.buf[:0], "\r\n"...)
		f.next()
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
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
