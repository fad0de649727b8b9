package encryptor

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var plainSizes = []int64{
	0, 1, 4096, 14000, 15332, 15333, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2*ChunkSize - 1, 2 * ChunkSize,
	4*ChunkSize - 1, 4 * ChunkSize, 4*ChunkSize + 1, 5 * ChunkSize, MinPartSize - 1, MinPartSize, MinPartSize + 1,
}

// slow are readers that give the bytes in awkward pieces.
var slow = map[string]func(io.Reader) io.Reader{
	"plain":   func(r io.Reader) io.Reader { return r },
	"half":    iotest.HalfReader,
	"dataErr": iotest.DataErrReader,
	"oneByte": iotest.OneByteReader,
}

func TestSealAndOpen(t *testing.T) {
	digests := Digests{ETag: "0123456789abcdef0123456789abcdef", Checksum: Checksum{Algorithm: 3, Value: []byte("12345678")}}
	envelope := []byte("the envelope")
	for _, suite := range bothSuites {
		for _, n := range plainSizes {
			for name, slowly := range slow {
				if name == "oneByte" && n > 100_000 {
					continue
				}
				t.Run(fmt.Sprintf("%v/%d/%s", suite, n, name), func(t *testing.T) {
					keys, plain := testKeys(suite), testBytes(n)
					s, err := NewSealer(keys, slowly(bytes.NewReader(plain)), n, envelope, func() (Digests, error) { return digests, nil })
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					stored, err := io.ReadAll(slowly(s))
					if err != nil {
						t.Fatal(err)
					}
					if int64(len(stored)) != StoredSize(n) || !IsEncrypted(stored) {
						t.Fatalf("%d stored bytes, want %d", len(stored), StoredSize(n))
					}
					l, err := SingleLayout(int64(len(stored)))
					if err != nil || l.PlaintextSize() != n {
						t.Fatalf("plaintext of %d: %v", l.PlaintextSize(), err)
					}
					o := NewOpener(keys, l, slowly(bytes.NewReader(stored)))
					defer o.Close()
					got, err := io.ReadAll(slowly(o))
					if err != nil || !bytes.Equal(got, plain) {
						t.Fatalf("%d bytes, want %d: %v", len(got), n, err)
					}
					want := &Record{Length: n, Digests: digests}
					if diff := cmp.Diff(want, o.Record()); diff != "" {
						t.Error(diff)
					}
					rec, err := OpenFooter(keys, int64(len(stored)), stored[int64(len(stored))-FooterSuffix():])
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, rec); diff != "" {
						t.Error(diff)
					}
					if e, err := FooterEnvelope(stored); err != nil || !bytes.Equal(e, envelope) {
						t.Errorf("envelope %q, %v", e, err)
					}
				})
			}
		}
	}
}

// What SealBytes writes, and what WriteTo writes, opens like what Read gives.
func TestEveryWayOfWriting(t *testing.T) {
	for _, suite := range bothSuites {
		for _, n := range plainSizes {
			keys, plain := testKeys(suite), testBytes(n)
			want := &Record{Length: n}
			ways := map[string]func() ([]byte, error){
				"SealBytes": func() ([]byte, error) { return SealBytes(nil, keys, plain, nil, Digests{}) },
				"SealBytes appends": func() ([]byte, error) {
					b, err := SealBytes([]byte("before"), keys, plain, nil, Digests{})
					return bytes.TrimPrefix(b, []byte("before")), err
				},
				"SealBytes into dirty room": func() ([]byte, error) {
					dirty := bytes.Repeat([]byte{0xff}, int(StoredSize(n))+outerSlack)
					return SealBytes(dirty[:0], keys, plain, nil, Digests{})
				},
				"SealBytes into just enough room": func() ([]byte, error) {
					room := make([]byte, StoredSize(n))
					_, err := SealBytes(room[:0:len(room)], keys, plain, nil, Digests{})
					return room, err
				},
				"WriteTo": func() ([]byte, error) {
					s, err := NewSealer(keys, bytes.NewReader(plain), n, nil, nil)
					if err != nil {
						return nil, err
					}
					defer s.Close()
					var b bytes.Buffer
					m, err := s.WriteTo(&b)
					if m != int64(b.Len()) {
						err = fmt.Errorf("WriteTo returned %d for %d bytes", m, b.Len())
					}
					return b.Bytes(), err
				},
				"Read, then WriteTo": func() ([]byte, error) {
					s, err := NewSealer(keys, bytes.NewReader(plain), n, nil, nil)
					if err != nil {
						return nil, err
					}
					defer s.Close()
					head := make([]byte, 1000)
					if _, err := io.ReadFull(s, head); err != nil {
						return nil, err
					}
					b := bytes.NewBuffer(head)
					_, err = s.WriteTo(b)
					return b.Bytes(), err
				},
			}
			for name, write := range ways {
				stored, err := write()
				if err != nil {
					t.Fatalf("%v/%d/%s: %v", suite, n, name, err)
				}
				got, rec, err := openAll(keys, mustLayout(t, keys, stored, false), bytes.NewReader(stored))
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%v/%d/%s: %d bytes, %v", suite, n, name, len(got), err)
				}
				if diff := cmp.Diff(want, rec, cmpopts.IgnoreFields(Record{}, "Check")); diff != "" {
					t.Errorf("%v/%d/%s: %s", suite, n, name, diff)
				}
			}
		}
	}
}

func TestMultipart(t *testing.T) {
	for _, suite := range bothSuites {
		for _, lengths := range [][]int64{
			{0},
			{1},
			{ChunkSize + 1},
			{MinPartSize},
			{MinPartSize, 0},
			{MinPartSize, 1},
			{MinPartSize + 1, MinPartSize, ChunkSize},
			{MinPartSize + ChunkSize - 1, MinPartSize + 1, MinPartSize, 100},
		} {
			t.Run(fmt.Sprint(suite, lengths), func(t *testing.T) {
				keys := testKeys(suite)
				m := sealMultipart(t, keys, lengths...)
				if int64(len(m.stored)) != StoredSize(m.record.Length) {
					t.Fatalf("%d stored bytes, want %d", len(m.stored), StoredSize(m.record.Length))
				}
				l := mustLayout(t, keys, m.stored, true)
				for name, slowly := range slow {
					if name == "oneByte" {
						continue
					}
					got, rec, err := openAll(keys, l, slowly(bytes.NewReader(m.stored)))
					if err != nil || !bytes.Equal(got, m.plain) {
						t.Errorf("%s: %d bytes, %v", name, len(got), err)
					}
					if diff := cmp.Diff(m.record, rec, cmp.Transformer("empty", func(b []byte) string { return string(b) })); diff != "" {
						t.Error(diff)
					}
				}
			})
		}
	}
}

// Sealing twice never gives the same bytes.
func TestNothingRepeats(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	plain := make([]byte, 3*ChunkSize)
	a, pa := sealPart(t, keys, 1, plain)
	b, pb := sealPart(t, keys, 1, plain)
	if pa.Salt == pb.Salt {
		t.Error("two attempts have the same salt")
	}
	nonces := map[string]bool{}
	for _, part := range [][]byte{a, b} {
		for i := range 3 {
			nonces[string(part[headerSize+i*sealedChunk:][:nonceSize])] = true
		}
	}
	if len(nonces) != 6 {
		t.Errorf("%d nonces for 6 chunks", len(nonces))
	}
}

// Package iotest's own checks of a reader.
func TestReadersBehave(t *testing.T) {
	const n = 2*ChunkSize + 7
	keys, plain := testKeys(SuiteAES256GCM), testBytes(n)
	stored := sealSingle(t, keys, plain)
	l := mustLayout(t, keys, stored, false)
	if err := iotest.TestReader(NewOpener(keys, l, bytes.NewReader(stored)), plain); err != nil {
		t.Error(err)
	}
	ro, err := NewRangeOpener(keys, l, bytes.NewReader(stored), 0, 10, n-20)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(ro, plain[10:n-10]); err != nil {
		t.Error(err)
	}
	// The Sealer's output is random: it is compared with itself.
	s, err := NewSealer(keys, bytes.NewReader(plain), n, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kept bytes.Buffer
	tee := io.TeeReader(s, &kept)
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{tee}, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	if got, _, err := openAll(keys, l, &kept); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read after the end: %d, %v", n, err)
	}
}
