// Package clients_test drives S3 clients of other people, as they come, through
// Caddy in front of MinIO: small objects and large ones, listings, copies,
// synchronizing twice, and every kind of encryption a client can ask for.
//
// A missing client fails its test and says how to get it: make test-clients
// installs them all.
package clients_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
)

// endpoint is a site under test with a bucket of its own and a recording proxy
// between it and the store.
type endpoint struct {
	*site.Site
	proxy  *store.Proxy
	bucket string
	check  *minio.Client // the tests' own, which tells what clients really did
	home   string        // of programs
}

// each runs test against a site that speaks HTTPS and one that does not: SDKs
// send bodies in other ways then.
func each(t *testing.T, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	for _, secure := range []bool{true, false} {
		t.Run(map[bool]string{true: "https", false: "http"}[secure], func(t *testing.T) { test(t, start(t, secure)) })
	}
}

// start runs a site with a new bucket, and one that speaks HTTPS with keys in
// Vault: S3 uses those over nothing else.
func start(t *testing.T, secure bool) *endpoint {
	t.Helper()
	s := store.MinIO(t)
	e := &endpoint{proxy: store.NewProxy(t, s.URL), bucket: s.Bucket(t), home: t.TempDir()}
	// No two sites have the same master key.
	handler := "system_bucket system-" + strings.ToLower(rand.Text())[:16]
	if secure {
		handler += "\n" + keysInVault(t)
	}
	e.Site = site.Start(t, s, site.Options{Upstream: e.proxy.URL, TLS: secure, Handler: handler})
	e.check = e.Client(t)
	return e
}

// kmsKey is the key that clients name, alias/clients to those that know only
// names of Amazon's form. There is another for those that name none.
const kmsKey = "s3-clients"

// keysInVault starts a Vault and returns the handler's settings to use it.
func keysInVault(t *testing.T) string {
	t.Helper()
	v := vault.Start(t, vault.Options{})
	v.CreateKey(t, "s3-default", false)
	v.CreateKey(t, kmsKey, false)
	v.WritePolicy(t, "gateway", string(must(os.ReadFile("../../docs/vault/gateway.hcl"))))
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(v.CreateToken(t, vault.Token{Policies: []string{"gateway"}, TTL: time.Hour})))
	return "keys vault {\naddress " + v.URL + "\ntoken_file " + token + "\n}\nkms {\ndefault_key s3-default\nalias clients " + kmsKey + "\n}"
}

func (e *endpoint) secure() bool { return e.CA != "" }

// host returns the site's address with its port.
func (e *endpoint) host() string {
	_, host, _ := strings.Cut(e.URL, "://")
	return host
}

// http returns a client that trusts the site.
func (e *endpoint) http(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32, TLSClientConfig: e.TLSConfig(t)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// expect fails the test unless key holds body, encrypted as m says, and the
// store holds it otherwise.
func (e *endpoint) expect(t *testing.T, key string, body []byte, m mode) {
	t.Helper()
	var opts minio.GetObjectOptions
	if m == sseC {
		opts.ServerSideEncryption = customerKey
	}
	o, err := e.check.GetObject(t.Context(), e.bucket, key, opts)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%s: read %d bytes of %d, equal: %t, %v", key, len(got), len(body), bytes.Equal(got, body), err)
		return
	}
	e.expectMode(t, key, m)
	stored := e.Store.Read(t, e.bucket, key).Body
	if sample := min(len(body), 64); sample > 8 && (bytes.Contains(stored, body[:sample]) || bytes.Contains(stored, body[len(body)-sample:])) {
		t.Errorf("%s: the store holds plaintext", key)
	}
}

// expectMode fails the test unless the object is encrypted as m says.
func (e *endpoint) expectMode(t *testing.T, key string, m mode) {
	t.Helper()
	var opts minio.StatObjectOptions
	if m == sseC {
		opts.ServerSideEncryption = customerKey
	}
	info, err := e.check.StatObject(t.Context(), e.bucket, key, opts)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	is := mode(info.Metadata.Get("X-Amz-Server-Side-Encryption"))
	if info.Metadata.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		is += sseC
	}
	if named := info.Metadata.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); is != m || strings.HasSuffix(named, kmsKey) != (m == sseKMS || m == dsse) {
		t.Errorf("%s: encrypted as %s under %q, want %s", key, is, named, m)
	}
}

// keys returns the keys of all objects in the bucket, sorted.
func (e *endpoint) keys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for o := range e.check.ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// expectNothingLeft fails the test if the bucket at the store has objects or
// unfinished uploads.
func (e *endpoint) expectNothingLeft(t *testing.T) {
	t.Helper()
	for o := range e.Store.Client().ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		t.Errorf("left: %s %v", o.Key, o.Err)
	}
	for u := range e.Store.Client().ListIncompleteUploads(t.Context(), e.bucket, "", true) {
		t.Errorf("left: an upload of %s %v", u.Key, u.Err)
	}
}

// expectNoTransfer fails the test if transfer moves the content of an object
// to or from the store.
func (e *endpoint) expectNoTransfer(t *testing.T, transfer func()) {
	t.Helper()
	e.proxy.Reset()
	transfer()
	for _, x := range e.proxy.Exchanges() {
		u, err := url.Parse(x.Target)
		if err != nil {
			t.Fatal(err)
		}
		_, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		if x.Method == http.MethodPut || x.Method == http.MethodPost || x.Method == http.MethodGet && key != "" && x.Status < 300 {
			t.Errorf("for nothing: %s %s", x.Method, x.Target)
		}
	}
	if e.proxy.Count() == 0 {
		t.Error("nothing was asked")
	}
}

// mode is a kind of encryption by the value of x-amz-server-side-encryption in
// answers, or sseC.
type mode string

const (
	sseS3  mode = "AES256"
	sseKMS mode = "aws:kms"
	dsse   mode = "aws:kms:dsse"
	sseC   mode = "customer"
)

func (m mode) String() string {
	return map[mode]string{sseS3: "SSE-S3", sseKMS: "SSE-KMS", dsse: "DSSE-KMS", sseC: "SSE-C"}[m]
}

// customer is the key that clients encrypt with themselves to blame.
const customer = "thirty-two bytes for the tests.."

var customerKey = must(encrypt.NewSSEC([]byte(customer)))

// eachMode runs test once for every kind of encryption of those that a client
// can ask for on this site, as subtests.
func (e *endpoint) eachMode(t *testing.T, of []mode, test func(t *testing.T, m mode)) {
	t.Helper()
	for _, m := range of {
		if m != sseS3 && !e.secure() {
			continue // S3 refuses it, and clients do not send their keys
		}
		t.Run(m.String(), func(t *testing.T) { test(t, m) })
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
