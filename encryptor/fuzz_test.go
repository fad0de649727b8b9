package encryptor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// fuzzKeys are fixed, so that what a fuzzer has found opens next time.
var fuzzKeys = Keys{Suite: SuiteAES256GCM, Data: Key{1, 2, 3}}

func FuzzOpenFooter(f *testing.F) {
	stored := sealSingle(f, fuzzKeys, []byte("plain"))
	m := sealMultipart(f, fuzzKeys, 5)
	size, _ := FooterSize(stored)
	f.Add(int64(len(stored)), stored[int64(len(stored))-size:])
	f.Add(int64(len(m.stored)), m.stored)
	f.Add(int64(0), []byte{})
	f.Fuzz(func(t *testing.T, stored int64, tail []byte) {
		size, sizeErr := FooterSize(tail)
		if sizeErr == nil && (size < int64(minFooter) || size > int64(maxFooter(MaxParts))) {
			t.Errorf("a footer of %d bytes", size)
		}
		envelope, envelopeErr := FooterEnvelope(tail)
		rec, err := OpenFooter(fuzzKeys, stored, tail)
		if err != nil {
			if !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("not an ErrNotAuthentic: %v", err)
			}
			return
		}
		if sizeErr != nil || envelopeErr != nil || len(envelope) > MaxEnvelope {
			t.Errorf("a footer opened that has no size or envelope: %v, %v", sizeErr, envelopeErr)
		}
		if err := rec.check(); err != nil {
			t.Error(err)
		}
		if StoredSize(rec.Length) != stored {
			t.Errorf("a record for %d bytes in an object of %d", rec.Length, stored)
		}
	})
}

// FuzzOpener gives arbitrary bytes to the readers. Nothing comes out that is not a
// prefix of one of the two plaintexts that were ever sealed.
func FuzzOpener(f *testing.F) {
	plain := testBytes(20)
	stored := sealSingle(f, fuzzKeys, plain)
	m := sealMultipart(f, fuzzKeys, 5)
	f.Add(stored, int64(len(stored)), uint16(3), false)
	f.Add(m.stored, int64(len(m.stored)), uint16(1), true)
	f.Add([]byte{}, int64(0), uint16(0), false)
	f.Fuzz(func(t *testing.T, body []byte, size int64, off uint16, multipart bool) {
		l, err := layoutOf(fuzzKeys, size, body, multipart)
		if err != nil {
			return
		}
		if l.PlaintextSize() > 10<<20 {
			return
		}
		known := func(b []byte, off int64) bool {
			for _, p := range [][]byte{plain, m.plain} {
				if len(b) == 0 || off <= int64(len(p)) && bytes.HasPrefix(p[off:], b) {
					return true
				}
			}
			return false
		}
		got, rec, err := openAll(fuzzKeys, l, bytes.NewReader(body))
		if (err == nil) != (rec != nil) || (err != nil && !errors.Is(err, ErrNotAuthentic)) {
			t.Errorf("record %v, error %v", rec, err)
		}
		if err == nil && rec.Length != int64(len(got)) {
			t.Errorf("%d bytes, the record says %d", len(got), rec.Length)
		}
		if !known(got, 0) {
			t.Errorf("%d bytes came out that were never sealed", len(got))
		}
		first := min(int64(off), l.PlaintextSize())
		n := l.PlaintextSize() - first
		got, err = openRangeFrom(fuzzKeys, l, bytes.NewReader(body), 0, first, n)
		if err != nil && !errors.Is(err, ErrNotAuthentic) {
			t.Error(err)
		}
		if !known(got, first) {
			t.Errorf("%d bytes came out of the range that were never sealed", len(got))
		}
	})
}

// FuzzRecord looks for encodings that decode and are not what encode gives.
func FuzzRecord(f *testing.F) {
	for _, b := range hostileRecords(f) {
		if len(b) < 1000 {
			f.Add(b)
		}
	}
	for _, r := range []*Record{{}, {Length: 7, Digests: Digests{ETag: someMD5 + "-3"}}, partRecord(MinPartSize, 3)} {
		b, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%x decodes and is encoded as %x, %v", b, again, err)
		}
	})
}

// FuzzDigests gives OpenDigests bytes of the store, and encodings as if they had been sealed.
func FuzzDigests(f *testing.F) {
	two := Keys{Suite: SuiteDSSE, Data: Key{1, 2, 3}, Outer: Key{4, 5, 6}}
	for _, keys := range []Keys{fuzzKeys, two} {
		b, err := SealDigests(keys, Digests{ETag: someMD5 + "-7", Checksum: Checksum{Algorithm: 1, Composite: true, Value: []byte{1, 2, 3, 4}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, digits := range []string{"a0", "a10250", "a104180b", "a1050f", "a2041a00000001064401020304"} {
		b, err := hex.DecodeString(digits)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, keys := range []Keys{fuzzKeys, two} {
			if _, err := OpenDigests(keys, b); err != nil && !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("not an ErrNotAuthentic: %v", err)
			}
		}
		l, err := digestsCipher(&fuzzKeys)
		if err != nil {
			t.Fatal(err)
		}
		d, err := OpenDigests(fuzzKeys, l.seal(nil, b, nil, 0))
		if err != nil {
			return
		}
		w := d.wire()
		if again, err := cborEncoder.Marshal(&w); err != nil || !bytes.Equal(b, again) {
			t.Errorf("%x opens and is encoded as %x, %v", b, again, err)
		}
	})
}
