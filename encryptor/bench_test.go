package encryptor

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"testing"
)

const benchSize = 64 << 20

// patternReader is a body that costs nothing to read.
type patternReader struct{ left int64 }

func (r *patternReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := int(min(r.left, int64(len(p))))
	r.left -= int64(n)
	return n, nil
}

// discard is a writer without ReadFrom.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func rawAEAD(b *testing.B) cipher.AEAD {
	key := NewKey()
	block, err := aes.NewCipher(key[:])
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	return aead
}

func BenchmarkRawSeal(b *testing.B) {
	aead := rawAEAD(b)
	in, out := make([]byte, ChunkSize), make([]byte, sealedChunk)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		for range benchSize / ChunkSize {
			aead.Seal(out[:0], nil, in, nil)
		}
	}
}

// BenchmarkRawOpen is the least that a reader of the same object can do: to read each
// chunk from the body and open it.
func BenchmarkRawOpen(b *testing.B) {
	aead := rawAEAD(b)
	sealed, out := make([]byte, sealedChunk), make([]byte, ChunkSize)
	var stored []byte
	for range benchSize / ChunkSize {
		stored = append(stored, aead.Seal(nil, nil, out, nil)...)
	}
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		body := bytes.NewReader(stored)
		for range benchSize / ChunkSize {
			if _, err := io.ReadFull(body, sealed); err != nil {
				b.Fatal(err)
			}
			if _, err := aead.Open(out[:0], nil, sealed, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkSealer(b *testing.B) {
	for _, suite := range []Suite{SuiteAES256GCM, SuiteDSSE} {
		keys := testKeys(suite)
		for _, how := range []string{"WriteTo", "Read"} {
			b.Run(suite.String()+"/"+how, func(b *testing.B) {
				b.SetBytes(benchSize)
				b.ReportAllocs()
				for b.Loop() {
					s, err := NewSealer(keys, &patternReader{benchSize}, benchSize, nil, nil)
					if err != nil {
						b.Fatal(err)
					}
					benchDrain(b, s, how)
				}
			})
		}
	}
}

func benchDrain(b *testing.B, r io.ReadCloser, how string) {
	var err error
	if how == "WriteTo" {
		_, err = io.Copy(discard{}, r)
	} else {
		buf := make([]byte, 32<<10)
		_, err = io.CopyBuffer(discard{}, struct{ io.Reader }{r}, buf)
	}
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpener(b *testing.B) {
	for _, suite := range []Suite{SuiteAES256GCM, SuiteDSSE} {
		keys := testKeys(suite)
		stored, err := SealBytes(nil, keys, make([]byte, benchSize), nil, Digests{})
		if err != nil {
			b.Fatal(err)
		}
		layout, err := SingleLayout(int64(len(stored)))
		if err != nil {
			b.Fatal(err)
		}
		for _, how := range []string{"WriteTo", "Read"} {
			b.Run(suite.String()+"/"+how, func(b *testing.B) {
				b.SetBytes(benchSize)
				b.ReportAllocs()
				for b.Loop() {
					benchDrain(b, NewOpener(keys, layout, bytes.NewReader(stored)), how)
				}
			})
		}
	}
}

func BenchmarkSmall(b *testing.B) {
	const size = 4 << 10
	keys := testKeys(SuiteAES256GCM)
	plain, envelope := make([]byte, size), make([]byte, 200)
	digests := Digests{ETag: "d41d8cd98f00b204e9800998ecf8427e", Checksum: Checksum{Algorithm: 3, Value: make([]byte, 8)}}
	stored, err := SealBytes(nil, keys, plain, envelope, digests)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("SealBytes", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		dst := make([]byte, 0, 2*len(stored))
		for b.Loop() {
			if _, err := SealBytes(dst, keys, plain, envelope, digests); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Sealer", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			s, err := NewSealer(keys, bytes.NewReader(plain), size, envelope, nil)
			if err != nil {
				b.Fatal(err)
			}
			benchDrain(b, s, "WriteTo")
		}
	})
	b.Run("Opener", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			layout, err := SingleLayout(int64(len(stored)))
			if err != nil {
				b.Fatal(err)
			}
			benchDrain(b, NewOpener(keys, layout, bytes.NewReader(stored)), "WriteTo")
		}
	})
	b.Run("Range", func(b *testing.B) {
		b.SetBytes(100)
		b.ReportAllocs()
		for b.Loop() {
			layout, err := SingleLayout(int64(len(stored)))
			if err != nil {
				b.Fatal(err)
			}
			start, n := layout.StoredRange(1000, 100)
			o, err := NewRangeOpener(keys, layout, bytes.NewReader(stored[start:start+n]), start, 1000, 100)
			if err != nil {
				b.Fatal(err)
			}
			benchDrain(b, o, "WriteTo")
		}
	})
	b.Run("SealDigests", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := SealDigests(keys, digests); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Commit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Commit(keys.Data)
		}
	})
}
