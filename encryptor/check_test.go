package encryptor

import (
	"bytes"
	"hash/crc32"
	"io"
	"testing"
)

// All that is stored with one request has a CRC that is known before.
func TestStoredCRCIsKnown(t *testing.T) {
	crc := func(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		for _, n := range []int64{0, 1, 100, ChunkSize - 1, ChunkSize, ChunkSize + 1, 5*ChunkSize - 5, MinPartSize - 1, MinPartSize, 2*MinPartSize + 1} {
			plain := testBytes(n)
			stored := sealSingle(t, keys, plain)
			if got := crc(stored); got != ObjectCRC32C(n) || !IntactObject(stored) {
				t.Errorf("%v: an object of %d bytes, in memory: %08x, want %08x", suite, n, got, ObjectCRC32C(n))
			}
			for _, at := range []int{0, len(stored) / 2, len(stored) - 1} {
				stored[at] ^= 1
				if IntactObject(stored) {
					t.Errorf("%v: an object of %d bytes passes that was altered at %d", suite, n, at)
				}
				stored[at] ^= 1
			}
			if IntactObject(stored[1:]) || IntactObject(stored[:100]) || IntactObject(nil) {
				t.Errorf("%v: some of an object of %d bytes passes", suite, n)
			}
			s, err := NewSealer(keys, bytes.NewReader(plain), n, []byte("envelope"), nil)
			if err != nil {
				t.Fatal(err)
			}
			s.ComputeCheck()
			if got := crc(readSealer(t, s, n%2 == 0)); got != ObjectCRC32C(n) {
				t.Errorf("%v: an object of %d bytes: %08x, want %08x", suite, n, got, ObjectCRC32C(n))
			}
			b, part := sealPart(t, keys, 1, plain)
			if crc(b) != CheckedCRC32C || !bytes.HasSuffix(b, part.Check[:]) {
				t.Errorf("%v: a part of %d bytes: %08x, ends with %x, check %x", suite, n, crc(b), b[len(b)-4:], part.Check)
			}
			tail, err := AppendTail(nil, keys, nil, &Record{Length: n, Parts: []Part{part}})
			if err != nil || crc(tail) != CheckedCRC32C {
				t.Errorf("%v: a tail: %08x, %v", suite, crc(tail), err)
			}
			if joined := crc(append(b, tail...)); joined != JoinedCRC32C(int64(len(tail))) {
				t.Errorf("%v: a part and a tail: %08x, want %08x", suite, joined, JoinedCRC32C(int64(len(tail))))
			}
		}
	}
}

// Without ComputeCheck zeros stand in place of the check, and the object opens.
func TestUncheckedObject(t *testing.T) {
	keys, plain := testKeys(SuiteAES256GCM), testBytes(ChunkSize+1)
	s, err := NewSealer(keys, bytes.NewReader(plain), int64(len(plain)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored := readSealer(t, s, true)
	if s.Check() != [4]byte{} || !bytes.Equal(stored[segmentSize(ChunkSize+1)-4:segmentSize(ChunkSize+1)], make([]byte, 4)) {
		t.Errorf("check %x", s.Check())
	}
	got, rec, err := openAll(keys, mustLayout(t, keys, stored, false), bytes.NewReader(stored))
	if err != nil || !bytes.Equal(got, plain) || rec.Check != [4]byte{} {
		t.Errorf("%d bytes, %+v, %v", len(got), rec, err)
	}
	stored[segmentSize(ChunkSize+1)-1] = 1
	if _, _, err := openAll(keys, mustLayout(t, keys, stored, false), bytes.NewReader(stored)); failClass(err) != failCheck {
		t.Errorf("a check where there was none: %v", err)
	}
}

// A range that goes on in the next segment compares the check between them.
func TestCheckWithinRange(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	m := sealMultipart(t, keys, MinPartSize, MinPartSize, 100)
	l := mustLayout(t, keys, m.stored, true)
	for i := range int64(checkSize) {
		at := segmentSize(MinPartSize) - 1 - i
		m.stored[at] ^= 0x10
		if _, err := openRange(keys, l, m.stored, MinPartSize-10, 20); failClass(err) != failCheck {
			t.Errorf("offset %d: %v", at, err)
		}
		for _, off := range []int64{MinPartSize - 10, MinPartSize} {
			if _, err := openRange(keys, l, m.stored, off, 10); err != nil {
				t.Errorf("offset %d, a range that does not reach it: %v", at, err)
			}
		}
		m.stored[at] ^= 0x10
	}
}

// readSealer reads all of a Sealer in one of its two ways, and closes it.
func readSealer(tb testing.TB, s *Sealer, writeTo bool) []byte {
	tb.Helper()
	defer s.Close()
	var b bytes.Buffer
	var err error
	if writeTo {
		_, err = s.WriteTo(&b)
	} else {
		_, err = io.Copy(&b, struct{ io.Reader }{s})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
