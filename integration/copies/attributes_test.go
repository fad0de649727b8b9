package copies_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

type attributes struct {
	ETag         string
	ObjectSize   int64
	StorageClass string
	Checksum     struct{ ChecksumCRC64NVME, ChecksumSHA256, ChecksumType string }
	ObjectParts  struct {
		PartsCount, PartNumberMarker, NextPartNumberMarker, MaxParts int
		IsTruncated                                                  bool
		Parts                                                        []attributesPart `xml:"Part"`
	}
}

type attributesPart struct {
	PartNumber     int
	Size           int64
	ChecksumSHA256 string
}

const allAttributes = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"

func attributesRequest(bucket, key string, pairs ...string) wire.Request {
	h := wire.Header(pairs...)
	if h["X-Amz-Object-Attributes"] == nil {
		h.Set("X-Amz-Object-Attributes", allAttributes)
	}
	return wire.Request{Method: http.MethodGet, Target: wire.Target(bucket, key, "attributes="), Header: h}
}

func (e *endpoint) attributes(t *testing.T, key string, pairs ...string) (a attributes, h http.Header) {
	t.Helper()
	answer := e.Expect(t, http.StatusOK, attributesRequest(e.bucket, key, pairs...))
	if err := xml.Unmarshal(answer.Body, &a); err != nil {
		t.Fatal(err)
	}
	return a, answer.Header
}

// TestAttributesAgreeWithHead compares the two for every mode and size.
func TestAttributesAgreeWithHead(t *testing.T) {
	e := start(t, nil)
	for _, m := range modes() {
		for _, n := range []int{0, 1000, 2 << 20, parted} {
			key := fmt.Sprintf("%s/%d", m.name, n)
			e.create(t, m, key, n)
			head := e.Head(t, e.bucket, key, append(m.read, "X-Amz-Checksum-Mode", "ENABLED")...)
			got, h := e.attributes(t, key, m.read...)
			if want := head.Header.Get("Etag"); `"`+got.ETag+`"` != want || got.ObjectSize != int64(n) || got.StorageClass != "STANDARD" {
				t.Errorf("%s: %+v; HEAD has the ETag %s", key, got, want)
			}
			if want := head.Header.Get("X-Amz-Checksum-Crc64nvme"); got.Checksum.ChecksumCRC64NVME != want || (want != "") != (got.Checksum.ChecksumType == "FULL_OBJECT") {
				t.Errorf("%s: %+v; HEAD has the checksum %q", key, got.Checksum, want)
			}
			parts := 0
			if n == parted && m.suite != "" {
				parts = 2
			}
			if got.ObjectParts.PartsCount != parts || len(got.ObjectParts.Parts) != 0 {
				t.Errorf("%s: %+v", key, got.ObjectParts)
			}
			if want := head.Header.Get("Last-Modified"); h.Get("Last-Modified") != want || h.Get("Etag") != "" || h.Get(sse) != "" {
				t.Errorf("%s: %v", key, h)
			}
		}
	}
	one, _ := e.attributes(t, "SSE-S3/1000", "X-Amz-Object-Attributes", "ObjectSize")
	if diff := cmp.Diff(attributes{ObjectSize: 1000}, one); diff != "" {
		t.Errorf("the size alone (-want +got):\n%s", diff)
	}
}

func TestAttributesOfParts(t *testing.T) {
	e := start(t, nil)
	id := e.begin(t, modeNamed(t, "SSE-S3"), "object", "X-Amz-Checksum-Algorithm", "SHA256")
	bodies := [][]byte{plain(5 << 20), plain(5<<20 + 1), plain(7)}
	var listed string
	var want []attributesPart
	for i, body := range bodies {
		listed += e.composite(t, "object", id, i+1, body)
		want = append(want, attributesPart{i + 1, int64(len(body)), sha256Of(body)})
	}
	e.complete(t, "object", id, listed)
	all, _ := e.attributes(t, "object")
	if diff := cmp.Diff(want, all.ObjectParts.Parts); diff != "" || all.ObjectParts.PartsCount != 3 || all.Checksum.ChecksumType != "COMPOSITE" {
		t.Errorf("%+v\n(-want +got):\n%s", all, diff)
	}
	page, _ := e.attributes(t, "object", "X-Amz-Max-Parts", "1", "X-Amz-Part-Number-Marker", "1")
	p := page.ObjectParts
	if diff := cmp.Diff(want[1:2], p.Parts); diff != "" || p.PartsCount != 3 || !p.IsTruncated || p.NextPartNumberMarker != 2 || p.MaxParts != 1 {
		t.Errorf("%+v\n(-want +got):\n%s", p, diff)
	}
}

func TestAttributesRefuses(t *testing.T) {
	e := start(t, nil)
	a, b := modeNamed(t, "SSE-C a"), modeNamed(t, "SSE-C b")
	for _, m := range modes() {
		e.create(t, m, m.name, 10)
	}
	for _, tt := range []struct {
		name, key string
		ask       []string
		status    int
		code      string
	}{
		{"no key", a.name, nil, http.StatusBadRequest, "InvalidRequest"},
		{"the wrong key", a.name, b.read, http.StatusForbidden, "AccessDenied"},
		{"a key of nothing", "SSE-S3", a.read, http.StatusBadRequest, "InvalidRequest"},
		{"a key of plaintext", "plaintext", a.read, http.StatusBadRequest, "InvalidRequest"},
		{"missing", "missing", nil, http.StatusNotFound, "NoSuchKey"},
		{"unknown", "SSE-S3", []string{"X-Amz-Object-Attributes", "Owner"}, http.StatusBadRequest, "InvalidArgument"},
		{"none", "SSE-S3", []string{"X-Amz-Object-Attributes", ""}, http.StatusBadRequest, "InvalidRequest"},
	} {
		if got := e.Do(t, attributesRequest(e.bucket, tt.key, tt.ask...)); got.Status != tt.status || got.Code() != tt.code {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
}
