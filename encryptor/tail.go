package encryptor

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxTail is the most bytes that end a multipart object behind its parts.
const MaxTail = partOverhead*maxStrides + objectOverhead

// Tail makes what ends a multipart object: the filler, the footer and their check. It holds the salt of the
// footer and the key of its record, so that an upload can be completed by someone who
// does not have the data keys.
//
// A Tail of SuiteAES256GCM may end the same upload any number of times. One of SuiteDSSE
// may do so once: its second layer has no nonce.
type Tail struct {
	suite  Suite
	salt   [32]byte
	record Key
	outer  Key // zero unless the suite is SuiteDSSE
}

// NewTail returns a Tail, with a fresh salt, for the parts that are sealed under the keys.
func NewTail(keys Keys) (Tail, error) {
	if err := keys.check(); err != nil {
		return Tail{}, err
	}
	t := Tail{suite: keys.Suite}
	_, _ = rand.Read(t.salt[:])
	r, err := keys.extract(&t.salt)
	if err != nil {
		return Tail{}, err
	}
	defer r.wipe()
	inner, outer, err := r.recordKeys()
	if err != nil {
		return Tail{}, err
	}
	defer clear(inner)
	defer clear(outer)
	copy(t.record[:], inner)
	copy(t.outer[:], outer)
	return t, nil
}

// Append appends the filler, the footer and their check to dst. All parts have been sealed under the keys
// that the Tail was made for; rec says which attempts were accepted. It is at most MaxTail bytes.
func (t *Tail) Append(dst, envelope []byte, rec *Record) ([]byte, error) {
	if t.record.IsZero() {
		return dst, errors.New("tail: no key")
	}
	if len(rec.Parts) == 0 {
		return dst, errors.New("tail: no parts")
	}
	record, err := rec.encode()
	if err != nil {
		return dst, err
	}
	var outer []byte
	if t.suite == SuiteDSSE {
		outer = t.outer[:]
	}
	l, err := newLayers(t.record[:], outer, nil)
	if err != nil {
		return dst, err
	}
	stored := StoredSize(rec.Length)
	footer, err := l.footer(t.suite, &t.salt, stored, envelope, record)
	if err != nil {
		return dst, err
	}
	filler := stored - int64(len(footer)) - checkSize
	for i := range rec.Parts {
		filler -= segmentSize(rec.Parts[i].Length)
	}
	start := len(dst)
	dst = append(dst, make([]byte, filler)...)
	dst = append(dst, footer...)
	return appendCheck(dst, start), nil
}

// tailSize is the size of a Tail in bytes.
const tailSize = 1 + 32 + KeySize

// AppendBinary implements encoding.BinaryAppender: with what it appends, anyone can make and
// open the record of the upload's footer, but no part. It refuses a Tail of SuiteDSSE, which must
// not be kept for a second use.
func (t *Tail) AppendBinary(b []byte) ([]byte, error) {
	if t.suite != SuiteAES256GCM || t.record.IsZero() {
		return b, fmt.Errorf("tail: one of suite %s cannot be kept", t.suite)
	}
	b = append(b, byte(t.suite))
	b = append(b, t.salt[:]...)
	return append(b, t.record[:]...), nil
}

// UnmarshalBinary is the inverse of AppendBinary.
func (t *Tail) UnmarshalBinary(b []byte) error {
	if len(b) != tailSize || Suite(b[0]) != SuiteAES256GCM {
		return errors.New("tail: malformed")
	}
	got := Tail{suite: Suite(b[0]), salt: [32]byte(b[1:]), record: Key(b[33:])}
	if got.salt == zeroSalt || got.record.IsZero() {
		return errors.New("tail: malformed")
	}
	*t = got
	return nil
}

// Clear overwrites the keys.
func (t *Tail) Clear() { *t = Tail{} }

// Format prints the type alone, whatever the verb: the fields are keys.
func (t Tail) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "encryptor.Tail") }

// AppendTail appends what ends a multipart object to dst, as Tail.Append does with a Tail for keys.
func AppendTail(dst []byte, keys Keys, envelope []byte, rec *Record) ([]byte, error) {
	t, err := NewTail(keys)
	if err != nil {
		return dst, err
	}
	defer t.Clear()
	return t.Append(dst, envelope, rec)
}

// PartSize returns the size in the store of a part of the given plaintext length, in bytes.
// The length must lie in 0 … MaxObjectSize.
func PartSize(length int64) int64 { return segmentSize(length) }

// MaxPartLength returns the largest plaintext length whose PartSize is at most the limit,
// or -1 if there is none.
func MaxPartLength(limit int64) int64 {
	rest := limit - headerSize - checkSize
	if rest < chunkOverhead {
		return -1
	}
	n := rest / sealedChunk * ChunkSize
	return min(n+max(0, rest%sealedChunk-chunkOverhead), MaxObjectSize)
}

// PeekPart returns what the header of a part says at the beginning of an object or of the part, without
// authenticating any of it. It reports false if that is no header of a part.
func PeekPart(prefix []byte) (Part, bool) {
	if len(prefix) < headerSize || !IsEncrypted(prefix) || prefix[4] != formatVersion {
		return Part{}, false
	}
	p := Part{
		Number: binary.BigEndian.Uint32(prefix[8:]),
		Length: int64(binary.BigEndian.Uint64(prefix[16:])), //nolint:gosec // checked below
		Salt:   [32]byte(prefix[headerFixed:]),
	}
	return p, p.Number >= 1 && p.Number <= MaxParts && p.Length >= 0 && p.Length <= MaxObjectSize
}
