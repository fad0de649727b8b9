package encryptor

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestSealerRefusesABodyOfAnotherLength(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	for _, n := range []int64{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 5 * ChunkSize} {
		for _, d := range []int64{-ChunkSize, -1, 1, ChunkSize} {
			if n+d < 0 {
				continue
			}
			for name, slowly := range slow {
				called := false
				s, err := NewSealer(keys, slowly(bytes.NewReader(testBytes(n+d))), n, nil, func() (Digests, error) {
					called = true
					return Digests{}, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				want := ErrBodyLength
				if d < 0 {
					want = io.ErrUnexpectedEOF
				}
				stored, err := io.ReadAll(s)
				if !errors.Is(err, want) {
					t.Errorf("%d%+d/%s: %v", n, d, name, err)
				}
				if called || int64(len(stored)) >= segmentSize(n) {
					t.Errorf("%d%+d/%s: %d bytes, record asked for: %t", n, d, name, len(stored), called)
				}
				if _, err := s.Read(make([]byte, 1)); !errors.Is(err, want) {
					t.Errorf("%d%+d/%s: the second time %v", n, d, name, err)
				}
				s.Close()
			}
		}
	}
}

// afterReader has a last word after its data, as a body whose signature is wrong.
type afterReader struct {
	io.Reader
	err error
}

func (r afterReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

// No error, wherever it comes from, leaves a complete object behind, and all come out as they are.
func TestSealerPassesErrorsOn(t *testing.T) {
	mine := errors.New("mine")
	keys := testKeys(SuiteAES256GCM)
	for _, n := range []int64{0, 1, ChunkSize, 6*ChunkSize + 1} {
		plain := testBytes(n)
		none := func() (Digests, error) { return Digests{}, nil }
		for name, tt := range map[string]struct {
			body   io.Reader
			record func() (Digests, error)
		}{
			"at once":       {iotest.ErrReader(mine), none},
			"at the end":    {afterReader{bytes.NewReader(plain), mine}, none},
			"with the data": {iotest.DataErrReader(afterReader{bytes.NewReader(plain), mine}), none},
			"record":        {bytes.NewReader(plain), func() (Digests, error) { return Digests{}, mine }},
		} {
			for _, writeTo := range []bool{false, true} {
				s, err := NewSealer(keys, tt.body, n, nil, tt.record)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if writeTo {
					_, err = s.WriteTo(&out)
				} else {
					_, err = io.Copy(&out, struct{ io.Reader }{s})
				}
				if err != mine {
					t.Errorf("%d/%s: %v", n, name, err)
				}
				if int64(out.Len()) > segmentSize(n) {
					t.Errorf("%d/%s: %d bytes came out", n, name, out.Len())
				}
				s.Close()
				tt.body = afterReader{bytes.NewReader(plain), mine}
				if name == "record" {
					tt.body = bytes.NewReader(plain)
				}
			}
		}
	}
}

func TestSealerRefusesMalformedDigests(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	s, err := NewSealer(keys, bytes.NewReader(nil), 0, nil, func() (Digests, error) { return Digests{ETag: "x"}, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := io.ReadAll(s); err == nil {
		t.Error("no error")
	}
	if _, err := SealBytes(nil, keys, nil, nil, Digests{ETag: "x"}); err == nil {
		t.Error("SealBytes: no error")
	}
}

func TestArgumentsOutOfRange(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	long := make([]byte, MaxEnvelope+1)
	for _, n := range []int64{-1, MaxObjectSize + 1} {
		if _, err := NewSealer(keys, bytes.NewReader(nil), n, nil, nil); err == nil {
			t.Errorf("NewSealer(%d): no error", n)
		}
		if _, _, err := NewPartSealer(keys, bytes.NewReader(nil), 1, n); err == nil {
			t.Errorf("NewPartSealer(%d): no error", n)
		}
	}
	for _, part := range []uint32{0, MaxParts + 1} {
		if _, _, err := NewPartSealer(keys, bytes.NewReader(nil), part, 1); err == nil {
			t.Errorf("part %d: no error", part)
		}
	}
	if _, err := NewSealer(keys, bytes.NewReader(nil), 0, long, nil); err == nil {
		t.Error("NewSealer: an envelope that is too long")
	}
	if _, err := SealBytes(nil, keys, nil, long, Digests{}); err == nil {
		t.Error("SealBytes: an envelope that is too long")
	}
	if _, err := AppendTail(nil, keys, long, &Record{Parts: []Part{{Number: 1, Salt: [32]byte{1}}}}); err == nil {
		t.Error("AppendTail: an envelope that is too long")
	}
	if _, err := AppendTail(nil, keys, nil, &Record{}); err == nil {
		t.Error("AppendTail: no parts")
	}
	if _, err := SealBytes(nil, keys, nil, long[:MaxEnvelope], Digests{}); err != nil {
		t.Error(err)
	}
	if _, _, err := openAll(keys, Layout{}, bytes.NewReader(nil)); err == nil {
		t.Error("the zero Layout was read")
	}
}
