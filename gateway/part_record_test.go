package gateway

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

func testUploadState() *uploadState {
	return &uploadState{uploadID: uploadID{"bucket", "key", "id"}, names: testKeys("names")}
}

// TestPartRecord puts records into names and reads them again.
func TestPartRecord(t *testing.T) {
	up := testUploadState()
	aead, err := up.nameCipher()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]partRecord{
		"small":   {number: 1, salt: [32]byte{1}, stashed: true},
		"common":  {number: 77, length: 8 << 20, salt: [32]byte{2}, check: [4]byte{1, 2, 3, 4}, storeETag: strings.Repeat("ab", 16), md5: make([]byte, 16), checksum: make([]byte, 4)},
		"largest": {number: 10000, length: s3api.MaxPartSize, salt: [32]byte{3}, storeETag: strings.Repeat("x", 255), md5: make([]byte, 16), checksum: make([]byte, 64)},
	} {
		p.at = time.Unix(0, math.MaxInt64).UTC()
		full, err := up.partName(&p)
		if err != nil {
			t.Fatal(err)
		}
		if len(full) > 1024 {
			t.Errorf("%s: a name of %d bytes", name, len(full))
		}
		for segment := range strings.SplitSeq(full, "/") {
			if len(segment) > maxSegment || segment == "" {
				t.Errorf("%s: a segment of %d bytes", name, len(segment))
			}
		}
		rest, ok := strings.CutPrefix(full, up.dir()+"parts/")
		if !ok {
			t.Fatalf("%s: named %s", name, full)
		}
		got, err := partOf(aead, rest)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got.at = got.at.UTC()
		for _, b := range []*[]byte{&got.md5, &got.checksum} {
			if len(*b) == 0 {
				*b = nil
			}
		}
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(partRecord{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if again, _ := up.partName(&p); again == full {
			t.Errorf("%s: the same name twice", name)
		}
		// Nothing else opens.
		for i := range rest {
			bad := []byte(rest)
			if bad[i] ^= 1; bad[i] == '/' || rest[i] == '/' {
				continue
			}
			if _, err := partOf(aead, string(bad)); err == nil {
				t.Errorf("%s: opens with another byte %d", name, i)
			}
		}
	}
	if _, err := up.partName(&partRecord{number: 1, storeETag: strings.Repeat("x", 256)}); err == nil {
		t.Error("an ETag that is too long was cut")
	}
}

// TestPartRecordOfAnother checks that the records of one upload are nothing to
// another.
func TestPartRecordOfAnother(t *testing.T) {
	up, other := testUploadState(), testUploadState()
	other.names = encryptor.NewKey()
	full, err := up.partName(&partRecord{number: 1, stashed: true})
	if err != nil {
		t.Fatal(err)
	}
	aead, err := other.nameCipher()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := partOf(aead, strings.TrimPrefix(full, up.dir()+"parts/")); !errors.Is(err, encryptor.ErrNotAuthentic) {
		t.Errorf("got %v", err)
	}
}

func FuzzPartRecord(f *testing.F) {
	for _, p := range []partRecord{
		{number: 1, stashed: true},
		{number: 10000, length: 5 << 30, storeETag: "etag", md5: make([]byte, 16), checksum: make([]byte, 64), at: time.Unix(1, 2)},
	} {
		b, err := p.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePartRecord(b)
		if err != nil {
			return
		}
		again, err := p.encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x decodes and encodes as %x, %v", b, again, err)
		}
	})
}

// TestUploadRecord checks that what is written of an upload is what is read of
// it, and nothing of another upload.
func TestUploadRecord(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	for _, mode := range testModes {
		u := m.create("record", mode, "X-Amz-Checksum-Algorithm", "SHA1")
		id := uploadID{"bucket", "record", u.id}
		c := &call{g: m.gateways[0], via: m.store, out: new(Outcome)}
		rec, err := c.getRecord(t.Context(), id.dir()+uploadRecordName)
		if err != nil {
			t.Fatal(err)
		}
		up, err := decodeUpload(id, rec.data)
		if err != nil {
			t.Fatal(err)
		}
		if up.checksum != (s3api.UploadChecksum{Algorithm: s3api.SHA1, Type: s3api.Composite}) || up.names.IsZero() ||
			(up.tail != nil) != (mode.name == "SSE-KMS" || mode.name == "SSE-C") || !up.env.Multipart {
			t.Errorf("%s: %+v", mode.name, up)
		}
		for _, other := range []uploadID{{"bucket", "record", "x"}, {"bucket", "x", u.id}, {"x", "record", u.id}} {
			if _, err := decodeUpload(other, rec.data); !errors.Is(err, encryptor.ErrNotAuthentic) {
				t.Errorf("taken for %v: %v", other, err)
			}
			if other.dir() == id.dir() {
				t.Errorf("%v has the same directory", other)
			}
		}
	}
}
