package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// listAll lists the parts of an upload in pages of so many.
func (u *multiUpload) listAll(limit int) (parts []s3api.Part, pages int) {
	u.m.t.Helper()
	marker := 0
	for {
		r := u.m.must(http.MethodGet, u.target(fmt.Sprintf("max-parts=%d&part-number-marker=%d&", limit, marker)), nil)
		result, err := s3api.ParseListParts(r.body)
		if err != nil {
			u.m.t.Fatal(err)
		}
		pages++
		if result.UploadID != u.id || result.Key != u.key || result.Page.Max != limit || result.Page.Marker != marker || len(result.Parts) > limit {
			u.m.t.Errorf("page %d: %+v", pages, result)
		}
		parts = append(parts, result.Parts...)
		if !result.Truncated {
			return parts, pages
		}
		if result.Next <= marker {
			u.m.t.Fatalf("a page after %d goes on after %d", marker, result.Next)
		}
		marker = result.Next
	}
}

// TestListParts lists parts that went to the store and parts that wait, some of
// them sent more than once, and other things that the store has.
func TestListParts(t *testing.T) {
	oneAtATime(t)
	for _, mode := range testModes {
		m := newMultiBench(t, 2, nil)
		u := m.create("list", mode)
		sizes := map[int]int{1: mib5, 2: 10, 4: mib5 + 1, 7: 0, 9: mib5, 10000: mib5 + 5}
		for n, size := range sizes {
			u.mustPut(n, bytesOf(size, n))
		}
		u.mustPut(4, bytesOf(mib5+2, 5))  // again
		u.mustPut(1, bytesOf(20, 1))      // was large
		u.mustPut(2, bytesOf(mib5+20, 1)) // was small
		// What an instance left that was killed at the wrong moment.
		up := m.store.uploads[u.id]
		up.parts[5], up.parts[9001] = m.store.object(nil, []byte("nobody knows")), m.store.object(nil, []byte("a footer"))
		for _, limit := range []int{1, 2, 3, 1000} {
			parts, pages := u.listAll(limit)
			var numbers []int
			for _, p := range parts {
				numbers = append(numbers, p.Number)
				if p.Size != int64(len(u.parts[p.Number])) || p.ETag != u.listed[p.Number].ETag || p.Modified.IsZero() {
					t.Errorf("%s: part %d is listed as %+v", mode.name, p.Number, p)
				}
			}
			if want := sortedKeys(sizes); !slices.Equal(numbers, want) || limit == 1000 && pages != 1 {
				t.Errorf("%s: %d pages of %d list %v", mode.name, pages, limit, numbers)
			}
		}
		if r := m.must(http.MethodGet, u.target("max-parts=0&"), nil); strings.Contains(string(r.body), "<Part>") {
			t.Errorf("no parts asked for: %s", r.body)
		}
		delete(u.listed, 1)
		delete(u.listed, 7)
		u.mustComplete()
		u.check()
	}
}

// TestListPartsChecksums checks that parts are listed with the checksums that
// the upload was begun with.
func TestListPartsChecksums(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("sums", testModes[0], "X-Amz-Checksum-Algorithm", "CRC32C")
	body := bytesOf(10, 1)
	u.mustPut(1, body)
	r := m.must(http.MethodGet, u.target(""), nil)
	for _, want := range []string{
		"<ChecksumCRC32C>" + checksumOf(s3api.CRC32C, body) + "</ChecksumCRC32C>",
		"<ChecksumAlgorithm>CRC32C</ChecksumAlgorithm>", "<ChecksumType>COMPOSITE</ChecksumType>",
	} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("no %s in %s", want, r.body)
		}
	}
	u = m.create("none", testModes[0])
	u.mustPut(1, body, "X-Amz-Checksum-Crc32", checksumOf(s3api.CRC32, body))
	if r := m.must(http.MethodGet, u.target(""), nil); strings.Contains(string(r.body), "Checksum") {
		t.Errorf("a checksum in the null mode: %s", r.body)
	}
}
