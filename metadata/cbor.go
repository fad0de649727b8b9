package metadata

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The envelope needs four CBOR types (RFC 8949 §3.1) in deterministic encoding
// (§4.2.1). Reading just these, and nothing that an encoder would write
// differently, is shorter and several times faster than configuring a general
// decoder and comparing with a second encoding; it runs for every request.
const (
	majorUint  = 0 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
)

// appendHead appends the shortest encoding of a type and its argument.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, major|27), n)
	}
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(appendHead(b, majorBytes, uint64(len(v))), v...)
}

func appendText(b []byte, v string) []byte {
	return append(appendHead(b, majorText, uint64(len(v))), v...)
}

// reader takes CBOR items off the front of a byte slice. The first error
// sticks; what is returned after it is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, a...))
	}
}

// head reads the head of an item that must have the given type.
func (r *reader) head(major byte) uint64 {
	if r.err != nil {
		return 0
	}
	if len(r.rest) == 0 {
		r.fail("it ends early")
		return 0
	}
	first := r.rest[0]
	r.rest = r.rest[1:]
	if first&0xe0 != major {
		r.fail("unexpected type")
		return 0
	}
	short := first & 0x1f
	if short < 24 {
		return uint64(short)
	}
	if short > 27 {
		r.fail("not deterministic CBOR")
		return 0
	}
	size := 1 << (short - 24)
	if len(r.rest) < size {
		r.fail("it ends early")
		return 0
	}
	var n uint64
	for _, c := range r.rest[:size] {
		n = n<<8 | uint64(c)
	}
	r.rest = r.rest[size:]
	// The shortest form: a one-byte argument is at least 24, a longer one does
	// not fit in half its size.
	if size == 1 && n < 24 || size > 1 && n>>(4*size) == 0 {
		r.fail("not deterministic CBOR")
		return 0
	}
	return n
}

// number reads an unsigned integer of at most limit.
func (r *reader) number(limit uint64) uint64 {
	n := r.head(majorUint)
	if n > limit {
		r.fail("a number is out of range")
		return 0
	}
	return n
}

// item reads a string of the given type and from one to limit bytes. The
// result is part of the reader's slice.
func (r *reader) item(major byte, limit int) []byte {
	n := r.head(major)
	switch {
	case r.err != nil:
		return nil
	case n == 0 || n > uint64(limit):
		r.fail("bad length of a field")
		return nil
	case n > uint64(len(r.rest)):
		r.fail("it ends early")
		return nil
	}
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	return v
}

// exactly reads a byte string of len(dst) bytes into dst.
func (r *reader) exactly(dst []byte) {
	v := r.item(majorBytes, len(dst))
	if r.err == nil && len(v) != len(dst) {
		r.fail("bad length of a field")
	}
	copy(dst, v)
}
