package objects_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// noPrivate fails the test if a client could see private metadata.
func noPrivate(t *testing.T, h http.Header) {
	t.Helper()
	for name := range h {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-meta-s3sse") {
			t.Errorf("the client sees %s", name)
		}
	}
}

// testPrivateMetadata tries to see and to set what belongs to the gateway.
func testPrivateMetadata(t *testing.T, e *endpoint) {
	e.put(t, "private", plain(10), "X-Amz-Meta-Mine", "1")
	for what, a := range map[string]answer{
		"PUT": e.put(t, "private", plain(10)), "GET": e.get(t, http.StatusOK, "private"), "HEAD": e.head(t, http.StatusOK, "private"),
		"range": e.get(t, http.StatusPartialContent, "private", "Range", "bytes=0-0"),
		"304":   e.get(t, http.StatusNotModified, "private", "If-None-Match", "*"),
	} {
		t.Run(what, func(t *testing.T) { noPrivate(t, a.header) })
	}
	for _, query := range []string{"", "list-type=2", "versions", "metadata=true", "list-type=2&metadata=true"} {
		a := e.do(t, request{method: http.MethodGet, query: query})
		if body := strings.ToLower(string(a.body)); strings.Contains(body, "s3sse") || strings.Contains(body, "usermetadata") {
			t.Errorf("the listing by %q shows %s", query, a.body)
		}
	}
	for _, name := range []string{
		"X-Amz-Meta-S3sse", "x-amz-meta-s3sse", "X-AMZ-META-S3SSE", "X-Amz-Meta-S3sse-Redirect", "x-amz-meta-s3sse-anything",
		"X-Amz-Meta-Minio-Snowball", "X-Amz-Meta-Snowball-Auto-Extract",
	} {
		for _, size := range []int{10, streamed} {
			e.proxy.Reset()
			a := e.do(t, request{method: http.MethodPut, key: "forged", body: plain(size), mode: sigv4.PayloadUnsigned, header: headers(name, "x")})
			if a.status != http.StatusBadRequest {
				t.Errorf("%s: status %d", name, a.status)
			}
			a = e.do(t, request{method: http.MethodPut, key: "forged", body: plain(size), query: strings.ToLower(name) + "=x", auth: presigned})
			if a.status != http.StatusBadRequest {
				t.Errorf("%s in a presigned URL: status %d", name, a.status)
			}
			if lines := e.proxy.Lines(); len(lines) > 0 {
				t.Errorf("%s reached the store: %q", name, lines)
			}
		}
	}
	// Other parameters of a presigned URL become the object's.
	e.expect(t, http.StatusOK, request{method: http.MethodPut, key: "hoisted", body: plain(10), query: "x-amz-meta-colour=blue", auth: presigned})
	if got := e.head(t, http.StatusOK, "hoisted").header.Get("X-Amz-Meta-Colour"); got != "blue" {
		t.Errorf("metadata from a presigned URL: %q", got)
	}
	e.head(t, http.StatusNotFound, "forged")
}

// testMetadataLimit finds the most user metadata that an object can have. The
// gateway allows what Amazon S3 does, not counting its own; a store that
// counts all metadata can allow less, and its refusal comes through.
func testMetadataLimit(t *testing.T, e *endpoint) {
	put := func(size int) answer {
		name := "X-Amz-Meta-M"
		return e.do(t, request{
			method: http.MethodPut, key: "limit", body: plain(10), mode: sigv4.PayloadUnsigned,
			header: headers(name, strings.Repeat("v", size-len("M"))),
		})
	}
	e.proxy.Reset()
	if a := put(2049); a.status != http.StatusBadRequest || a.code() != "MetadataTooLarge" || e.proxy.Count() != 0 {
		t.Errorf("2049 bytes: status %d, %s", a.status, a.body)
	}
	// Bisect what this store takes.
	fits, over := 1, 2049
	for over-fits > 1 {
		size := (fits + over) / 2
		switch a := put(size); {
		case a.status == http.StatusOK:
			fits = size
		case a.status == http.StatusBadRequest && a.code() == "MetadataTooLarge":
			over = size
		default:
			t.Fatalf("%d bytes: status %d, %s", size, a.status, a.body)
		}
	}
	t.Logf("%s takes %d bytes", e.Store.Name, fits)
	if fits < 1700 {
		t.Errorf("%s takes no more than %d bytes of metadata", e.Store.Name, fits)
	}
	if a := put(fits); a.status != http.StatusOK {
		t.Fatalf("%d bytes: status %d once, then %d", fits, http.StatusOK, a.status)
	}
	if got := e.head(t, http.StatusOK, "limit").header.Get("X-Amz-Meta-M"); len(got) != fits-1 {
		t.Errorf("%d bytes came back", len(got))
	}
}
