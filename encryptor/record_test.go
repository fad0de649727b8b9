package encryptor

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const someMD5 = "0123456789abcdef0123456789abcdef"

func partRecord(lengths ...int64) *Record {
	r := &Record{}
	for i, n := range lengths {
		r.Length += n
		r.Parts = append(r.Parts, Part{Number: uint32(i + 1), Length: n, Salt: [32]byte{byte(i + 1)}})
	}
	return r
}

func TestRecordsThatAreKept(t *testing.T) {
	withSums := partRecord(MinPartSize, 10)
	withSums.Digests = Digests{ETag: someMD5 + "-2", Checksum: Checksum{Algorithm: 5, Composite: true, Value: make([]byte, 32)}}
	withSums.Parts[0].Checksum = bytes.Repeat([]byte{7}, 32)
	withSums.Parts[1].Check = [4]byte{1, 2, 3, 4}
	gaps := partRecord(MinPartSize, MinPartSize, 0)
	gaps.Parts[1].Number, gaps.Parts[2].Number = 500, MaxParts
	for name, r := range map[string]*Record{
		"empty":          {},
		"largest":        {Length: MaxObjectSize},
		"check":          {Length: 1, Check: [4]byte{1, 2, 3, 4}},
		"MD5":            {Length: 1, Digests: Digests{ETag: someMD5}},
		"multipart ETag": {Length: 1, Digests: Digests{ETag: someMD5 + "-10000"}},
		"checksum":       {Length: 24, Digests: Digests{Checksum: Checksum{Algorithm: 1, Value: []byte{0, 0, 0, 0}}}},
		"one part":       partRecord(0),
		"parts":          withSums,
		"gaps":           gaps,
	} {
		b, err := r.encode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := decodeRecord(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRecordsThatAreRefused(t *testing.T) {
	change := func(f func(*Record)) *Record {
		r := partRecord(MinPartSize, MinPartSize, 10)
		r.Digests.Checksum = Checksum{Algorithm: 1, Value: make([]byte, 4)}
		f(r)
		return r
	}
	etag := func(s string) *Record { return &Record{Digests: Digests{ETag: s}} }
	sum := func(c Checksum) *Record { return &Record{Digests: Digests{Checksum: c}} }
	for name, r := range map[string]*Record{
		"negative length":           {Length: -1},
		"too long":                  {Length: MaxObjectSize + 1},
		"no parts, but a list":      {Parts: []Part{}},
		"sum of parts":              change(func(r *Record) { r.Length++ }),
		"part 0":                    change(func(r *Record) { r.Parts[0].Number = 0 }),
		"part 10001":                change(func(r *Record) { r.Parts[2].Number = MaxParts + 1 }),
		"part twice":                change(func(r *Record) { r.Parts[1].Number = 1 }),
		"parts in disorder":         change(func(r *Record) { r.Parts[1].Number = 9 }),
		"small part":                change(func(r *Record) { r.Parts[1].Length--; r.Length-- }),
		"negative part":             change(func(r *Record) { r.Parts[2].Length = -1; r.Length -= 11 }),
		"huge part":                 change(func(r *Record) { r.Parts[2].Length = MaxObjectSize + 1; r.Length += MaxObjectSize - 9 }),
		"no salt":                   change(func(r *Record) { r.Parts[0].Salt = [32]byte{} }),
		"checksum of a part":        change(func(r *Record) { r.Parts[0].Checksum = make([]byte, 5) }),
		"part checksum of nothing":  change(func(r *Record) { r.Parts[0].Checksum = make([]byte, 4); r.Digests = Digests{} }),
		"too many parts":            partRecord(append(make([]int64, MaxParts), 0)...),
		"ETag short":                etag(someMD5[1:]),
		"ETag long":                 etag(someMD5 + "0"),
		"ETag not hex":              etag("g" + someMD5[1:]),
		"ETag upper case":           etag(strings.ToUpper(someMD5)),
		"ETag quoted":               etag(`"` + someMD5 + `"`),
		"ETag without a count":      etag(someMD5 + "-"),
		"ETag with count 0":         etag(someMD5 + "-0"),
		"ETag with count 01":        etag(someMD5 + "-01"),
		"ETag with count +1":        etag(someMD5 + "-+1"),
		"ETag with count 10001":     etag(someMD5 + "-10001"),
		"ETag with two counts":      etag(someMD5 + "-1-1"),
		"checksum, no algorithm":    sum(Checksum{Value: []byte{1}}),
		"composite of nothing":      sum(Checksum{Composite: true}),
		"checksum without a value":  sum(Checksum{Algorithm: 1}),
		"checksum too long":         sum(Checksum{Algorithm: 1, Value: make([]byte, 5)}),
		"unknown algorithm":         sum(Checksum{Algorithm: 11, Value: make([]byte, 4)}),
		"unknown, without a value":  sum(Checksum{Algorithm: 255}),
		"algorithm beyond the list": sum(Checksum{Algorithm: 12}),
	} {
		if _, err := r.encode(); err == nil {
			t.Errorf("%s: was encoded", name)
		}
	}
}

// hostileRecords are encodings that decode to something, or might, but are not what encode gives.
func hostileRecords(tb testing.TB) map[string][]byte {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	salt := "5820" + strings.Repeat("01", 32)
	deep, err := cbor.Marshal(map[int]any{1: 0, 7: [][][][]int{{{{1}}}}})
	if err != nil {
		tb.Fatal(err)
	}
	check := "08 44 00000000"
	part := func(s string) []byte { return unhex("a2 01 00 07 81" + s) }
	return map[string][]byte{
		"nothing":                   {},
		"no map":                    unhex("01"),
		"null":                      unhex("f6"),
		"an array":                  unhex("8101"),
		"truncated":                 unhex("a2 01" + check),
		"trailing byte":             unhex("a2 01 00" + check + "00"),
		"no length":                 unhex("a1" + check),
		"no check":                  unhex("a1 01 00"),
		"check short":               unhex("a2 01 00 08 43 000000"),
		"check long":                unhex("a2 01 00 08 45 0000000000"),
		"check null":                unhex("a2 01 00 08 f6"),
		"check of parts":            append(unhex("a3 01 00 07 81 85 01 00"+salt+"40 44 00000000"), unhex(check)...),
		"negative length":           unhex("a2 01 20" + check),
		"huge length":               unhex("a2 01 1b ffffffffffffffff" + check),
		"length as float":           unhex("a2 01 f9 3c00" + check),
		"length as text":            unhex("a2 01 61 31" + check),
		"length not shortest":       unhex("a2 01 18 01" + check),
		"length null":               unhex("a2 01 f6" + check),
		"unknown key":               unhex("a3 01 00" + check + "09 00"),
		"text key":                  unhex("a3 01 00" + check + "61 31 00"),
		"key twice":                 unhex("a3 01 00 01 00" + check),
		"keys in disorder":          unhex("a3 02 50 00000000000000000000000000000000 01 00" + check),
		"indefinite map":            unhex("bf 01 00" + check + "ff"),
		"tag":                       unhex("c0 a2 01 00" + check),
		"tagged length":             unhex("a2 01 c2 41 01" + check),
		"MD5 short":                 unhex("a3 01 00 02 41 00" + check),
		"MD5 empty":                 unhex("a3 01 00 02 40" + check),
		"count without an MD5":      unhex("a3 01 00 03 01" + check),
		"count 0":                   unhex("a4 01 00 02 50 00000000000000000000000000000000 03 00" + check),
		"composite false":           unhex("a5 01 00 04 01 05 f4 06 44 00000000" + check),
		"algorithm 0":               unhex("a3 01 00 04 00" + check),
		"algorithm 300":             unhex("a4 01 00 04 19 012c 06 44 00000000" + check),
		"parts empty":               unhex("a2 01 00 07 80"),
		"parts null":                unhex("a2 01 00 07 f6"),
		"part with a salt too long": part("85 01 00 5821" + strings.Repeat("01", 33) + "40 44 00000000"),
		"part without a salt":       part("85 01 00 40 40 44 00000000"),
		"part with four elements":   part("84 01 00" + salt + "40"),
		"part with six elements":    part("86 01 00" + salt + "40 44 00000000 40"),
		"part with a null checksum": part("85 01 00" + salt + "f6 44 00000000"),
		"part with a short check":   part("85 01 00" + salt + "40 43 000000"),
		"part with a null check":    part("85 01 00" + salt + "40 f6"),
		"part as a map":             part("a1 01 01"),
		"10,001 parts":              append(unhex("a2 01 00 07 99 2711"), bytes.Repeat(unhex("85 01 00"+salt+"40 44 00000000"), 10001)...),
		"parts that are not there":  unhex("a2 01 00 07 9b 7fffffffffffffff"),
		"nested":                    deep,
	}
}

func TestHostileRecords(t *testing.T) {
	for name, b := range hostileRecords(t) {
		if r, err := decodeRecord(b); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A record that is authentic and yet wrong is found out.
func TestAuthenticButWrongRecords(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	const n = 100
	plain := testBytes(n)
	stored := sealSingle(t, keys, plain)
	l := mustLayout(t, keys, stored, false)
	splice := func(salt [32]byte, record []byte) []byte {
		r, err := keys.extract(&salt)
		if err != nil {
			t.Fatal(err)
		}
		footer, err := r.footer(keys.Suite, &salt, int64(len(stored)), nil, record)
		if err != nil {
			t.Fatal(err)
		}
		return endWith(stored, n, footer)
	}
	encode := func(r *Record) []byte {
		b, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := [32]byte{1}
	check := [4]byte(stored[segmentSize(n)-checkSize:])
	parts := partRecord(n)
	for name, tt := range map[string]struct {
		body  []byte
		class string
	}{
		"as it was":         {splice(zeroSalt, encode(&Record{Length: n, Check: check})), ""},
		"another check":     {splice(zeroSalt, encode(&Record{Length: n})), failCheck},
		"another length":    {splice(zeroSalt, encode(&Record{Length: n + 1, Check: check})), failLength},
		"a salt":            {splice(one, encode(&Record{Length: n})), failRecord},
		"parts, no salt":    {splice(zeroSalt, encode(parts)), failRecord},
		"parts":             {splice(one, encode(parts)), failRecord},
		"not deterministic": {splice(zeroSalt, hostileRecords(t)["length not shortest"]), failRecord},
		"not a record":      {splice(zeroSalt, []byte{0}), failRecord},
	} {
		got, _, err := openAll(keys, l, bytes.NewReader(tt.body))
		if failClass(err) != tt.class || (err == nil) != (len(got) == n) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestLayoutsThatAreRefused(t *testing.T) {
	good := partRecord(MinPartSize, 10)
	if _, err := MultipartLayout(StoredSize(good.Length), good); err != nil {
		t.Error(err)
	}
	if _, err := MultipartLayout(StoredSize(good.Length)+1, good); failClass(err) != failLength {
		t.Errorf("another size: %v", err)
	}
	if _, err := MultipartLayout(StoredSize(0), &Record{}); failClass(err) != failRecord {
		t.Errorf("no parts: %v", err)
	}
	bad := partRecord(MinPartSize-1, 10)
	if _, err := MultipartLayout(StoredSize(bad.Length), bad); failClass(err) != failRecord {
		t.Errorf("small part: %v", err)
	}
}
