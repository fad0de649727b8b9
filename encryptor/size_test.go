package encryptor

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sizeBoundaries are plaintext sizes where the length function does something.
func sizeBoundaries() []int64 {
	var sizes []int64
	for _, at := range []int64{
		0, ChunkSize, 2 * ChunkSize, 79 * ChunkSize, MinPartSize, MinPartSize + ChunkSize, 2 * MinPartSize, 3 * MinPartSize,
		1 << 30, 5 << 30, 9998 * MinPartSize, 9999 * MinPartSize, 10000 * MinPartSize, 5 << 40, MaxObjectSize,
	} {
		for d := int64(-300); d <= 300; d++ {
			if n := at + d; n >= 0 && n <= MaxObjectSize {
				sizes = append(sizes, n)
			}
		}
	}
	return sizes
}

func TestStoredSizeAndItsInverse(t *testing.T) {
	for _, n := range sizeBoundaries() {
		checkStoredSize(t, n)
	}
}

func TestStoredSizeAndItsInverseAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkStoredSize(t, rapid.Int64Range(0, MaxObjectSize).Draw(t, "plaintext"))
	})
}

type errorfer interface {
	Errorf(format string, args ...any)
}

// checkStoredSize checks a plaintext size and every stored size between its own and the next.
func checkStoredSize(t errorfer, n int64) {
	s := StoredSize(n)
	next := StoredSize(n + 1)
	if next <= s {
		t.Errorf("StoredSize(%d) = %d, StoredSize(%d) = %d: not increasing", n, s, n+1, next)
	}
	for stored := s; stored < next && n < MaxObjectSize; stored++ {
		got, ok := PlaintextSize(stored)
		if ok != (stored == s) || (ok && got != n) {
			t.Errorf("PlaintextSize(%d) = %d, %t; StoredSize(%d) = %d", stored, got, ok, n, s)
		}
		if got := MaxPlaintextSize(stored); got != n {
			t.Errorf("MaxPlaintextSize(%d) = %d, want %d", stored, got, n)
		}
	}
	if got, ok := PlaintextSize(s); !ok || got != n {
		t.Errorf("PlaintextSize(%d) = %d, %t, want %d", s, got, ok, n)
	}
}

func TestSizesThatNoObjectHas(t *testing.T) {
	for _, s := range []int64{math.MinInt64, -1, 0, 1, 96, 1024, 1051, StoredSize(MaxObjectSize) + 1, math.MaxInt64} {
		if n, ok := PlaintextSize(s); ok {
			t.Errorf("PlaintextSize(%d) = %d", s, n)
		}
		if _, err := SingleLayout(s); failClass(err) != failLength {
			t.Errorf("SingleLayout(%d): %v", s, err)
		}
	}
	for s, want := range map[int64]int64{
		math.MinInt64: -1, 0: -1, 1051: -1, 1052: 0, 1053: 1, math.MaxInt64: MaxObjectSize,
	} {
		if got := MaxPlaintextSize(s); got != want {
			t.Errorf("MaxPlaintextSize(%d) = %d, want %d", s, got, want)
		}
	}
}

// Any layout of parts leaves room for its headers, chunks and the largest footer.
func TestFillerIsNeverNegative(t *testing.T) {
	check := func(lengths []int64) {
		t.Helper()
		var plaintext, used int64
		for _, n := range lengths {
			plaintext += n
			used += segmentSize(n)
		}
		parts := len(lengths)
		if filler := StoredSize(plaintext) - used - int64(maxFooter(parts)); filler < 0 {
			t.Fatalf("a filler of %d for %d parts of %d bytes", filler, parts, plaintext)
		}
	}
	check([]int64{0})
	check([]int64{1})
	check([]int64{MinPartSize, 0})
	check([]int64{MinPartSize, 1})
	all := func(n int64, last ...int64) []int64 {
		lengths := make([]int64, MaxParts, MaxParts+1)
		for i := range lengths {
			lengths[i] = n
		}
		return append(lengths[:MaxParts-len(last)], last...)
	}
	check(all(MinPartSize))
	check(all(MinPartSize, 0))
	check(all(MinPartSize, 1))
	check(all(MinPartSize + 1))
	check(all(MinPartSize+1, 1))
	check(all(5 << 30))
	check(all(5<<30, 0))

	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		n := 1 + random.IntN(40)
		if random.IntN(1000) == 0 {
			n = 1 + random.IntN(MaxParts)
		}
		lengths := make([]int64, n)
		for i := range lengths {
			switch random.IntN(4) {
			case 0:
				lengths[i] = MinPartSize
			case 1:
				lengths[i] = MinPartSize + int64(random.IntN(3))
			case 2:
				lengths[i] = MinPartSize + ChunkSize*int64(random.IntN(10)) + int64(random.IntN(3)) - 1
				lengths[i] = max(lengths[i], MinPartSize)
			default:
				lengths[i] = MinPartSize + random.Int64N(5<<30-MinPartSize)
			}
		}
		if random.IntN(2) == 0 {
			lengths[n-1] = random.Int64N(MinPartSize)
		}
		if random.IntN(10) == 0 {
			lengths[n-1] = int64(random.IntN(2))
		}
		check(lengths)
	}
}

// The largest records that can be written fit into what the length function leaves for them.
func TestLargestRecordsFit(t *testing.T) {
	sum := make([]byte, 64)
	digests := Digests{
		ETag:     "ffffffffffffffffffffffffffffffff-10000",
		Checksum: Checksum{Algorithm: 6, Composite: true, Value: sum},
	}
	single, err := (&Record{Length: MaxObjectSize, Digests: digests}).encode()
	if err != nil || len(single) > maxRecord {
		t.Errorf("a record of %d bytes: %v", len(single), err)
	}
	rec := &Record{Length: MaxObjectSize, Digests: digests, Parts: make([]Part, MaxParts)}
	for i := range rec.Parts {
		rec.Parts[i] = Part{Number: uint32(i + 1), Length: 5 << 30, Salt: NewKey(), Checksum: sum}
	}
	b, err := rec.encode()
	if err != nil || len(b) > maxRecord+maxRecordPart*MaxParts {
		t.Errorf("a record of %d bytes: %v", len(b), err)
	}
	keys := testKeys(SuiteDSSE)
	tail, err := AppendTail(nil, keys, make([]byte, MaxEnvelope), rec)
	if err != nil {
		t.Fatal(err)
	}
	if len(tail) > 2_600_000 {
		t.Errorf("a tail of %d bytes", len(tail))
	}
	stored := StoredSize(rec.Length)
	if want := stored - MaxParts*segmentSize(5<<30); int64(len(tail)) != want {
		t.Errorf("a tail of %d bytes, want %d", len(tail), want)
	}
	got, err := OpenFooter(keys, stored, tail)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Parts) != MaxParts || got.Parts[9999].Salt != rec.Parts[9999].Salt {
		t.Error("the record came back as another")
	}
	if _, err := MultipartLayout(stored, got); err != nil {
		t.Error(err)
	}
}

// The tables in FORMAT.md are what the code does.
func TestSizesInFormatText(t *testing.T) {
	f, err := os.Open("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := regexp.MustCompile(`^\| ([0-9,]+) \| ([0-9,]+) \|$`)
	number := func(s string) int64 {
		n, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	rows := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		rows++
		plaintext, stored := number(m[1]), number(m[2])
		if got := StoredSize(plaintext); got != stored {
			t.Errorf("FORMAT.md: %d bytes are stored in %d, not %d", plaintext, got, stored)
		}
		if got, ok := PlaintextSize(stored); !ok || got != plaintext {
			t.Errorf("FORMAT.md: %d stored bytes are %d (%t), not %d", stored, got, ok, plaintext)
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows found", rows)
	}
	if got := MaxPlaintextSize(5 << 30); got != number("5,366,153,512") {
		t.Errorf("FORMAT.md: 5 GiB hold %d", got)
	}
}
