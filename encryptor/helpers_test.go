package encryptor

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

var bothSuites = []Suite{SuiteAES256GCM, SuiteDSSE}

func testKeys(suite Suite) Keys {
	k := Keys{Suite: suite, Data: NewKey()}
	if suite == SuiteDSSE {
		k.Outer = NewKey()
	}
	return k
}

// testBytes returns n bytes that do not repeat at any distance that matters.
func testBytes(n int64) []byte {
	b := make([]byte, n)
	seed := [32]byte{byte(n), byte(n >> 8), byte(n >> 16)}
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

// sealSingle seals an object as PutObject makes it.
func sealSingle(tb testing.TB, keys Keys, plain []byte) []byte {
	tb.Helper()
	b, err := SealBytes(nil, keys, plain, []byte("an envelope"), Digests{ETag: "d41d8cd98f00b204e9800998ecf8427e"})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// sealPart seals one attempt of a part.
func sealPart(tb testing.TB, keys Keys, number uint32, plain []byte) ([]byte, Part) {
	tb.Helper()
	s, part, err := NewPartSealer(keys, bytes.NewReader(plain), number, int64(len(plain)))
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	s.ComputeCheck()
	b, err := io.ReadAll(s)
	if err != nil {
		tb.Fatal(err)
	}
	part.Check = s.Check()
	return b, part
}

// multipart is an object of several parts and what it is made of.
type multipart struct {
	keys   Keys
	plain  []byte
	parts  [][]byte
	record *Record
	stored []byte
}

// sealMultipart seals an object whose parts have the given plaintext lengths and the
// numbers 1, 3, 5, ….
func sealMultipart(tb testing.TB, keys Keys, lengths ...int64) *multipart {
	tb.Helper()
	m := &multipart{keys: keys, record: &Record{}}
	for _, n := range lengths {
		m.record.Length += n
	}
	m.plain = testBytes(m.record.Length)
	rest := m.plain
	for i, n := range lengths {
		b, part := sealPart(tb, keys, uint32(2*i+1), rest[:n])
		rest = rest[n:]
		m.parts = append(m.parts, b)
		m.record.Parts = append(m.record.Parts, part)
		m.stored = append(m.stored, b...)
	}
	var err error
	m.stored, err = AppendTail(m.stored, keys, []byte("an envelope"), m.record)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// layoutOf returns the layout of a stored object, for which the parts of a multipart
// object are looked up in its footer.
func layoutOf(keys Keys, stored int64, body []byte, multipart bool) (Layout, error) {
	if !multipart {
		return SingleLayout(stored)
	}
	rec, err := OpenFooter(keys, stored, body)
	if err != nil {
		return Layout{}, err
	}
	return MultipartLayout(stored, rec)
}

func mustLayout(tb testing.TB, keys Keys, body []byte, multipart bool) Layout {
	tb.Helper()
	l, err := layoutOf(keys, int64(len(body)), body, multipart)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// openAll reads a complete object.
func openAll(keys Keys, l Layout, body io.Reader) (plain []byte, rec *Record, err error) {
	o := NewOpener(keys, l, body)
	defer o.Close()
	var b bytes.Buffer
	b.Grow(int(l.PlaintextSize()))
	_, err = o.WriteTo(&b)
	return b.Bytes(), o.Record(), err
}

// openRange reads a range from exactly the stored bytes that it needs.
func openRange(keys Keys, l Layout, stored []byte, off, n int64) ([]byte, error) {
	start, length := l.StoredRange(off, n)
	return openRangeFrom(keys, l, bytes.NewReader(stored[start:start+length]), start, off, n)
}

func openRangeFrom(keys Keys, l Layout, body io.Reader, start, off, n int64) ([]byte, error) {
	o, err := NewRangeOpener(keys, l, body, start, off, n)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

// endWith returns an object of PutObject, of n plaintext bytes, with another footer.
func endWith(stored []byte, n int64, footer []byte) []byte {
	b := bytes.Clone(stored[:segmentSize(n)])
	b = append(b, make([]byte, len(stored)-len(b)-len(footer)-checkSize)...)
	return appendCheck(append(b, footer...), int(segmentSize(n)))
}

// failClass returns where an error says that the object is not authentic, or "".
func failClass(err error) string {
	if e, ok := errors.AsType[*authenticityError](err); ok {
		return e.class
	}
	return ""
}
