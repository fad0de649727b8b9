package copies_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// composite uploads a part with its MD5 and SHA-256 and returns its element for
// completing the upload.
func (e *endpoint) composite(t *testing.T, key, id string, number int, body []byte) string {
	t.Helper()
	a := e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPut, Target: partTarget(e.bucket, key, id, number), Body: body,
		Hash: sigv4.UnsignedPayload, Header: wire.Header("X-Amz-Checksum-Sha256", sha256Of(body), "Content-Md5", wire.MD5(body)),
	})
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>", number, a.Header.Get("Etag"), sha256Of(body))
}

func (e *endpoint) complete(t *testing.T, key, id, parts string) {
	t.Helper()
	e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPost, Target: wire.Target(e.bucket, key, "uploadId="+id),
		Body: []byte("<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>"),
	})
}

func partTarget(bucket, key, id string, number int) string {
	return wire.Target(bucket, key, fmt.Sprintf("partNumber=%d&uploadId=%s", number, id))
}

// partCopy is an UploadPartCopy.
func (e *endpoint) partCopy(key, id string, number int, source, rng string, pairs ...string) wire.Request {
	r := copyRequest(e.bucket, key, source, pairs...)
	r.Target = partTarget(e.bucket, key, id, number)
	if rng != "" {
		r.Header.Set("X-Amz-Copy-Source-Range", rng)
	}
	return r
}

// TestPartsFromEveryMode assembles objects in every mode from ranges of
// objects in every mode.
func TestPartsFromEveryMode(t *testing.T) {
	e := start(t, nil)
	for _, from := range modes() {
		e.create(t, from, from.name+"/whole", 1000)
		e.create(t, from, from.name+"/parts", parted)
	}
	const off, n = 70001, 5<<20 + 77
	for _, to := range modes()[1:] {
		for _, from := range modes() {
			id := e.begin(t, to, "copy")
			need := slices.Concat(from.source, to.read)
			var etags []string
			for i, r := range []wire.Request{
				e.partCopy("copy", id, 1, e.name(from.name+"/parts"), fmt.Sprintf("bytes=%d-%d", off, off+n-1), need...),
				e.partCopy("copy", id, 2, e.name(from.name+"/whole"), "", need...),
			} {
				a := e.Expect(t, http.StatusOK, r)
				result := parseCopy(t, a)
				if result.ETag == "" || result.LastModified == "" {
					t.Fatalf("part %d: %s", i+1, a.Body)
				}
				etags = append(etags, result.ETag)
			}
			e.finish(t, to, "copy", id, etags)
			want := slices.Concat(plain(off + n)[off:], plain(1000))
			if a := e.Get(t, e.bucket, "copy", to.read...); !bytes.Equal(a.Body, want) {
				t.Errorf("%s to %s: status %d, %d bytes", from.name, to.name, a.Status, len(a.Body))
			}
		}
	}
}

func TestPartCopyRefuses(t *testing.T) {
	e := start(t, nil)
	for _, m := range []string{"plaintext", "SSE-S3"} {
		e.create(t, modeNamed(t, m), m, 1000)
	}
	e.create(t, modeNamed(t, "SSE-S3"), "empty", 0)
	customer := modeNamed(t, "SSE-C a")
	e.create(t, customer, "customer", 1000)
	id := e.begin(t, modeNamed(t, "SSE-S3"), "copy")
	own := e.begin(t, customer, "customer")
	etag := e.Head(t, e.bucket, "SSE-S3").Header.Get("Etag")
	for _, tt := range []struct {
		name   string
		r      wire.Request
		status int
		code   string
	}{
		{"behind the end", e.partCopy("copy", id, 1, e.name("SSE-S3"), "bytes=0-1000"), http.StatusBadRequest, "InvalidArgument"},
		{"plaintext behind the end", e.partCopy("copy", id, 1, e.name("plaintext"), "bytes=1000-1000"), http.StatusBadRequest, "InvalidArgument"},
		{"the last byte", e.partCopy("copy", id, 1, e.name("plaintext"), "bytes=999-999"), http.StatusOK, ""},
		{"all", e.partCopy("copy", id, 1, e.name("SSE-S3"), "bytes=0-999"), http.StatusOK, ""},
		{"of nothing", e.partCopy("copy", id, 1, e.name("empty"), "bytes=0-0"), http.StatusBadRequest, "InvalidArgument"},
		{"nothing", e.partCopy("copy", id, 1, e.name("empty"), ""), http.StatusOK, ""},
		{"a suffix", e.partCopy("copy", id, 1, e.name("SSE-S3"), "bytes=-5"), http.StatusBadRequest, "InvalidArgument"},
		{"backwards", e.partCopy("copy", id, 1, e.name("SSE-S3"), "bytes=5-4"), http.StatusBadRequest, "InvalidArgument"},
		{"part 0", e.partCopy("copy", id, 0, e.name("SSE-S3"), ""), http.StatusBadRequest, "InvalidArgument"},
		{"no upload", e.partCopy("copy", "none", 1, e.name("SSE-S3"), ""), http.StatusNotFound, "NoSuchUpload"},
		{"no source", e.partCopy("copy", id, 1, e.name("missing"), ""), http.StatusNotFound, "NoSuchKey"},
		{"a condition", e.partCopy("copy", id, 1, e.name("SSE-S3"), "", "X-Amz-Copy-Source-If-None-Match", etag), http.StatusPreconditionFailed, "PreconditionFailed"},
		{"a choice of encryption", e.partCopy("copy", id, 1, e.name("SSE-S3"), "", sse, "AES256"), http.StatusBadRequest, "InvalidArgument"},
		{"no key of the upload", e.partCopy("customer", own, 1, e.name("SSE-S3"), ""), http.StatusBadRequest, "InvalidRequest"},
		{"a key of nothing", e.partCopy("copy", id, 1, e.name("SSE-S3"), "", customer.read...), http.StatusBadRequest, "InvalidRequest"},
		{"no key of the source", e.partCopy("copy", id, 1, e.name("customer"), ""), http.StatusBadRequest, "InvalidRequest"},
	} {
		if a := e.Do(t, tt.r); a.Status != tt.status || a.Code() != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
	theirs := e.As(stranger, secretKey)
	if a := theirs.Do(t, e.partCopy("copy", id, 1, e.name("SSE-S3"), "")); a.Status != http.StatusForbidden {
		t.Errorf("by somebody else: %d %s", a.Status, a.Body)
	}
}
