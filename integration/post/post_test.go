// Package post_test uploads objects with the forms of web pages through a
// gateway in front of real stores.
package post_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/webform"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

const (
	mib5 = 5 << 20
	// large files are sent to the store in two parts.
	large = 7<<20 + 123
)

var random = sync.OnceValue(func() []byte {
	b := make([]byte, 12<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
})

// plain returns n bytes. Nobody may change them.
func plain(n int) []byte { return random()[:n:n] }

var signer = webform.Key{AccessKey: local.AccessKey, SecretKey: local.SecretKey}

// form returns a signed form with a file of n bytes for the object, and pairs
// of name and value for further fields.
func form(t *testing.T, g *local.Gateway, key string, n int, pairs ...string) *webform.Form {
	t.Helper()
	f := webform.New(append([]string{"key", key}, pairs...)...)
	f.File = plain(n)
	f.Sign(t, signer, g.Bucket)
	return f
}

// post sends a form.
func post(t *testing.T, g *local.Gateway, f *webform.Form, header ...string) wire.Answer {
	t.Helper()
	contentType, body := f.Encode()
	h := wire.Header(header...)
	h.Set("Content-Type", contentType)
	return g.Do(t, wire.Request{Method: http.MethodPost, Target: "/" + g.Bucket, Anonymous: true, Header: h, Body: body})
}

// expect sends a form that must be answered with the status.
func expect(t *testing.T, g *local.Gateway, status int, f *webform.Form, header ...string) wire.Answer {
	t.Helper()
	a := post(t, g, f, header...)
	if a.Status != status || a.Err != nil {
		t.Fatalf("status %d, want %d; %v\n%.600s", a.Status, status, a.Err, a.Body)
	}
	return a
}

// refuse sends a form that must be refused with the error, and leave nothing
// behind.
func refuse(t *testing.T, g *local.Gateway, status int, code string, f *webform.Form, header ...string) wire.Answer {
	t.Helper()
	a := post(t, g, f, header...)
	if a.Status != status || a.Code() != code {
		t.Errorf("status %d, want %d %s; %v\n%.600s", a.Status, status, code, a.Err, a.Body)
	}
	nothing(t, g)
	return a
}

// nothing fails the test if the bucket at the store holds objects or uploads.
func nothing(t *testing.T, g *local.Gateway) {
	t.Helper()
	for o := range g.Store.Client().ListObjects(t.Context(), g.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		t.Errorf("stored: %s %v", o.Key, o.Err)
	}
	noUploads(t, g)
}

func noUploads(t *testing.T, g *local.Gateway) {
	t.Helper()
	doc := g.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: "/" + g.Bucket + "?uploads"}).Body
	if strings.Contains(string(doc), "<UploadId>") {
		t.Errorf("an upload is left:\n%s", doc)
	}
}

// check reads the object and compares it, and what everything says of it, with
// the file of n bytes and the ETag of the upload's answer.
func check(t *testing.T, g *local.Gateway, key string, n int, etag string, header ...string) wire.Answer {
	t.Helper()
	a := g.Get(t, g.Bucket, key, header...)
	if a.Status != http.StatusOK || a.Err != nil || !bytes.Equal(a.Body, plain(n)) {
		t.Fatalf("%s: status %d, %d bytes, %v\n%.300q", key, a.Status, len(a.Body), a.Err, a.Body[:min(300, len(a.Body))])
	}
	head := g.Head(t, g.Bucket, key, header...)
	if head.Length != int64(n) || head.Header.Get("Etag") != etag || a.Header.Get("Etag") != etag || etag == "" {
		t.Errorf("%s: HEAD says %d bytes and %s, GET %s, the upload %s", key, head.Length, head.Header.Get("Etag"), a.Header.Get("Etag"), etag)
	}
	if n > 3 {
		part := g.Get(t, g.Bucket, key, append(header, "Range", "bytes=-3")...)
		if part.Status != http.StatusPartialContent || !bytes.Equal(part.Body, plain(n)[n-3:]) {
			t.Errorf("%s: the last bytes are %d %q", key, part.Status, part.Body)
		}
	}
	var list struct {
		Contents []struct {
			Key, ETag string
			Size      int64
		}
	}
	doc := g.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: "/" + g.Bucket + "?list-type=2&prefix=" + strings.ReplaceAll(key, "/", "%2F")}).Body
	if err := xml.Unmarshal(doc, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Contents) != 1 || list.Contents[0].Size != int64(n) || list.Contents[0].ETag != etag {
		t.Errorf("%s of %d bytes and ETag %s is listed as\n%s", key, n, etag, doc)
	}
	stored := g.Store.Read(t, g.Bucket, key).Body
	if n > 64 && (bytes.Contains(stored, plain(n)[:64]) || bytes.Contains(stored, plain(n)[n-64:])) {
		t.Errorf("%s: the store holds plaintext", key)
	}
	return head
}

// customer returns the fields and headers of SSE-C.
func customer(key byte) []string {
	k := bytes.Repeat([]byte{key}, 32)
	sum := md5.Sum(k)
	return []string{
		"x-amz-server-side-encryption-customer-algorithm", "AES256",
		"x-amz-server-side-encryption-customer-key", base64.StdEncoding.EncodeToString(k),
		"x-amz-server-side-encryption-customer-key-MD5", base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// stores runs test with a gateway in front of every store.
func stores(t *testing.T, test func(t *testing.T, g *local.Gateway)) {
	t.Helper()
	store.Each(t, func(t *testing.T, s *store.Store) { test(t, local.Start(t, s, nil)) })
}

// requests returns what the store got about the bucket.
func requests(g *local.Gateway) []string {
	return slices.DeleteFunc(g.Proxy.Lines(), func(line string) bool { return !strings.Contains(line, " /"+g.Bucket) })
}
