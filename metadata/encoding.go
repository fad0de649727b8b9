package metadata

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/bits"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Header is the name of the metadata header that holds the envelope, in the
// canonical form of net/http.
const Header = "X-Amz-Meta-S3sse"

// encoding is base64url without padding. Strict, so that every envelope has
// one spelling.
var encoding = base64.RawURLEncoding.Strict()

// Encode returns the envelope as the value of Header. It refuses an envelope
// whose fields do not fit its mode or that has not been sealed.
func (e *Envelope) Encode() (string, error) {
	s := e.present()
	if err := e.check(s); err != nil {
		return "", err
	}
	raw, err := e.encode(s)
	if err != nil {
		return "", err
	}
	return encoding.EncodeToString(raw), nil
}

// FooterCopy returns the copy of the envelope that stands in the object's
// footer, at most MaxFooterCopy bytes. It leaves out the digests, which the
// footer has, and an encryption context that does not fit.
func (e *Envelope) FooterCopy() ([]byte, error) {
	s := e.present()
	if err := e.check(s); err != nil {
		return nil, err
	}
	s &^= setOf(fieldDigests)
	raw, err := e.encode(s)
	if err == nil && len(raw) > MaxFooterCopy {
		raw = e.appendMap(raw[:0], s&^setOf(fieldContext))
	}
	return raw, err
}

// Decode reads the value of Header. Errors wrap ErrMalformed. What it accepts,
// Encode writes back byte for byte.
func Decode(value string) (*Envelope, error) {
	if len(value) > encoding.EncodedLen(MaxEncoded) {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	raw, err := encoding.DecodeString(value)
	if err != nil || encoding.EncodedLen(len(raw)) != len(value) { // the decoder skips line breaks
		return nil, fmt.Errorf("%w: not base64url", ErrMalformed)
	}
	return decode(raw)
}

// DecodeFooterCopy reads a copy of the envelope from an object's footer, as
// FooterCopy made it. The copy is not authenticated by itself: opening the
// data key does that. Errors wrap ErrMalformed.
func DecodeFooterCopy(raw []byte) (*Envelope, error) {
	if len(raw) > MaxFooterCopy {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	e, err := decode(bytes.Clone(raw))
	if err != nil {
		return nil, err
	}
	if e.Digests != nil {
		return nil, fmt.Errorf("%w: digests in the footer's copy", ErrMalformed)
	}
	return e, nil
}

// FromHeader returns the envelope in the headers of a stored object, or nil if
// there is none. More than one is an error.
func FromHeader(h http.Header) (*Envelope, error) {
	switch values := h[Header]; len(values) {
	case 0:
		return nil, nil
	case 1:
		return Decode(values[0])
	default:
		return nil, fmt.Errorf("%w: more than one", ErrMalformed)
	}
}

// encode encodes the fields s, which check has seen.
func (e *Envelope) encode(s fields) ([]byte, error) {
	raw := e.appendMap(make([]byte, 0, 320), s)
	if err := e.checkSize(len(raw), s); err != nil {
		return nil, err
	}
	return raw, nil
}

// checkSize refuses an envelope of n encoded bytes whose copy would not fit
// into a footer even without what the copy can do without.
func (e *Envelope) checkSize(n int, s fields) error {
	if s.has(fieldContext) {
		n -= fieldSize(e.Context)
	}
	if s.has(fieldDigests) {
		n -= fieldSize(e.Digests)
	}
	if n > MaxFooterCopy {
		return fmt.Errorf("%w: too long for a footer", ErrMalformed)
	}
	return nil
}

// fieldSize returns the bytes that a byte string takes in the map: its key,
// its head and itself.
func fieldSize(v []byte) int {
	var head [9]byte
	return 1 + len(appendHead(head[:0], majorBytes, uint64(len(v)))) + len(v)
}

// appendMap appends the fields s as a map, keys ascending.
func (e *Envelope) appendMap(b []byte, s fields) []byte {
	b = appendHead(b, majorMap, uint64(bits.OnesCount32(uint32(s))))
	for f := fieldVersion; f <= lastField; f++ {
		if s.has(f) {
			b = e.appendField(appendHead(b, majorUint, uint64(f)), f)
		}
	}
	return b
}

func (e *Envelope) appendField(b []byte, f field) []byte {
	switch f {
	case fieldVersion:
		return appendHead(b, majorUint, Version)
	case fieldMode:
		return appendHead(b, majorUint, uint64(e.Mode))
	case fieldSuite:
		return appendHead(b, majorUint, uint64(e.Suite))
	case fieldKeyID:
		return appendText(b, e.KeyID)
	case fieldSalt:
		return appendBytes(b, e.Salt[:])
	case fieldWrappedKEK:
		return appendBytes(b, e.WrappedKEK)
	case fieldSealed:
		return appendBytes(b, e.Data.Sealed[:])
	case fieldCommitment:
		return appendBytes(b, e.Data.Commitment[:])
	case fieldOuterKeyID:
		return appendText(b, e.OuterKeyID)
	case fieldOuterSealed:
		return appendBytes(b, e.Outer.Sealed[:])
	case fieldOuterCommitment:
		return appendBytes(b, e.Outer.Commitment[:])
	case fieldLength:
		return appendHead(b, majorUint, uint64(e.Length)) //nolint:gosec // check has seen it
	case fieldFlags:
		return appendHead(b, majorUint, e.flags())
	case fieldContext:
		return appendBytes(b, e.Context)
	case fieldCustomerHMAC:
		return appendBytes(b, e.CustomerHMAC)
	case fieldDigests:
		return appendBytes(b, e.Digests)
	}
	return b
}

// decode reads an envelope that keeps parts of raw.
func decode(raw []byte) (*Envelope, error) {
	e := new(Envelope)
	r := reader{rest: raw}
	var (
		seen fields
		last field
	)
	for n := r.head(majorMap); n > 0 && r.err == nil; n-- {
		f := field(r.number(uint64(lastField))) //nolint:gosec // bounded
		if f <= last {
			r.fail("keys are not in ascending order")
			break
		}
		last = f
		seen |= 1 << f
		e.readField(&r, f)
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case len(r.rest) != 0:
		return nil, fmt.Errorf("%w: bytes after the end", ErrMalformed)
	case seen != e.present():
		// A field that is there with the value that stands for its absence.
		return nil, fmt.Errorf("%w: an empty field or none", ErrMalformed)
	}
	if err := e.check(seen); err != nil {
		return nil, err
	}
	if err := e.checkSize(len(raw), seen); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Envelope) readField(r *reader, f field) {
	switch f {
	case fieldVersion:
		if v := r.head(majorUint); r.err == nil && v != Version {
			r.fail("version %d, this program reads version %d", v, Version)
		}
	case fieldMode:
		e.Mode = Mode(r.number(0xff))
	case fieldSuite:
		e.Suite = encryptor.Suite(r.number(0xff))
	case fieldKeyID:
		e.KeyID = string(r.item(majorText, MaxKeyID))
	case fieldSalt:
		r.exactly(e.Salt[:])
	case fieldWrappedKEK:
		e.WrappedKEK = r.item(majorBytes, MaxWrappedKEK)
	case fieldSealed:
		r.exactly(e.Data.Sealed[:])
	case fieldCommitment:
		r.exactly(e.Data.Commitment[:])
	case fieldOuterKeyID:
		e.OuterKeyID = string(r.item(majorText, MaxKeyID))
	case fieldOuterSealed:
		r.exactly(e.Outer.Sealed[:])
	case fieldOuterCommitment:
		r.exactly(e.Outer.Commitment[:])
	case fieldLength:
		e.Length = int64(r.number(encryptor.MaxObjectSize)) //nolint:gosec // bounded
	case fieldFlags:
		e.setFlags(r.number(allFlags))
	case fieldContext:
		e.Context = r.item(majorBytes, MaxContext)
	case fieldCustomerHMAC:
		e.CustomerHMAC = r.item(majorBytes, 32)
	case fieldDigests:
		e.Digests = r.item(majorBytes, MaxDigests)
	}
}
