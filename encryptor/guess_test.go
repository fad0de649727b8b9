package encryptor

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// checkGuess reads a range as a gateway does that knows nothing of the object yet.
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

func mustSingle(tb errorfer, size int64) Layout {
	l, err := SingleLayout(StoredSize(size))
	if err != nil {
		tb.Errorf("%d: %v", size, err)
	}
	return l
}

// drawParts returns the layout of a multipart object of at most limit bytes of plaintext, without
// the object: parts of one size and a shorter one, as clients make them, or of any sizes.
func drawParts(t *rapid.T, limit int64) Layout {
	aligned := rapid.Int64Range(MinPartSize/ChunkSize, 1<<10).Draw(t, "chunks") * ChunkSize
	regular := rapid.SampledFrom([]int64{MinPartSize, MinPartSize + 1, 100_000_000, 5 << 30, aligned}).Draw(t, "part size")
	irregular := rapid.Bool().Draw(t, "irregular")
	count := int(min(rapid.Int64Range(0, MaxParts-1).Draw(t, "parts"), (limit-1)/regular))
	rec := &Record{}
	add := func(n int64) {
		rec.Length += n
		rec.Parts = append(rec.Parts, Part{Number: uint32(len(rec.Parts) + 1), Length: n, Salt: [32]byte{1}})
	}
	sizes := rapid.SampledFrom([]int64{MinPartSize, MinPartSize + 1, MinPartSize + ChunkSize - 1, regular})
	for range min(count, 200) {
		n := regular
		if irregular {
			n = sizes.Draw(t, "size")
		}
		if rec.Length+n < limit {
			add(n)
		}
	}
	for len(rec.Parts) < count && !irregular {
		add(regular)
	}
	add(rapid.Int64Range(0, min(regular, limit-rec.Length)).Draw(t, "last"))
	l, err := MultipartLayout(StoredSize(rec.Length), rec)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The guess for a range holds for all layouts, and is not much larger than it has to be.
func TestGuessStoredRange(t *testing.T) {
	check := func(t *rapid.T, l Layout) {
		off, n := drawRange(t, l.PlaintextSize())
		if n == 0 {
			return
		}
		start, length := l.StoredRange(off, n)
		from, to := GuessStoredRange(off, off+n-1)
		if from > start || to < start+length-1 {
			t.Errorf("[%d, +%d): guessed %d to %d, needed %d to %d", off, n, from, to, start, start+length-1)
		}
		most := length + sealedChunk // what an object of less than a chunk does not have
		if last := off + n - 1; last >= MinPartSize {
			most += 2*sealedChunk + 2*(last/MinPartSize)*(headerSize+chunkOverhead+checkSize)
		}
		if to-from+1 > most {
			t.Errorf("[%d, +%d): guessed %d bytes where %d are needed", off, n, to-from+1, length)
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, mustSingle(t, rapid.Int64Range(1, MaxObjectSize).Draw(t, "size"))) })
	rapid.Check(t, func(t *rapid.T) { check(t, drawParts(t, MaxObjectSize)) })
}

// The guess for a suffix holds for objects of every size up to 5 GiB.
func TestGuessStoredSuffix(t *testing.T) {
	check := func(t errorfer, l Layout, n int64) {
		size := l.PlaintextSize()
		n = min(n, size)
		start, _ := l.StoredRange(size-n, n)
		if n > 0 && l.stored-GuessStoredSuffix(n) > start {
			t.Errorf("the last %d of %d: %d is not enough for %d", n, size, GuessStoredSuffix(n), l.stored-start)
		}
	}
	for _, size := range sizeBoundaries() {
		for _, n := range []int64{1, 2, ChunkSize - 1, ChunkSize, ChunkSize + 1, ChunkSize + 2, 1 << 30, 5 << 30} {
			if size <= 5<<30 {
				check(t, mustSingle(t, size), n)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		l := mustSingle(t, rapid.Int64Range(1, 5<<30).Draw(t, "size"))
		check(t, l, rapid.Int64Range(1, l.PlaintextSize()).Draw(t, "suffix"))
	})
	rapid.Check(t, func(t *rapid.T) {
		l := drawParts(t, 5<<30)
		check(t, l, rapid.Int64Range(0, l.PlaintextSize()).Draw(t, "suffix"))
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
		// In the first 5 MiB nothing is added for parts.
		{MinPartSize - 1, MinPartSize - 1, headerSize + 79*sealedChunk, headerSize + 80*sealedChunk - 1},
		// From there on, a header, a check and a chunk of any length may have come before.
		{MinPartSize, MinPartSize, headerSize + 80*sealedChunk, 2*headerSize + checkSize + 81*sealedChunk + chunkOverhead - 1},
	} {
		if start, end := GuessStoredRange(tt.first, tt.last); start != tt.start || end != tt.end {
			t.Errorf("GuessStoredRange(%d, %d) = %d, %d, want %d, %d", tt.first, tt.last, start, end, tt.start, tt.end)
		}
	}
	if start, _ := GuessStoredRange(math.MaxInt64, -1); start <= 0 {
		t.Errorf("start %d", start)
	}
}

// The bound holds the largest footer that an object can have, and hardly more.
func TestFooterBound(t *testing.T) {
	largest := func(l Layout) int64 { return int64(maxFooter(max(l.Parts(), 1))) + checkSize }
	for _, size := range sizeBoundaries() {
		l := mustSingle(t, size)
		bound := FooterBound(l.stored)
		if bound < int64(maxFooter(0)) || bound > l.stored || size == MaxObjectSize && bound != int64(maxFooter(MaxParts))+checkSize {
			t.Errorf("%d bytes in %d: %d", size, l.stored, bound)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if l := drawParts(t, MaxObjectSize); FooterBound(l.stored) < largest(l) {
			t.Errorf("%d bytes in %d parts: %d, want %d", l.PlaintextSize(), l.Parts(), FooterBound(l.stored), largest(l))
		}
	})
	for _, parts := range []int{1, 2, 100} { // as many parts as fit
		rec := &Record{}
		for i := range parts {
			rec.Length += MinPartSize
			rec.Parts = append(rec.Parts, Part{Number: uint32(i + 1), Length: MinPartSize, Salt: [32]byte{1}})
		}
		rec.Length--
		rec.Parts[parts-1].Length--
		l, err := MultipartLayout(StoredSize(rec.Length), rec)
		if err != nil {
			t.Fatal(err)
		}
		if FooterBound(l.stored) != largest(l) {
			t.Errorf("%d parts: %d, want %d", parts, FooterBound(l.stored), largest(l))
		}
	}
	for _, stored := range []int64{0, 1, 500} {
		if got := FooterBound(stored); got != stored {
			t.Errorf("of %d bytes: %d", stored, got)
		}
	}
}
