package encryptor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

// object is a stored object that will be tampered with.
type object struct {
	name      string
	keys      Keys
	plain     []byte
	stored    []byte
	multipart bool
	edges     []int64 // stored offsets where something begins or ends
	held      int64   // plaintext before the last chunk: the most that may come out of a tampered object
}

func tamperObjects(t *testing.T) []*object {
	var objects []*object
	for _, suite := range bothSuites {
		for _, n := range []int64{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, MinPartSize - 1, MinPartSize, MinPartSize + 1} {
			if suite == SuiteDSSE && n > 2*ChunkSize {
				continue
			}
			keys, plain := testKeys(suite), testBytes(n)
			o := &object{name: fmt.Sprintf("%v/%d", suite, n), keys: keys, plain: plain, stored: sealSingle(t, keys, plain)}
			o.addEdges(n)
			objects = append(objects, o)
		}
		keys := testKeys(suite)
		lengths := []int64{MinPartSize + 1, MinPartSize, 100}
		m := sealMultipart(t, keys, lengths...)
		o := &object{name: suite.String() + "/parts", keys: keys, plain: m.plain, stored: m.stored, multipart: true}
		o.addEdges(lengths...)
		objects = append(objects, o)
	}
	return objects
}

func (o *object) addEdges(lengths ...int64) {
	var at int64
	for _, n := range lengths {
		o.edges = append(o.edges, at, at+headerFixed, at+64, at+headerSize)
		for c := int64(1); c < chunkCount(n); c++ {
			o.edges = append(o.edges, at+headerSize+c*sealedChunk)
		}
		at += segmentSize(n)
		o.edges = append(o.edges, at-tagSize, at)
	}
	size, _ := FooterSize(o.stored)
	footer := int64(len(o.stored)) - size
	o.edges = append(o.edges, footer, footer+envelopePrefix, footer+envelopePrefix+11, footer+envelopePrefix+11+32,
		int64(len(o.stored))-8, int64(len(o.stored))-4, int64(len(o.stored)))
	last := lengths[len(lengths)-1]
	o.held = int64(len(o.plain)) - (last - (chunkCount(last)-1)*ChunkSize)
}

// mustFail reads a tampered object as a whole, as a store would give it that says the object
// has the reported size, and demands that it is found out before its last chunk came out.
func (o *object) mustFail(t *testing.T, what string, stored []byte, reported int64) {
	t.Helper()
	if bytes.Equal(stored, o.stored) && reported == int64(len(stored)) {
		t.Fatalf("%s: nothing was changed", what)
	}
	var got []byte
	l, err := layoutOf(o.keys, reported, stored, o.multipart)
	if err == nil {
		var rec *Record
		got, rec, err = openAll(o.keys, l, bytes.NewReader(stored))
		if rec != nil {
			t.Errorf("%s: a record came out", what)
		}
	}
	if !errors.Is(err, ErrNotAuthentic) || failClass(err) == "" {
		t.Errorf("%s: %v", what, err)
	}
	if int64(len(got)) > o.held || !bytes.HasPrefix(o.plain, got) {
		t.Errorf("%s: %d bytes came out", what, len(got))
	}
}

func TestFlippedBits(t *testing.T) {
	for _, o := range tamperObjects(t) {
		t.Run(o.name, func(t *testing.T) {
			size, _ := FooterSize(o.stored)
			footer := int64(len(o.stored)) - size
			var offsets []int64
			for i := int64(0); i < headerSize; i++ {
				offsets = append(offsets, i)
			}
			for i := footer; i < int64(len(o.stored)); i++ {
				offsets = append(offsets, i)
			}
			for i, e := range o.edges {
				if len(o.edges) < 100 || i%20 == 0 || i > len(o.edges)-12 {
					offsets = append(offsets, e, e+1, e-1, e+nonceSize)
				}
			}
			// The filler.
			offsets = append(offsets, footer-1, footer-2, footer-100)
			for i, at := range offsets {
				if at < 0 || at >= int64(len(o.stored)) {
					continue
				}
				o.stored[at] ^= 1 << (i % 8)
				o.mustFailFlipped(t, at)
				o.stored[at] ^= 1 << (i % 8)
			}
			if got, _, err := openAll(o.keys, mustLayout(t, o.keys, o.stored, o.multipart), bytes.NewReader(o.stored)); err != nil || !bytes.Equal(got, o.plain) {
				t.Fatalf("the object itself: %v", err)
			}
		})
	}
}

func (o *object) mustFailFlipped(t *testing.T, at int64) {
	t.Helper()
	var got []byte
	l, err := layoutOf(o.keys, int64(len(o.stored)), o.stored, o.multipart)
	if err == nil {
		got, _, err = openAll(o.keys, l, bytes.NewReader(o.stored))
	}
	if !errors.Is(err, ErrNotAuthentic) || int64(len(got)) > o.held || !bytes.HasPrefix(o.plain, got) {
		t.Errorf("offset %d: %d bytes, %v", at, len(got), err)
	}
}

// A reader that has learnt of the parts before is not satisfied with that.
func TestFlippedBitsUnderAKnownLayout(t *testing.T) {
	for _, o := range tamperObjects(t) {
		if !o.multipart {
			continue
		}
		l := mustLayout(t, o.keys, o.stored, true)
		size, _ := FooterSize(o.stored)
		footer := int64(len(o.stored)) - size
		for _, at := range append(slices.Clone(o.edges[len(o.edges)-12:]), footer-1, footer+5, int64(len(o.stored))-9) {
			if at >= int64(len(o.stored)) {
				continue
			}
			o.stored[at] ^= 4
			got, _, err := openAll(o.keys, l, bytes.NewReader(o.stored))
			o.stored[at] ^= 4
			if !errors.Is(err, ErrNotAuthentic) || int64(len(got)) > o.held || !bytes.HasPrefix(o.plain, got) {
				t.Errorf("%s: offset %d: %d bytes, %v", o.name, at, len(got), err)
			}
		}
	}
}

func TestTruncatedAndExtended(t *testing.T) {
	for _, o := range tamperObjects(t) {
		t.Run(o.name, func(t *testing.T) {
			full := int64(len(o.stored))
			for i, e := range o.edges {
				if len(o.edges) > 100 && i%20 != 0 && i < len(o.edges)-12 {
					continue
				}
				for _, at := range []int64{e - 1, e, e + 1} {
					if at < 0 || at >= full {
						continue
					}
					// The store says so, or it lies, or it gives another object's end.
					o.mustFail(t, fmt.Sprintf("cut at %d", at), o.stored[:at], at)
					if !o.multipart {
						o.mustFail(t, fmt.Sprintf("cut at %d without a word", at), o.stored[:at], full)
					}
					tail := slices.Concat(o.stored[:at], o.stored[full-FooterSuffix():])
					if int64(len(tail)) != full {
						o.mustFail(t, fmt.Sprintf("cut at %d, with the tail", at), tail, int64(len(tail)))
					}
				}
			}
			for _, n := range []int64{1, chunkOverhead + 1, sealedChunk} {
				longer := append(slices.Clone(o.stored), make([]byte, n)...)
				o.mustFail(t, fmt.Sprintf("extended by %d", n), longer, full+n)
				if !o.multipart {
					o.mustFail(t, fmt.Sprintf("extended by %d without a word", n), longer, full)
				}
			}
			// A size that another object could have.
			for _, d := range []int64{-1, 1, -ChunkSize, ChunkSize, MinPartSize} {
				if n := int64(len(o.plain)) + d; n >= 0 {
					o.mustFail(t, fmt.Sprintf("reported as %d", n), o.stored, StoredSize(n))
				}
			}
			o.mustFail(t, "emptied", nil, 0)
		})
	}
}

func TestRearrangedChunks(t *testing.T) {
	const n = 4*ChunkSize + 100
	for _, suite := range bothSuites {
		keys, plain := testKeys(suite), testBytes(n)
		o := &object{keys: keys, plain: plain, stored: sealSingle(t, keys, plain)}
		o.addEdges(n)
		other := sealSingle(t, testKeys(suite), plain)    // other keys
		longer := sealSingle(t, keys, append(plain, 'x')) // another object that wrongly has the same keys
		chunk := func(from []byte, i int) []byte {
			start := headerSize + i*sealedChunk
			return from[start:min(start+sealedChunk, int(headerSize+n+5*chunkOverhead))]
		}
		build := func(chunks ...[]byte) []byte {
			return slices.Concat(slices.Concat(o.stored[:headerSize], slices.Concat(chunks...)), o.stored[segmentSize(n):])
		}
		c := [][]byte{chunk(o.stored, 0), chunk(o.stored, 1), chunk(o.stored, 2), chunk(o.stored, 3), chunk(o.stored, 4)}
		if !bytes.Equal(build(c...), o.stored) {
			t.Fatal("the test takes the object apart wrongly")
		}
		for what, stored := range map[string][]byte{
			"two chunks swapped":           build(c[1], c[0], c[2], c[3], c[4]),
			"the last full chunk swapped":  build(c[0], c[1], c[3], c[2], c[4]),
			"a chunk dropped":              build(c[0], c[2], c[3], c[4]),
			"the last chunk dropped":       build(c[0], c[1], c[2], c[3]),
			"a chunk twice":                build(c[0], c[0], c[1], c[2], c[3], c[4]),
			"a chunk in place of another":  build(c[0], c[0], c[2], c[3], c[4]),
			"the last chunk first":         build(c[4], c[0], c[1], c[2], c[3]),
			"a chunk of other keys":        build(c[0], chunk(other, 1), c[2], c[3], c[4]),
			"a chunk of another object":    build(c[0], chunk(longer, 1), c[2], c[3], c[4]),
			"the header of other keys":     slices.Concat(other[:headerSize], o.stored[headerSize:]),
			"the header of another object": slices.Concat(longer[:headerSize], o.stored[headerSize:]),
			"the tail of other keys":       slices.Concat(o.stored[:segmentSize(n)], other[segmentSize(n):]),
			"the tail of another object":   slices.Concat(o.stored[:segmentSize(n)], longer[segmentSize(n+1):]),
			"all of other keys":            other,
		} {
			o.mustFail(t, suite.String()+": "+what, stored, int64(len(stored)))
			o.mustFail(t, suite.String()+": "+what+", size kept", stored, int64(len(o.stored)))
		}
		o.mustFail(t, suite.String()+": another object", longer, int64(len(o.stored)))
	}
}

func TestRearrangedParts(t *testing.T) {
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		m := sealMultipart(t, keys, MinPartSize, MinPartSize, 100)
		o := &object{keys: keys, plain: m.plain, stored: m.stored, multipart: true}
		o.addEdges(MinPartSize, MinPartSize, 100)
		tail := m.stored[len(m.parts[0])+len(m.parts[1])+len(m.parts[2]):]
		// An attempt that was not accepted, with other content of the same length.
		earlier, earlierPart := sealPart(t, keys, 3, testBytes(MinPartSize))
		foreign := sealMultipart(t, testKeys(suite), MinPartSize, MinPartSize, 100)
		p := m.parts
		for what, stored := range map[string][]byte{
			"parts swapped":          slices.Concat(p[1], p[0], p[2], tail),
			"a part dropped":         slices.Concat(p[0], p[2], tail),
			"the last part dropped":  slices.Concat(p[0], p[1], tail),
			"a part twice":           slices.Concat(p[0], p[0], p[2], tail),
			"an earlier attempt":     slices.Concat(p[0], earlier, p[2], tail),
			"a part of other keys":   slices.Concat(p[0], foreign.parts[1], p[2], tail),
			"the tail of other keys": slices.Concat(p[0], p[1], p[2], foreign.stored[len(m.stored)-len(tail):]),
			"all of other keys":      foreign.stored,
			"chunks of an earlier attempt under the header of the accepted one": slices.Concat(p[0], p[1][:headerSize], earlier[headerSize:], p[2], tail),
		} {
			o.mustFail(t, suite.String()+": "+what, stored, int64(len(stored)))
			o.mustFail(t, suite.String()+": "+what+", size kept", stored, int64(len(m.stored)))
		}
		// A range knows the accepted attempts too.
		l := mustLayout(t, keys, m.stored, true)
		swapped := slices.Concat(p[0], earlier, p[2], tail)
		for _, r := range [][2]int64{{MinPartSize, 10}, {MinPartSize - 10, 20}, {MinPartSize + 3*ChunkSize, ChunkSize}} {
			got, err := openRange(keys, l, swapped, r[0], r[1])
			if !errors.Is(err, ErrNotAuthentic) || !bytes.HasPrefix(m.plain[r[0]:], got) || len(got) > 0 && r[0]+int64(len(got)) > MinPartSize {
				t.Errorf("%v: range %v of an earlier attempt: %d bytes, %v", suite, r, len(got), err)
			}
		}
		// Two records under the same keys: the one that the reader has decides.
		rec := *m.record
		rec.Parts = slices.Clone(rec.Parts)
		rec.Parts[1] = earlierPart
		l2, err := MultipartLayout(int64(len(m.stored)), &rec)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := openAll(keys, l2, bytes.NewReader(swapped)); failClass(err) != failRecord || len(got) > int(o.held) {
			t.Errorf("%v: a footer that does not agree: %d bytes, %v", suite, len(got), err)
		}
	}
}

func TestOtherKeysAndOtherKinds(t *testing.T) {
	for _, suite := range bothSuites {
		keys, plain := testKeys(suite), testBytes(100)
		stored := sealSingle(t, keys, plain)
		m := sealMultipart(t, keys, 100)
		single := mustLayout(t, keys, stored, false)
		check := func(what string, k Keys, l Layout, body []byte, class string) {
			t.Helper()
			got, _, err := openAll(k, l, bytes.NewReader(body))
			if failClass(err) != class || len(got) != 0 {
				t.Errorf("%v: %s: %d bytes, %v", suite, what, len(got), err)
			}
			if got, err := openRange(k, l, body, 0, 100); failClass(err) != failChunk || len(got) != 0 {
				t.Errorf("%v: %s, range: %d bytes, %v", suite, what, len(got), err)
			}
		}
		check("other keys", testKeys(suite), single, stored, failCommit)
		other := keys
		other.Data = NewKey()
		check("another data key", other, single, stored, failCommit)
		if suite == SuiteDSSE {
			other = keys
			other.Outer = NewKey()
			check("another outer key", other, single, stored, failCommit)
			check("one layer", Keys{Suite: SuiteAES256GCM, Data: keys.Data}, single, stored, failHeader)
		} else {
			check("two layers", Keys{Suite: SuiteDSSE, Data: keys.Data, Outer: NewKey()}, single, stored, failHeader)
		}
		check("a part as a whole object", keys, single, m.stored, failHeader)
		check("a whole object as a part", keys, mustLayout(t, keys, m.stored, true), stored, failHeader)
		if _, err := layoutOf(keys, int64(len(stored)), stored, true); failClass(err) != failRecord {
			t.Errorf("%v: the record of one segment: %v", suite, err)
		}
	}
}

// What the transport says is not taken for tampering, and the other way round.
func TestTransportErrors(t *testing.T) {
	const n = 6*ChunkSize + 100
	mine := errors.New("connection reset")
	keys, plain := testKeys(SuiteAES256GCM), testBytes(n)
	stored := sealSingle(t, keys, plain)
	l := mustLayout(t, keys, stored, false)
	for _, at := range []int{0, 1, headerSize, headerSize + sealedChunk, headerSize + 5*sealedChunk + 10, len(stored) - 500, len(stored) - 1, len(stored)} {
		for _, cause := range []error{mine, io.ErrUnexpectedEOF, iotest.ErrTimeout} {
			got, rec, err := openAll(keys, l, io.MultiReader(bytes.NewReader(stored[:at]), iotest.ErrReader(cause)))
			if err != cause || errors.Is(err, ErrNotAuthentic) || rec != nil {
				t.Errorf("broken at %d: %v", at, err)
			}
			if !bytes.HasPrefix(plain, got) || len(got) > 6*ChunkSize {
				t.Errorf("broken at %d: %d bytes", at, len(got))
			}
		}
		if at == len(stored) {
			continue
		}
		_, _, err := openAll(keys, l, bytes.NewReader(stored[:at]))
		if !errors.Is(err, ErrNotAuthentic) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ended at %d: %v", at, err)
		}
	}
	if _, _, err := openAll(keys, l, neverReader{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a body that says nothing: %v", err)
	}
	s, err := NewSealer(keys, neverReader{}, 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := io.ReadAll(s); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a body that says nothing: %v", err)
	}
}

type neverReader struct{}

func (neverReader) Read([]byte) (int, error) { return 0, nil }

// stingyWriter takes less than it is given, once without an error.
type stingyWriter struct{ err error }

func (w stingyWriter) Write(p []byte) (int, error) { return len(p) / 2, w.err }

func TestWriterErrors(t *testing.T) {
	mine := errors.New("client went away")
	keys, plain := testKeys(SuiteAES256GCM), testBytes(1000)
	stored := sealSingle(t, keys, plain)
	for _, cause := range []error{nil, mine} {
		want := cause
		if want == nil {
			want = io.ErrShortWrite
		}
		s, err := NewSealer(keys, bytes.NewReader(plain), 1000, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.WriteTo(stingyWriter{cause}); !errors.Is(err, want) || n == 0 {
			t.Errorf("Sealer: %d, %v", n, err)
		}
		s.Close()
		o := NewOpener(keys, mustLayout(t, keys, stored, false), bytes.NewReader(stored))
		if n, err := o.WriteTo(stingyWriter{cause}); !errors.Is(err, want) || n != 500 {
			t.Errorf("Opener: %d, %v", n, err)
		}
		o.Close()
	}
}
