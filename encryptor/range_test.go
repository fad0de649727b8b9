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

// checkGuess reads a range as a gateway does that does not know the size of the object yet.
func checkGuess(t *rapid.T, keys Keys, l Layout, stored, plain []byte, off, n int64) {
	if n == 0 {
		return
	}
	for _, last := range []int64{off + n - 1, -1} {
		start, end := GuessStoredRange(off, last)
		if end < 0 || end >= int64(len(stored)) {
			end = int64(len(stored)) - 1
		}
		got, err := openRangeFrom(keys, l, bytes.NewReader(stored[start:end+1]), start, off, n)
		if err != nil || !bytes.Equal(got, plain[off:off+n]) {
			t.Errorf("[%d, +%d) guessed to %d: %d bytes, %v", off, n, last, len(got), err)
		}
	}
	suffix := min(GuessStoredSuffix(n), int64(len(stored)))
	start, size := int64(len(stored))-suffix, l.PlaintextSize()
	got, err := openRangeFrom(keys, l, bytes.NewReader(stored[start:]), start, size-n, n)
	if err != nil || !bytes.Equal(got, plain[size-n:]) {
		t.Errorf("the last %d, guessed: %d bytes, %v", n, len(got), err)
	}
}

func TestRangesOfMultipartObjects(t *testing.T) {
	for _, suite := range bothSuites {
		for _, lengths := range [][]int64{
			{100},
			{MinPartSize, 0},
			{MinPartSize + 1, MinPartSize + ChunkSize - 1, 3*ChunkSize + 5},
		} {
			keys := testKeys(suite)
			m := sealMultipart(t, keys, lengths...)
			l := mustLayout(t, keys, m.stored, true)
			rapid.Check(t, func(t *rapid.T) {
				off, n := drawRange(t, m.record.Length)
				checkRangeOf(t, keys, l, m.stored, m.plain, off, n)
			})
		}
	}
}

// The guess for a suffix holds for objects of every size up to 5 GiB.
func TestGuessStoredSuffix(t *testing.T) {
	check := func(t errorfer, size, n int64) {
		l, err := SingleLayout(StoredSize(size))
		if err != nil {
			t.Errorf("%d: %v", size, err)
			return
		}
		n = min(n, size)
		start, _ := l.StoredRange(size-n, n)
		if n > 0 && l.stored-GuessStoredSuffix(n) > start {
			t.Errorf("the last %d of %d: %d is not enough for %d", n, size, GuessStoredSuffix(n), l.stored-start)
		}
	}
	for _, size := range sizeBoundaries() {
		for _, n := range []int64{1, 2, ChunkSize - 1, ChunkSize, ChunkSize + 1, ChunkSize + 2, 1 << 30, 5 << 30} {
			if size <= 5<<30 {
				check(t, size, n)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 5<<30).Draw(t, "size")
		check(t, size, rapid.Int64Range(1, size).Draw(t, "suffix"))
	})
	if GuessStoredSuffix(-1) != GuessStoredSuffix(0) || GuessStoredSuffix(math.MaxInt64) != GuessStoredSuffix(5<<30) {
		t.Error("impossible arguments are not brought into range")
	}
}

func TestGuessStoredRangeAtTheLimits(t *testing.T) {
	for _, tt := range []struct{ first, last, start, end int64 }{
		{0, 0, headerSize, headerSize + sealedChunk - 1},
		{0, ChunkSize - 1, headerSize, headerSize + sealedChunk - 1},
		{0, ChunkSize, headerSize, headerSize + 2*sealedChunk - 1},
		{ChunkSize, ChunkSize, headerSize + sealedChunk, headerSize + 2*sealedChunk - 1},
		{0, -1, headerSize, -1},
		{0, math.MaxInt64, headerSize, -1},
		{-5, 0, headerSize, headerSize + sealedChunk - 1},
	} {
		if start, end := GuessStoredRange(tt.first, tt.last); start != tt.start || end != tt.end {
			t.Errorf("GuessStoredRange(%d, %d) = %d, %d, want %d, %d", tt.first, tt.last, start, end, tt.start, tt.end)
		}
	}
	if start, _ := GuessStoredRange(math.MaxInt64, -1); start <= 0 {
		t.Errorf("start %d", start)
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
