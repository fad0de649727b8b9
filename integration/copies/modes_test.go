package copies_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

const (
	sse      = "X-Amz-Server-Side-Encryption"
	keyID    = sse + "-Aws-Kms-Key-Id"
	keyARN   = "arn:aws:kms:us-east-1:111122223333:key/"
	customer = "-Customer-"
)

// mode is a way in which an object is encrypted.
type mode struct {
	name   string
	write  []string // headers that ask for it, and that the answer has
	read   []string // headers that reading needs
	source []string // headers that copying from it needs
	suite  string   // objects of the same suite can share ciphertext
}

func customerKey(seed byte) (own, source []string) {
	key := bytes.Repeat([]byte{seed}, 32)
	sum := md5.Sum(key)
	for _, pair := range [][2]string{
		{"Algorithm", "AES256"},
		{"Key", base64.StdEncoding.EncodeToString(key)},
		{"Key-Md5", base64.StdEncoding.EncodeToString(sum[:])},
	} {
		own = append(own, sse+customer+pair[0], pair[1])
		source = append(source, "X-Amz-Copy-Source-Server-Side-Encryption"+customer+pair[0], pair[1])
	}
	return own, source
}

func modes() []mode {
	ownA, sourceA := customerKey(1)
	ownB, sourceB := customerKey(2)
	return []mode{
		{name: "plaintext"},
		{name: "SSE-S3", write: []string{sse, "AES256"}, suite: "1"},
		{name: "SSE-KMS a", write: []string{sse, "aws:kms", keyID, keyARN + "a"}, suite: "1"},
		{name: "SSE-KMS b", write: []string{sse, "aws:kms", keyID, keyARN + "b"}, suite: "1"},
		{name: "DSSE-KMS", write: []string{sse, "aws:kms:dsse", keyID, keyARN + "a"}, suite: "2"},
		{name: "SSE-C a", write: ownA, read: ownA, source: sourceA, suite: "1"},
		{name: "SSE-C b", write: ownB, read: ownB, source: sourceB, suite: "1"},
	}
}

// modeNamed returns one of modes.
func modeNamed(t *testing.T, name string) mode {
	t.Helper()
	for _, m := range modes() {
		if m.name == name {
			return m
		}
	}
	t.Fatalf("no mode %q", name)
	return mode{}
}

// parted is the size that is uploaded in parts.
const parted = 8 << 20

// create makes an object of n bytes in a mode.
func (e *endpoint) create(t *testing.T, m mode, key string, n int) {
	t.Helper()
	switch {
	case m.suite == "" && n == parted:
		_, err := e.store.Client().PutObject(t.Context(), e.bucket, key, bytes.NewReader(plain(n)), int64(n), minio.PutObjectOptions{PartSize: 5 << 20})
		if err != nil {
			t.Fatal(err)
		}
	case m.suite == "":
		e.store.Write(t, e.bucket, key, plain(n), nil)
	case n == parted:
		e.upload(t, m, key, n)
	default:
		e.Put(t, e.bucket, key, plain(n), m.write...)
	}
}

// upload makes an object of n bytes in parts of 5 MiB.
func (e *endpoint) upload(t *testing.T, m mode, key string, n int, pairs ...string) wire.Answer {
	t.Helper()
	id := e.begin(t, m, key, pairs...)
	var etags []string
	for body := plain(n); len(body) > 0; {
		part := body[:min(len(body), 5<<20)]
		body = body[len(part):]
		a := e.Expect(t, http.StatusOK, wire.Request{
			Method: http.MethodPut, Target: wire.Target(e.bucket, key, fmt.Sprintf("partNumber=%d&uploadId=%s", len(etags)+1, id)),
			Body: part, Hash: sigv4.UnsignedPayload, Header: wire.Header(m.read...),
		})
		etags = append(etags, a.Header.Get("Etag"))
	}
	return e.finish(t, m, key, id, etags)
}

// begin creates a multipart upload.
func (e *endpoint) begin(t *testing.T, m mode, key string, pairs ...string) string {
	t.Helper()
	a := e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPost, Target: wire.Target(e.bucket, key, "uploads="), Header: wire.Header(append(pairs, m.write...)...),
	})
	created, err := s3api.ParseCreateUploadResult(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return created.UploadID
}

// finish completes a multipart upload.
func (e *endpoint) finish(t *testing.T, m mode, key, id string, etags []string) wire.Answer {
	t.Helper()
	var doc strings.Builder
	doc.WriteString("<CompleteMultipartUpload>")
	for i, etag := range etags {
		fmt.Fprintf(&doc, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag)
	}
	doc.WriteString("</CompleteMultipartUpload>")
	return e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPost, Target: wire.Target(e.bucket, key, "uploadId="+id), Body: []byte(doc.String()), Header: wire.Header(m.read...),
	})
}

// copyRequest is a CopyObject from a source in the form of its header.
func copyRequest(bucket, key, source string, pairs ...string) wire.Request {
	h := wire.Header(pairs...)
	h.Set("X-Amz-Copy-Source", source)
	return wire.Request{Method: http.MethodPut, Target: wire.Target(bucket, key, ""), Header: h}
}

// name is an object of the endpoint's bucket as a copy source.
func (e *endpoint) name(key string) string { return "/" + e.bucket + "/" + s3api.EscapePath(key) }

// copyResult is the answer to a CopyObject or UploadPartCopy, with the
// checksums that tests ask for.
type copyResult struct {
	ETag, LastModified, ChecksumType                                 string
	ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA256 string
}

func parseCopy(t *testing.T, a wire.Answer) (r copyResult) {
	t.Helper()
	if err := xml.Unmarshal(a.Body, &r); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return r
}
