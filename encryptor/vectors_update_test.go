package encryptor

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// TestUpdateVectors writes the vectors. They are promises: after a release
// an existing one never changes.
func TestUpdateVectors(t *testing.T) {
	if !*update {
		t.Skip("without -update")
	}
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, b := range vectorBuilders() {
		cryptotest.SetGlobalRandom(t, uint64(i)+1)
		v := b.build(t)
		v.expect, v.comment = b.expect, b.comment
		if v.size == 0 {
			v.size = int64(len(v.stored))
		}
		v.plainLen, v.plainSum = int64(len(v.plain)), sha256.Sum256(v.plain)
		if err := os.WriteFile(filepath.Join(vectorDir, b.name+".txt"), []byte(v.format()), 0o644); err != nil { //nolint:gosec // public data
			t.Fatal(err)
		}
	}
}

type vectorBuilder struct {
	name, expect, comment string
	build                 func(testing.TB) *vector
}

// vectorSingle is an object of PutObject.
func vectorSingle(suite Suite, n int64, envelope []byte, d Digests) func(testing.TB) *vector {
	return vectorWith(true, suite, n, envelope, d)
}

func vectorWith(checked bool, suite Suite, n int64, envelope []byte, d Digests) func(testing.TB) *vector {
	return func(tb testing.TB) *vector {
		v := &vector{keys: testKeys(suite), plain: testBytes(n), envelope: envelope, record: &Record{Digests: d}}
		s, err := NewSealer(v.keys, bytes.NewReader(v.plain), n, envelope, func() (Digests, error) { return d, nil })
		if err != nil {
			tb.Fatal(err)
		}
		if checked {
			s.ComputeCheck()
		}
		v.stored = readSealer(tb, s, false)
		return v
	}
}

// vectorPart is a multipart object of one part, so that it can be small.
func vectorPart(suite Suite, n int64) func(testing.TB) *vector {
	return func(tb testing.TB) *vector {
		v := &vector{keys: testKeys(suite), plain: testBytes(n), multipart: true, envelope: []byte("envelope")}
		stored, part := sealPart(tb, v.keys, 7, v.plain)
		part.Checksum = []byte{1, 2, 3, 4}
		v.record = &Record{Length: n, Parts: []Part{part}, Digests: Digests{
			ETag: someMD5 + "-1", Checksum: Checksum{Algorithm: 1, Composite: true, Value: []byte{5, 6, 7, 8}},
		}}
		var err error
		if v.stored, err = AppendTail(stored, v.keys, v.envelope, v.record); err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func vectorBuilders() []vectorBuilder {
	const n = 100
	small := vectorSingle(SuiteAES256GCM, n, []byte("envelope"), Digests{ETag: someMD5})
	footerAt := int(StoredSize(n)) - checkSize - footerFrame - len("envelope") - 28 // the record is 28 bytes
	changed := func(build func(testing.TB) *vector, change func(testing.TB, *vector)) func(testing.TB) *vector {
		return func(tb testing.TB) *vector {
			v := build(tb)
			change(tb, v)
			return v
		}
	}
	flip := func(at int) func(testing.TB) *vector {
		return changed(small, func(_ testing.TB, v *vector) { v.stored[at] ^= 1 })
	}
	flipPart := func(at int) func(testing.TB) *vector {
		return changed(vectorPart(SuiteAES256GCM, n), func(_ testing.TB, v *vector) { v.stored[at] ^= 1 })
	}
	cut := func(end int, size int64) func(testing.TB) *vector {
		return changed(small, func(_ testing.TB, v *vector) { v.stored, v.size = v.stored[:end], size })
	}
	record := func(salt [32]byte, encoded []byte) func(testing.TB) *vector {
		return changed(small, func(tb testing.TB, v *vector) {
			r, err := v.keys.extract(&salt)
			if err != nil {
				tb.Fatal(err)
			}
			footer, err := r.footer(v.keys.Suite, &salt, StoredSize(n), v.envelope, encoded)
			if err != nil {
				tb.Fatal(err)
			}
			v.stored = endWith(v.stored, n, footer)
		})
	}
	full := Digests{ETag: someMD5 + "-10000", Checksum: Checksum{Algorithm: 6, Composite: true, Value: testBytes(64)}}
	end := int(StoredSize(n))
	return []vectorBuilder{
		{"success-empty", "success", "an empty object has one chunk", vectorSingle(SuiteAES256GCM, 0, nil, Digests{})},
		{"success-1", "success", "one byte", vectorSingle(SuiteAES256GCM, 1, nil, Digests{})},
		{"success-100", "success", "a small object with an MD5", small},
		{"success-65537", "success", "two chunks", vectorSingle(SuiteAES256GCM, ChunkSize+1, nil, Digests{})},
		{"success-unchecked", "success", "zeros in place of the check of the segment", vectorWith(false, SuiteAES256GCM, n, nil, Digests{})},
		{"success-digests", "success", "all that a record can say", vectorSingle(SuiteAES256GCM, n, nil, full)},
		{"success-envelope", "success", "the largest envelope", vectorSingle(SuiteAES256GCM, n, testBytes(MaxEnvelope), full)},
		{"success-two-layers-empty", "success", "an empty object in two layers", vectorSingle(SuiteDSSE, 0, nil, Digests{})},
		{"success-two-layers-65537", "success", "two chunks in two layers", vectorSingle(SuiteDSSE, ChunkSize+1, nil, Digests{})},
		{"success-part", "success", "a multipart object of one part, number 7", vectorPart(SuiteAES256GCM, n)},
		{"success-part-empty", "success", "a multipart object of one empty part", vectorPart(SuiteAES256GCM, 0)},
		{"success-part-two-layers", "success", "a multipart object in two layers", vectorPart(SuiteDSSE, n)},
		{"success-range", "success", "a range across the edge of a chunk", changed(vectorSingle(SuiteAES256GCM, ChunkSize+20, nil, Digests{}),
			func(_ testing.TB, v *vector) {
				v.ranges, v.plain = &[2]int64{ChunkSize - 10, 20}, v.plain[ChunkSize-10:ChunkSize+10]
			})},

		{"header-magic", failHeader, "the magic is another", flip(0)},
		{"header-version", failHeader, "the version is another", flip(4)},
		{"header-suite", failHeader, "the suite is another", flip(5)},
		{"header-flags", failHeader, "a flag is set", flip(7)},
		{"header-part", failHeader, "a part number in an object of PutObject", flip(11)},
		{"header-part-other", failHeader, "the number of another part", flipPart(11)},
		{"header-reserved-1", failHeader, "reserved bytes are not zero", flip(15)},
		{"header-reserved-2", failHeader, "reserved bytes are not zero", flip(31)},
		{"header-salt", failHeader, "a salt in an object of PutObject", flip(32)},
		{"header-salt-part", failHeader, "the salt of another attempt", flipPart(63)},
		{"length-header", failLength, "the header says another length", flip(23)},
		{"length-size", failLength, "a size that no object has", cut(end-1, 1000)},
		{"length-record", failLength, "the record says another length", record(zeroSalt, mustEncode(&Record{Length: n + 1}))},
		{"commitment-flipped", failCommit, "the commitment is another", flip(95)},
		{"commitment-key", failCommit, "another data key", changed(small, func(_ testing.TB, v *vector) { v.keys.Data = NewKey() })},
		{"commitment-outer-key", failCommit, "another key for the outer layer", changed(vectorSingle(SuiteDSSE, n, nil, Digests{}),
			func(_ testing.TB, v *vector) { v.keys.Outer = NewKey() })},
		{"chunk-nonce", failChunk, "the nonce of the chunk is another", flip(headerSize)},
		{"chunk-ciphertext", failChunk, "the ciphertext is another", flip(headerSize + nonceSize)},
		{"chunk-tag", failChunk, "the tag is another", flip(headerSize + nonceSize + n + tagSize - 1)},
		{"chunk-range", failChunk, "the ciphertext is another, for a range", changed(small, func(_ testing.TB, v *vector) {
			v.stored[headerSize+nonceSize] ^= 1
			v.ranges = &[2]int64{50, 10}
		})},
		{"chunk-range-key", failChunk, "another data key, for a range", changed(small, func(_ testing.TB, v *vector) {
			v.keys.Data = NewKey()
			v.ranges = &[2]int64{50, 10}
		})},
		{"check-segment", failCheck, "the check of the segment is another", flip(int(segmentSize(n)) - 1)},
		{"check-part", failCheck, "the check of the part is another", flipPart(int(segmentSize(n)) - checkSize)},
		{"check-end", failCheck, "the check at the end is another", flip(end - 1)},
		{"check-end-part", failCheck, "the check at the end of a multipart object is another", flipPart(end - checkSize)},
		{"check-record", failCheck, "the record says another check", record(zeroSalt, mustEncode(&Record{Length: n}))},
		{"filler-first", failFiller, "the first byte of the filler is not zero", flip(int(segmentSize(n)))},
		{"filler-last", failFiller, "the last byte of the filler is not zero", flip(footerAt - 1)},
		{"footer-envelope-length", failFooter, "the length of the envelope is another", flip(footerAt + 1)},
		{"footer-envelope", failFooter, "the envelope is another", flip(footerAt + 2)},
		{"footer-salt", failFooter, "the salt is another", flip(footerAt + 2 + 8)},
		{"footer-nonce", failFooter, "the nonce of the record is another", flip(footerAt + 2 + 8 + 32)},
		{"footer-record", failFooter, "the sealed record is another", flip(footerAt + 2 + 8 + 32 + 12)},
		{"footer-tag", failFooter, "the tag of the record is another", flip(end - checkSize - 9)},
		{"footer-length", failFooter, "the length of the footer is impossible", changed(small, func(_ testing.TB, v *vector) {
			binary.BigEndian.PutUint32(v.stored[end-12:], 1<<31)
		})},
		{"footer-magic", failFooter, "the last byte of the magic is another", flip(end - checkSize - 1)},
		{"footer-part", failFooter, "the sealed record of a multipart object is another", flipPart(end - 34)},
		{"record-key", failRecord, "an unknown key in the record", record(zeroSalt, []byte{0xa3, 1, 0x18, 100, 8, 0x44, 0, 0, 0, 0, 9, 0})},
		{"record-key-twice", failRecord, "a key twice in the record", record(zeroSalt, []byte{0xa3, 1, 0x18, 100, 1, 0x18, 100, 8, 0x44, 0, 0, 0, 0})},
		{"record-encoding", failRecord, "an integer that is not in its shortest form", record(zeroSalt, []byte{0xa2, 1, 0x19, 0, 100, 8, 0x44, 0, 0, 0, 0})},
		{"record-trailing", failRecord, "a byte after the record", record(zeroSalt, []byte{0xa2, 1, 0x18, 100, 8, 0x44, 0, 0, 0, 0, 0})},
		{"record-salt", failRecord, "a salt for the record of an object of PutObject", record([32]byte{1}, []byte{0xa2, 1, 0x18, 100, 8, 0x44, 0, 0, 0, 0})},
		{"record-parts", failRecord, "parts in an object of PutObject", record([32]byte{1}, mustEncode(partRecord(n)))},
		{"truncated-footer", failTruncated, "the last byte is missing and the store does not say so", cut(end-1, StoredSize(n))},
		{"truncated-chunk", failTruncated, "the object ends within the chunk", cut(headerSize+50, StoredSize(n))},
		{"truncated-header", failTruncated, "the object ends within the header", cut(50, StoredSize(n))},
		{"truncated-all", failTruncated, "nothing is left", cut(0, StoredSize(n))},
		{"extra-byte", failExtra, "a byte after the footer, and the store does not say so", changed(small, func(_ testing.TB, v *vector) {
			v.size = int64(len(v.stored))
			v.stored = append(v.stored, 0)
		})},
	}
}

func mustEncode(r *Record) []byte {
	b, err := r.encode()
	if err != nil {
		panic(err)
	}
	return b
}
