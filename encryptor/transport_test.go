package encryptor

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

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
	// The same for a range, within the surplus and within what is needed.
	start, _ := l.StoredRange(5*ChunkSize, 10)
	for _, at := range []int64{0, 1000, start - 1, start, start + 1000} {
		_, err := openRangeFrom(keys, l, bytes.NewReader(stored[:at]), 0, 5*ChunkSize, 10)
		if failClass(err) != failTruncated || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("range ended at %d: %v", at, err)
		}
		_, err = openRangeFrom(keys, l, io.MultiReader(bytes.NewReader(stored[:at]), iotest.ErrReader(mine)), 0, 5*ChunkSize, 10)
		if err != mine {
			t.Errorf("range broken at %d: %v", at, err)
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

// The filler of large objects is read and checked in several pieces.
func TestLongFiller(t *testing.T) {
	const n = 100 << 20
	keys := testKeys(SuiteAES256GCM)
	stored := sealSingle(t, keys, make([]byte, n))
	l := mustLayout(t, keys, stored, false)
	size, _ := FooterSize(stored)
	first, last := segmentSize(n), int64(len(stored))-size-1
	if last-first < int64(len(zeros)) {
		t.Fatalf("a filler of %d is not long", last-first)
	}
	body := func() io.Reader { return bytes.NewReader(stored) }
	o := NewOpener(keys, l, body())
	defer o.Close()
	if got, err := io.Copy(io.Discard, o); got != n || err != nil {
		t.Errorf("%d bytes, %v", got, err)
	}
	for _, at := range []int64{first, first + 3000, last - 1000, last} {
		stored[at] ^= 1
		o := NewOpener(keys, l, body())
		if got, err := io.Copy(io.Discard, o); got != n-ChunkSize || failClass(err) != failFiller {
			t.Errorf("offset %d: %d bytes, %v", at, got, err)
		}
		o.Close()
		stored[at] ^= 1
	}
}

func TestAllZero(t *testing.T) {
	for _, n := range []int{0, 1, len(zeros) - 1, len(zeros), len(zeros) + 1, 3 * len(zeros)} {
		b := make([]byte, n)
		if !allZero(b) {
			t.Errorf("%d zeros are not zero", n)
		}
		for i := 0; i < n; i += max(1, n/50) {
			b[i] = 1
			if allZero(b) {
				t.Errorf("byte %d of %d is not seen", i, n)
			}
			b[i] = 0
		}
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
