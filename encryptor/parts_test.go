package encryptor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

func TestPartRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawParts(t, MaxObjectSize)
		parts := l.record.Parts
		for i := range parts { // the numbers may have gaps
			parts[i].Number = uint32(min(2*i+1, MaxParts-len(parts)+i+1))
		}
		var at int64
		for _, p := range parts {
			off, n, ok := l.PartRange(p.Number)
			if !ok || off != at || n != p.Length {
				t.Fatalf("part %d: [%d, +%d), %v, want [%d, +%d)", p.Number, off, n, ok, at, p.Length)
			}
			at += n
		}
		if at != l.PlaintextSize() || l.Parts() != len(parts) {
			t.Errorf("%d bytes in %d parts", at, l.Parts())
		}
	})
	l, err := MultipartLayout(StoredSize(MinPartSize), &Record{Length: MinPartSize, Parts: []Part{
		{Number: 2, Length: MinPartSize, Salt: [32]byte{1}}, {Number: 4, Salt: [32]byte{2}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []uint32{0, 1, 3, 5, MaxParts, 1<<32 - 1} {
		if off, n, ok := l.PartRange(number); ok || off != 0 || n != 0 {
			t.Errorf("part %d: [%d, +%d)", number, off, n)
		}
	}
	if off, n, ok := l.PartRange(4); !ok || off != MinPartSize || n != 0 {
		t.Errorf("an empty part: [%d, +%d), %v", off, n, ok)
	}
	for _, l := range []Layout{{}, mustSingle(t, 100)} {
		if _, _, ok := l.PartRange(1); ok || l.Parts() != 0 {
			t.Error("an object without parts has parts")
		}
	}
}

// A multipart object may be empty: one part without a byte.
func TestEmptyMultipartObject(t *testing.T) {
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		m := sealMultipart(t, keys, 0)
		if int64(len(m.stored)) != StoredSize(0) {
			t.Errorf("%d bytes", len(m.stored))
		}
		l := mustLayout(t, keys, m.stored, true)
		got, rec, err := openAll(keys, l, bytes.NewReader(m.stored))
		if err != nil || len(got) != 0 || rec == nil || len(rec.Parts) != 1 {
			t.Errorf("%d bytes, record %v, %v", len(got), rec, err)
		}
		if got, err := openRangeFrom(keys, l, bytes.NewReader(m.stored), 0, 0, 0); err != nil || len(got) != 0 {
			t.Errorf("a range: %d bytes, %v", len(got), err)
		}
		for i := range m.stored { // its chunk is authenticated
			bad := bytes.Clone(m.stored)
			bad[i] ^= 1
			if _, _, err := openAll(keys, l, bytes.NewReader(bad)); failClass(err) == "" {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		if _, _, err := openAll(keys, mustSingle(t, 0), bytes.NewReader(m.stored)); failClass(err) == "" {
			t.Errorf("it passes for an object of PutObject: %v", err)
		}
	}
}

func TestPartETag(t *testing.T) {
	salt := [32]byte(testBytes(32))
	sum := sha256.Sum256(append([]byte("caddy-s3-sse v1 part etag"), salt[:]...))
	want := hex.EncodeToString(sum[:16]) + "-1"
	if got := PartETag(salt); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for i := range salt {
		salt[i] ^= 1
		if PartETag(salt) == want {
			t.Errorf("byte %d of the salt does not matter", i)
		}
		salt[i] ^= 1
	}
	if err := (&Digests{ETag: want}).check(); err != nil {
		t.Errorf("it cannot be stored: %v", err)
	}
}

// The footer may be asked for before the number of parts is known.
func TestFooterWithinItsBound(t *testing.T) {
	for _, lengths := range [][]int64{{0}, {100}, {MinPartSize, 0}, {MinPartSize, MinPartSize, 1}} {
		keys := testKeys(SuiteAES256GCM)
		m := sealMultipart(t, keys, lengths...)
		stored := int64(len(m.stored))
		rec, err := OpenFooter(keys, stored, m.stored[stored-FooterBound(stored):])
		if err != nil || len(rec.Parts) != len(lengths) {
			t.Errorf("%v: %v", lengths, err)
		}
	}
}
