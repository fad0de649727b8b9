// Package modes_test runs the four modes of encryption through Caddy in front
// of real stores, with keys in a real Vault: what clients may ask for, what
// they get, and what happens while Vault does not work.
package modes_test

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Names of headers.
const (
	headerSSE       = "X-Amz-Server-Side-Encryption"
	headerKeyID     = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	headerContext   = "X-Amz-Server-Side-Encryption-Context"
	headerBucketKey = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	headerAlgorithm = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
	headerKey       = "X-Amz-Server-Side-Encryption-Customer-Key"
	headerKeyMD5    = "X-Amz-Server-Side-Encryption-Customer-Key-Md5"
)

// Keys that every Vault of these tests has.
const (
	keyDefault = "s3-default" // for requests that name none
	keyBucket  = "s3-bucket"
	keyAsked   = "s3-asked"
)

// arn is how responses name a key.
func arn(key string) string { return "arn:aws:kms:us-east-1:000000000000:key/" + key }

// content is what the tests store: two chunks of the format and a piece.
var content = bytes.Repeat([]byte("0123456789abcde\n"), (2*65536+4096)/16)

// newVault starts a Vault with the keys, and the policy "gateway", which lets a
// token use them.
func newVault(t *testing.T, o vault.Options) *vault.Server {
	t.Helper()
	v := vault.Start(t, o)
	for _, key := range []string{keyDefault, keyBucket, keyAsked} {
		v.CreateKey(t, key, false)
	}
	policy, err := os.ReadFile("../../docs/vault/gateway.hcl")
	if err != nil {
		t.Fatal(err)
	}
	v.WritePolicy(t, "gateway", string(policy))
	return v
}

// keys are the lines of the s3_sse block that make a site use the Vault, with
// more for its block kms.
func keys(t *testing.T, v *vault.Server, options ...string) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(v.CreateToken(t, vault.Token{Policies: []string{"gateway"}, TTL: time.Hour})), 0o600); err != nil {
		t.Fatal(err)
	}
	return "keys vault {\n\taddress " + v.URL + "\n\ttoken_file " + token + "\n}\nkms {\n\tdefault_key " + keyDefault + "\n" +
		strings.Join(options, "\n") + "\n}\n"
}

// endpoint is a site under test with its client and a bucket of its own.
type endpoint struct {
	*wire.Client
	site   *site.Site
	store  *store.Store
	bucket string
	system string // the line that names the site's own bucket
}

// start runs a site with a new bucket. What it keeps in the store is its own,
// since no two sites have the same master key.
func start(t *testing.T, s *store.Store, o site.Options) *endpoint {
	t.Helper()
	system := "\nsystem_bucket " + newName("system-") + "\n"
	o.Handler += system
	e := &endpoint{site: site.Start(t, s, o), store: s, bucket: s.Bucket(t), system: system}
	e.Client = wire.New(t, e.site.URL, site.AccessKey, site.SecretKey)
	e.HTTP.Transport.(*http.Transport).TLSClientConfig = e.site.TLSConfig(t)
	return e
}

// newName returns a name that no bucket has.
func newName(prefix string) string { return prefix + strings.ToLower(rand.Text())[:16] }

// newBucket makes a bucket whose name begins with prefix.
func (e *endpoint) newBucket(t *testing.T, prefix string) string {
	t.Helper()
	name := newName(prefix)
	if err := e.store.Client().MakeBucket(t.Context(), name, minio.MakeBucketOptions{Region: e.store.Region}); err != nil {
		t.Fatal(err)
	}
	return name
}

// configure sets the encryption of a bucket.
func (e *endpoint) configure(t *testing.T, bucket string, b s3api.BucketEncryption) {
	t.Helper()
	doc := b.AppendXML(nil)
	e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPut, Target: wire.Target(bucket, "", "encryption"), Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc)),
	})
}

// try writes content.
func (e *endpoint) try(t *testing.T, bucket, key string, h http.Header) wire.Answer {
	t.Helper()
	return e.Do(t, wire.Request{Method: http.MethodPut, Target: wire.Target(bucket, key, ""), Header: h, Body: content})
}

// get reads an object.
func (e *endpoint) get(t *testing.T, bucket, key string, h http.Header) wire.Answer {
	t.Helper()
	return e.Do(t, wire.Request{Method: http.MethodGet, Target: wire.Target(bucket, key, ""), Header: h})
}

// head asks for the headers of an object.
func (e *endpoint) head(t *testing.T, bucket, key string, h http.Header) wire.Answer {
	t.Helper()
	return e.Do(t, wire.Request{Method: http.MethodHead, Target: wire.Target(bucket, key, ""), Header: h})
}

// reads fails the test unless the object is content.
func (e *endpoint) reads(t *testing.T, bucket, key string, h http.Header) wire.Answer {
	t.Helper()
	a := e.get(t, bucket, key, h)
	if a.Status != http.StatusOK || a.Err != nil || !bytes.Equal(a.Body, content) {
		t.Errorf("%s reads as status %d, %d bytes, %v\n%.500s", key, a.Status, len(a.Body), a.Err, onlyErrors(a))
	}
	return a
}

func onlyErrors(a wire.Answer) []byte {
	if a.Status < http.StatusBadRequest {
		return nil
	}
	return a.Body
}

// fails checks that an answer is an S3 error with that status and code, and with
// the text in it. The answer to HEAD has a status only.
func fails(t *testing.T, what string, a wire.Answer, status int, code, text string) {
	t.Helper()
	if a.Status != status || a.Code() != code || !strings.Contains(html.UnescapeString(string(a.Body)), text) {
		t.Errorf("%s: status %d, want %d %s with %q\n%.700s", what, a.Status, status, code, text, a.Body)
	}
	if again := a.Header.Get("Retry-After") != ""; again != (status == http.StatusServiceUnavailable) {
		t.Errorf("%s: Retry-After %q", what, a.Header.Get("Retry-After"))
	}
}

// customer are the headers of SSE-C with a key.
func customer(key []byte) http.Header {
	sum := md5.Sum(key)
	return wire.Header(headerAlgorithm, "AES256",
		headerKey, base64.StdEncoding.EncodeToString(key),
		headerKeyMD5, base64.StdEncoding.EncodeToString(sum[:]))
}

// customerKey is a client's key. With n it is another one.
func customerKey(n byte) []byte {
	key := bytes.Repeat([]byte("\x9d\x21\x5c\xe3"), 8)
	key[7] = n
	return key
}

// sse are the headers that ask for a mode.
func sse(mode string, more ...string) http.Header {
	return wire.Header(slices.Concat([]string{headerSSE, mode}, more)...)
}

// eventually polls until ok, or for a minute.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// md5Hex returns the MD5 of body as an ETag has it.
func md5Hex(body []byte) string {
	sum := md5.Sum(body)
	return hex.EncodeToString(sum[:])
}
