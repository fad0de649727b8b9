package objects_test

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// testVersions reads and deletes versions of objects, with one request each.
func testVersions(t *testing.T, e *endpoint) {
	bucket := e.Store.Bucket(t)
	if err := e.Store.Client().EnableVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	do := func(status int, method, version string, h http.Header) answer {
		t.Helper()
		query := ""
		if version != "" {
			query = "versionId=" + url.QueryEscape(version)
		}
		return e.expect(t, status, request{method: method, bucket: bucket, key: "k", query: query, header: h})
	}
	sizes := []int{100, streamed, 0}
	var versions, etags []string
	for _, size := range sizes {
		put := e.expect(t, http.StatusOK, request{method: http.MethodPut, bucket: bucket, key: "k", body: plain(size), mode: sigv4.PayloadUnsigned})
		versions = append(versions, put.header.Get("X-Amz-Version-Id"))
		etags = append(etags, put.header.Get("Etag"))
	}
	for i, size := range sizes {
		e.proxy.Reset()
		get, head := do(http.StatusOK, http.MethodGet, versions[i], nil), do(http.StatusOK, http.MethodHead, versions[i], nil)
		if n := e.proxy.Count(); n != 2 {
			t.Errorf("GET and HEAD of a version took %d requests", n)
		}
		if !bytes.Equal(get.body, plain(size)) {
			t.Errorf("version %d: %d bytes", i, len(get.body))
		}
		for _, a := range []answer{get, head} {
			if a.header.Get("X-Amz-Version-Id") != versions[i] || a.header.Get("Etag") != etags[i] || a.length != int64(size) {
				t.Errorf("version %d: header %v", i, a.header)
			}
		}
		if size > 0 {
			a := do(http.StatusPartialContent, http.MethodGet, versions[i], headers("Range", "bytes=90-95"))
			if !bytes.Equal(a.body, plain(size)[90:96]) {
				t.Errorf("version %d: another range", i)
			}
			do(http.StatusRequestedRangeNotSatisfiable, http.MethodGet, versions[i], headers("Range", "bytes=99999999-"))
		}
		do(http.StatusPreconditionFailed, http.MethodGet, versions[i], headers("If-Match", otherETag))
	}
	// A checksum in the footer is looked up in the very same version.
	a := do(http.StatusOK, http.MethodHead, versions[1], headers("X-Amz-Checksum-Mode", "ENABLED"))
	if a.header.Get("X-Amz-Checksum-Crc64nvme") == "" {
		t.Errorf("no checksum among %v", a.header)
	}

	listing := e.expect(t, http.StatusOK, request{method: http.MethodGet, bucket: bucket, query: "versions"})
	for i := range sizes {
		if !bytes.Contains(listing.body, []byte("<VersionId>"+versions[i]+"</VersionId>")) {
			t.Errorf("version %d is not listed", i)
		}
	}

	marker := do(http.StatusNoContent, http.MethodDelete, "", nil)
	id := marker.header.Get("X-Amz-Version-Id")
	if marker.header.Get("X-Amz-Delete-Marker") != "true" || id == "" {
		t.Errorf("the deletion answers %v", marker.header)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := do(http.StatusNotFound, method, "", nil)
		if got := a.header.Get("X-Amz-Delete-Marker"); got != "true" && (e.onMinIO() || method == http.MethodGet) {
			t.Errorf("%s of a deleted object: delete marker %q", method, got)
		}
		if method == http.MethodGet && a.code() != "NoSuchKey" {
			t.Errorf("GET of a deleted object: %s", a.body)
		}
		if a := do(http.StatusMethodNotAllowed, method, id, nil); a.header.Get("X-Amz-Delete-Marker") != "true" {
			t.Errorf("%s of a delete marker: %v", method, a.header)
		}
	}
	if a := do(http.StatusNoContent, http.MethodDelete, id, nil); a.header.Get("X-Amz-Delete-Marker") != "true" {
		t.Errorf("deleting the marker answers %v", a.header)
	}
	do(http.StatusNoContent, http.MethodDelete, versions[2], nil)
	if a := do(http.StatusOK, http.MethodGet, "", nil); !bytes.Equal(a.body, plain(streamed)) {
		t.Errorf("after deleting the latest version: %d bytes", len(a.body))
	}
	if a := do(http.StatusNotFound, http.MethodGet, versions[2], nil); a.code() != "NoSuchVersion" {
		t.Errorf("GET of a deleted version: %s", a.body)
	}
}
