package s3api

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// uploadOf makes the parts of an upload from their contents, and lists them.
func uploadOf(u UploadChecksum, contents ...[]byte) (parts map[int]UploadedPart, listed []CompletedPart) {
	parts = map[int]UploadedPart{}
	for i, data := range contents {
		sum := md5.Sum(data)
		p := UploadedPart{ETag: `"` + hex.EncodeToString(sum[:]) + `"`, Size: int64(len(data)), Checksum: rawSum(u.PartAlgorithm(), data)}
		parts[i+1] = p
		l := CompletedPart{Number: i + 1, ETag: hex.EncodeToString(sum[:])}
		if u.Type == Composite {
			l.Checksum = Checksum{Algorithm: u.Algorithm, Value: p.Checksum}
		}
		listed = append(listed, l)
	}
	return parts, listed
}

func lookup(parts map[int]UploadedPart) func(int) (UploadedPart, bool) {
	return func(n int) (UploadedPart, bool) {
		p, ok := parts[n]
		return p, ok
	}
}

var (
	nullMode   = UploadChecksum{}
	composite1 = UploadChecksum{SHA1, Composite}
	full32C    = UploadChecksum{CRC32C, FullObject}
	anything   = CompleteRequest{Size: -1}
)

func TestCompleteResults(t *testing.T) {
	first, last := bytes.Repeat([]byte("0123456789abcdef"), MinPartSize/16), []byte("end")
	whole := append(bytes.Clone(first), last...)
	for _, u := range []UploadChecksum{nullMode, composite1, full32C, {CRC32, Composite}, {CRC32, FullObject}, {CRC64NVME, FullObject}, {XXHASH3, Composite}} {
		parts, listed := uploadOf(u, first, last)
		got, err := u.Complete("id", listed, lookup(parts), anything)
		if err != nil {
			t.Errorf("%v: %v", u, err)
			continue
		}
		want := Checksum{Algorithm: u.PartAlgorithm(), Type: FullObject, Value: rawSum(u.PartAlgorithm(), whole)}
		if u.Type == Composite {
			both := append(rawSum(u.Algorithm, first), rawSum(u.Algorithm, last)...)
			want = Checksum{Algorithm: u.Algorithm, Type: Composite, Value: rawSum(u.Algorithm, both), Parts: 2}
		}
		one, two := md5.Sum(first), md5.Sum(last)
		sum := md5.Sum(append(one[:], two[:]...))
		diff := cmp.Diff(CompletedObject{Size: MinPartSize + 3, Checksum: want, ETag: hex.EncodeToString(sum[:]) + "-2"}, got)
		if diff != "" {
			t.Errorf("%v (-want +got):\n%s", u, diff)
		}
		// What comes out is what may be asked for.
		for _, c := range []Checksum{want, {Algorithm: want.Algorithm, Value: want.Value}} {
			r := CompleteRequest{Type: u.Type, Checksum: c, Size: MinPartSize + 3}
			if _, err := u.Complete("id", listed, lookup(parts), r); err != nil {
				t.Errorf("%v asked for: %v", u, err)
			}
		}
	}
}

// TestCompleteNullMode: an upload whose parts have no checksum has none, and
// opaque ETags of parts make none.
func TestCompleteNullMode(t *testing.T) {
	parts := map[int]UploadedPart{1: {ETag: "opaque", Size: 1}}
	got, err := nullMode.Complete("id", []CompletedPart{{Number: 1, ETag: "opaque"}}, lookup(parts), anything)
	if diff := cmp.Diff(CompletedObject{Size: 1}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := full32C.Complete("id", []CompletedPart{{Number: 1, ETag: "opaque"}}, lookup(parts), anything); !errors.Is(err, ErrInternalError) {
		t.Errorf("a part without the checksum of its upload: %v", err)
	}
}

func TestCompleteRefuses(t *testing.T) {
	small := []byte("small")
	wrong := func(a Algorithm) Checksum { return Checksum{Algorithm: a, Value: rawSum(a, []byte("other"))} }
	right := func(a Algorithm) Checksum { return Checksum{Algorithm: a, Value: rawSum(a, small)} }
	withParts := func(c Checksum, n int) Checksum { c.Parts = n; return c }
	composite := Checksum{Algorithm: SHA1, Value: rawSum(SHA1, rawSum(SHA1, small))}
	for _, tt := range []struct {
		name   string
		upload UploadChecksum
		change func(l *CompletedPart)
		r      CompleteRequest
		want   string
	}{
		{"unknown part", nullMode, func(l *CompletedPart) { l.Number = 2 }, anything, ErrInvalidPart.Error()},
		{"other ETag", nullMode, func(l *CompletedPart) { l.ETag = "a" }, anything, ErrInvalidPart.Error()},
		{"null mode, part checksum", nullMode, func(l *CompletedPart) { l.Checksum = right(CRC64NVME) }, anything, ErrInvalidPart.Error()},
		{"null mode, type", nullMode, nil, CompleteRequest{Type: FullObject, Size: -1}, "InvalidRequest: The upload was created using the null checksum mode. The complete request must use the same checksum mode."},
		{"null mode, other checksum", nullMode, nil, CompleteRequest{Checksum: right(SHA1), Size: -1}, "InvalidRequest: The upload was created using the null checksum mode. The complete request must use the same checksum mode."},
		{"null mode, wrong checksum", nullMode, nil, CompleteRequest{Checksum: wrong(CRC64NVME), Size: -1}, "BadDigest: The crc64nvme you specified did not match the calculated checksum."},
		{"composite, other type", composite1, nil, CompleteRequest{Type: FullObject, Size: -1}, "InvalidRequest: The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode."},
		{"full, other type", full32C, nil, CompleteRequest{Type: Composite, Size: -1}, "InvalidRequest: The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum mode."},
		{"composite, no part checksum", composite1, func(l *CompletedPart) { l.Checksum = Checksum{} }, anything, "InvalidRequest: The upload was created using a sha1 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request."},
		{"composite, wrong part checksum", composite1, func(l *CompletedPart) { l.Checksum = wrong(SHA1) }, anything, ErrInvalidPart.Error()},
		{"composite, other algorithm", composite1, func(l *CompletedPart) { l.Checksum = right(SHA256) }, anything, "BadDigest: The sha256 you specified for part 1 did not match what we received."},
		{"full, wrong part checksum", full32C, func(l *CompletedPart) { l.Checksum = wrong(CRC32C) }, anything, ErrInvalidPart.Error()},
		{"full, other algorithm", full32C, func(l *CompletedPart) { l.Checksum = right(CRC32) }, anything, "BadDigest: The crc32 you specified for part 1 did not match what we received."},
		{"full, wrong checksum", full32C, nil, CompleteRequest{Checksum: wrong(CRC32C), Size: -1}, "BadDigest: The crc32c you specified did not match the calculated checksum."},
		{"full, number of parts", full32C, nil, CompleteRequest{Checksum: withParts(right(CRC32C), 1), Size: -1}, "BadDigest: The crc32c you specified did not match the calculated checksum."},
		{"full, other object algorithm", full32C, nil, CompleteRequest{Checksum: right(SHA256), Size: -1}, "InvalidRequest: Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: sha256"},
		{"composite, checksum of the content", composite1, nil, CompleteRequest{Checksum: right(SHA1), Size: -1}, "BadDigest: The sha1 you specified did not match the calculated checksum."},
		{"composite, other number of parts", composite1, nil, CompleteRequest{Checksum: withParts(composite, 2), Size: -1}, "BadDigest: The sha1 you specified did not match the calculated checksum."},
		{"size", nullMode, nil, CompleteRequest{Size: 4}, "InvalidRequest: The provided 'x-amz-mp-object-size' header value 4 does not match what was computed: 5"},
	} {
		parts, listed := uploadOf(tt.upload, small)
		if tt.change != nil {
			tt.change(&listed[0])
		}
		got, err := tt.upload.Complete("id", listed, lookup(parts), tt.r)
		if message(err) != tt.want {
			t.Errorf("%s: %v, %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
	parts, listed := uploadOf(composite1, small)
	if _, err := composite1.Complete("id", listed, lookup(parts), CompleteRequest{Checksum: withParts(composite, 1), Size: -1}); err != nil {
		t.Errorf("composite with its number of parts: %v", err)
	}
}

func TestCompleteErrorElements(t *testing.T) {
	parts, listed := uploadOf(nullMode, []byte("abc"), []byte("def"))
	_, err := nullMode.Complete("the id", listed, lookup(parts), anything)
	want := []Field{{"ProposedSize", "3"}, {"MinSizeAllowed", "5242880"}, {"PartNumber", "1"}, {"ETag", listed[0].ETag}}
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "EntityTooSmall" || !cmp.Equal(e.Fields, want) {
		t.Errorf("%+v", err)
	}
	delete(parts, 1)
	_, err = nullMode.Complete("the id", listed, lookup(parts), anything)
	want = []Field{{"UploadId", "the id"}, {"PartNumber", "1"}, {"ETag", listed[0].ETag}}
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "InvalidPart" || !cmp.Equal(e.Fields, want) {
		t.Errorf("%+v", err)
	}
}

// TestCompleteNumbers: gaps between the numbers of parts are fine, but not
// where the parts are listed with their checksums.
func TestCompleteNumbers(t *testing.T) {
	for _, tt := range []struct {
		upload UploadChecksum
		with   bool // list checksums
		ok     bool
	}{{nullMode, false, true}, {full32C, false, true}, {full32C, true, false}, {composite1, true, false}} {
		parts, listed := uploadOf(tt.upload, []byte("x"))
		parts[7] = parts[1]
		listed[0].Number = 7
		if tt.with {
			listed[0].Checksum = Checksum{Algorithm: tt.upload.Algorithm, Value: parts[1].Checksum}
		}
		_, err := tt.upload.Complete("id", listed, lookup(parts), anything)
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, ErrInvalidPartOrder) {
			t.Errorf("%v, %v: %v", tt.upload, tt.with, err)
		}
	}
}

// TestCompleteSizes goes around the smallest size of a part.
func TestCompleteSizes(t *testing.T) {
	for _, size := range []int64{0, 1, MinPartSize - 1, MinPartSize, MinPartSize + 1, MaxPartSize} {
		for count := 1; count <= 3; count++ {
			for at := range count {
				parts, listed := map[int]UploadedPart{}, []CompletedPart(nil)
				for i := range count {
					parts[i+1] = UploadedPart{ETag: "e", Size: MinPartSize}
					listed = append(listed, CompletedPart{Number: i + 1, ETag: "e"})
				}
				parts[at+1] = UploadedPart{ETag: "e", Size: size}
				_, err := nullMode.Complete("id", listed, lookup(parts), anything)
				if tooSmall := size < MinPartSize && at < count-1; errors.Is(err, ErrEntityTooSmall) != tooSmall || (err != nil) != tooSmall {
					t.Errorf("%d bytes as part %d of %d: %v", size, at+1, count, err)
				}
			}
		}
	}
}

func TestParseCompleteRequest(t *testing.T) {
	crc := rawSum(CRC32, []byte("123456789"))
	for _, tt := range []struct {
		pairs []string
		want  CompleteRequest
		err   string
	}{
		{nil, CompleteRequest{Size: -1}, ""},
		{[]string{"x-amz-checksum-type", "COMPOSITE", "x-amz-mp-object-size", "0"}, CompleteRequest{Type: Composite}, ""},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg=="}, CompleteRequest{Checksum: Checksum{Algorithm: CRC32, Value: crc}, Size: -1}, ""},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg==-3"}, CompleteRequest{Checksum: Checksum{Algorithm: CRC32, Value: crc, Parts: 3}, Size: -1}, ""},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg==-"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg==-0"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg==-10001"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."},
		{[]string{"x-amz-checksum-crc64nvme", "rosUhgp5mIg=-1"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-checksum-crc64nvme header is invalid."},
		{[]string{"x-amz-checksum-crc32", "y/Q5Jg==", "x-amz-checksum-crc32c", "4waSgw=="}, CompleteRequest{}, errSeveralChecksums.Error()},
		{[]string{"x-amz-checksum-crc16", "AAA="}, CompleteRequest{}, errUnknownChecksum.Error()},
		{[]string{"x-amz-checksum-type", "HALF"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-checksum-type header is invalid."},
		{[]string{"x-amz-mp-object-size", "x"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-mp-object-size header is invalid: 'x'"},
		{[]string{"x-amz-mp-object-size", "+1"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-mp-object-size header is invalid: '+1'"},
		{[]string{"x-amz-mp-object-size", "-1"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-mp-object-size header is less than zero: '-1'"},
		{[]string{"x-amz-mp-object-size", "1", "x-amz-mp-object-size", "1"}, CompleteRequest{}, "InvalidRequest: Value for x-amz-mp-object-size header is invalid: '1'"},
	} {
		got, err := ParseCompleteRequest(header(tt.pairs...))
		if diff := cmp.Diff(tt.want, got); diff != "" || message(err) != tt.err {
			t.Errorf("%v: %v (-want +got):\n%s", tt.pairs, err, diff)
		}
	}
}

func TestCompositeETag(t *testing.T) {
	for _, tt := range []struct {
		etags []string
		want  string
	}{
		// MD5 of the sixteen raw bytes of the MD5 of nothing.
		{[]string{"d41d8cd98f00b204e9800998ecf8427e"}, "59adb24ef3cdbe0297f05b395827453f-1"},
		{[]string{`"d41d8cd98f00b204e9800998ecf8427e"`}, "59adb24ef3cdbe0297f05b395827453f-1"},
		{[]string{"D41D8CD98F00B204E9800998ECF8427E"}, "59adb24ef3cdbe0297f05b395827453f-1"},
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"d41d8cd98f00b204e9800998ecf8427e-1"}, ""},
		{[]string{"d41d8cd98f00b204e9800998ecf8427e", "x"}, ""},
		{[]string{"g41d8cd98f00b204e9800998ecf8427e"}, ""},
	} {
		if got, ok := CompositeETag(tt.etags); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %s, %v", tt.etags, got, ok)
		}
	}
}

// TestCompleteProperty completes uploads of random parts and compares with the
// hash of all their bytes.
func TestCompleteProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(linear).Draw(t, "algorithm")
		u := UploadChecksum{a, FullObject}
		content := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "part")
		parts, listed := uploadOf(u, content)
		got, err := u.Complete("id", listed, lookup(parts), CompleteRequest{Size: int64(len(content))})
		if err != nil || !bytes.Equal(got.Checksum.Value, rawSum(a, content)) {
			t.Fatalf("%v: %v", err, got)
		}
		if want := base64.StdEncoding.EncodeToString(rawSum(a, content)); fmt.Sprint(got.Checksum) != want {
			t.Fatalf("%v, want %s", got.Checksum, want)
		}
	})
}
