package encryptor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
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
		o.edges = append(o.edges, at-checkSize-tagSize, at-checkSize, at)
	}
	size, _ := FooterSize(o.stored)
	footer := int64(len(o.stored)) - size
	o.edges = append(o.edges, footer, footer+envelopePrefix, footer+envelopePrefix+11, footer+envelopePrefix+11+32,
		int64(len(o.stored))-12, int64(len(o.stored))-8, int64(len(o.stored))-4, int64(len(o.stored)))
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
			for i := range int64(headerSize) {
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
