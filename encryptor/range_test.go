package encryptor

import (
	"bytes"
	"io"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// checkRangeOf reads one range in several ways and compares it with the plaintext.
func checkRangeOf(t *rapid.T, keys Keys, l Layout, stored, plain []byte, off, n int64) {
	start, length := l.StoredRange(off, n)
	if n > 0 && length > n+2*(sealedChunk-1)+headerSize*(n/MinPartSize+2)+chunkOverhead*(n/ChunkSize+2) {
		t.Errorf("[%d, +%d): %d stored bytes", off, n, length)
	}
	got, err := openRange(keys, l, stored, off, n)
	if err != nil || !bytes.Equal(got, plain[off:off+n]) {
		t.Errorf("[%d, +%d): %d bytes, %v", off, n, len(got), err)
	}
	// From a body that begins too early and ends too late.
	early := min(start, rapid.Int64Range(0, 300_000).Draw(t, "early"))
	body := stored[start-early:]
	got, err = openRangeFrom(keys, l, bytes.NewReader(body), start-early, off, n)
	if err != nil || !bytes.Equal(got, plain[off:off+n]) {
		t.Errorf("[%d, +%d) from %d: %d bytes, %v", off, n, start-early, len(got), err)
	}
	// Not a byte too many has been asked for.
	if n > 0 {
		short := stored[start : start+length-1]
		if got, err := openRangeFrom(keys, l, bytes.NewReader(short), start, off, n); failClass(err) != failTruncated ||
			!bytes.HasPrefix(plain[off:off+n], got) {
			t.Errorf("[%d, +%d) without its last byte: %d bytes, %v", off, n, len(got), err)
		}
	}
}

func drawRange(t *rapid.T, size int64) (off, n int64) {
	edges := rapid.SampledFrom([]int64{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, MinPartSize - 1, MinPartSize, MinPartSize + 1, size - 1, size})
	anywhere := rapid.Int64Range(0, size)
	draw := func(label string) int64 {
		if rapid.Bool().Draw(t, label+" at an edge") {
			return min(max(edges.Draw(t, label), 0), size)
		}
		return anywhere.Draw(t, label)
	}
	a, b := draw("from"), draw("to")
	return min(a, b), max(a, b) - min(a, b)
}

func TestRangesOfSingleObjects(t *testing.T) {
	for _, suite := range bothSuites {
		for _, size := range []int64{0, 1, 100, ChunkSize, ChunkSize + 1, 10*ChunkSize - 1, MinPartSize + 1} {
			keys, plain := testKeys(suite), testBytes(size)
			stored := sealSingle(t, keys, plain)
			l := mustLayout(t, keys, stored, false)
			rapid.Check(t, func(t *rapid.T) {
				off, n := drawRange(t, size)
				checkRangeOf(t, keys, l, stored, plain, off, n)
				checkGuess(t, keys, l, stored, plain, off, n)
			})
		}
	}
}

func TestRangesOfMultipartObjects(t *testing.T) {
	for _, suite := range bothSuites {
		for _, lengths := range [][]int64{
			{100},
			{0},
			{MinPartSize, 0},
			{MinPartSize + 1, MinPartSize + ChunkSize - 1, 3*ChunkSize + 5},
		} {
			keys := testKeys(suite)
			m := sealMultipart(t, keys, lengths...)
			l := mustLayout(t, keys, m.stored, true)
			rapid.Check(t, func(t *rapid.T) {
				off, n := drawRange(t, m.record.Length)
				checkRangeOf(t, keys, l, m.stored, m.plain, off, n)
				if suite == SuiteAES256GCM { // it is about offsets only
					checkGuess(t, keys, l, m.stored, m.plain, off, n)
				}
			})
		}
	}
}

func TestRangesThatDoNotExist(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	stored := sealSingle(t, keys, testBytes(100))
	l := mustLayout(t, keys, stored, false)
	for _, r := range []struct{ start, off, n int64 }{
		{0, -1, 1},
		{0, 0, -1},
		{0, 0, 101},
		{0, 100, 1},
		{0, 101, 0},
		{0, math.MaxInt64, 1},
		{0, 1, math.MaxInt64},
		{-1, 0, 1},
		{headerSize + 1, 0, 1},
	} {
		if o, err := NewRangeOpener(keys, l, bytes.NewReader(stored), r.start, r.off, r.n); err == nil || o != nil {
			t.Errorf("%+v: no error", r)
		}
	}
	if _, err := NewRangeOpener(keys, Layout{}, bytes.NewReader(nil), 0, 0, 0); err == nil {
		t.Error("a range of the zero Layout")
	}
	for _, r := range []struct{ off, n int64 }{{100, 5}, {200, 5}, {0, 0}} {
		if start, n := l.StoredRange(r.off, r.n); n != 0 || start < headerSize {
			t.Errorf("StoredRange(%d, %d) = %d, %d", r.off, r.n, start, n)
		}
	}
	o, err := NewRangeOpener(keys, l, nil, 0, 50, 0)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(o); len(b) != 0 || err != nil {
		t.Errorf("an empty range: %d bytes, %v", len(b), err)
	}
}
