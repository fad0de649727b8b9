package gateway

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what S3 makes ETags of
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// bench is a store in memory with gateways in front of it, any of which may
// take a request.
type multiBench struct {
	t        testing.TB
	store    *fakeStore
	gateways []*Gateway
	now      time.Time
}

const testKMSKey = "team-key"

// newMultiBench starts so many gateways over one store.
func newMultiBench(t testing.TB, instances int, change func(*Config)) *multiBench {
	m := &multiBench{t: t, store: newFakeStore(t)}
	m.now = m.store.clock
	provider := kmstest.NewMemory(testKMSKey)
	for range instances {
		service, err := kms.New(kms.Options{Provider: provider})
		if err != nil {
			t.Fatal(err)
		}
		cfg := benchConfig(t, m.store)
		cfg.KMS = KMS{Service: service, DefaultKey: testKMSKey}
		cfg.Now = func() time.Time { return m.now }
		if change != nil {
			change(&cfg)
		}
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Close(); service.Close() })
		m.gateways = append(m.gateways, g)
	}
	return m
}

// reply is an answer of a gateway.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) ok() bool { return r.status/100 == 2 }

// code is the S3 error code of the reply.
func (r reply) code() string { return s3api.ParseError(r.status, r.body).Code }

// do sends a signed request to one of the gateways.
func (m *multiBench) do(method, target string, body []byte, header ...string) reply {
	m.t.Helper()
	w := httptest.NewRecorder()
	if aborted := m.serve(w, m.request(method, target, body, header...)); aborted {
		return reply{status: -1, header: w.Header(), body: w.Body.Bytes()}
	}
	return reply{w.Code, w.Header(), w.Body.Bytes()}
}

// request returns a signed request.
func (m *multiBench) request(method, target string, body []byte, header ...string) *http.Request {
	m.t.Helper()
	r, err := http.NewRequest(method, "http://gateway"+target, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if method == http.MethodPut && len(body) == 0 {
		r.Header.Set("Content-Length", "0")
	}
	secret, err := sigv4.NewSecret("secret")
	if err != nil {
		m.t.Fatal(err)
	}
	var signer sigv4.Signer
	signer.Sign(r, sigv4.Credential{AccessKey: "client", Secret: secret}, "us-east-1", sigv4.UnsignedPayload, m.now)
	return r
}

// serve has one of the gateways answer the request and reports whether it cut
// the connection.
func (m *multiBench) serve(w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			aborted = true
		}
	}()
	g := m.gateways[rand.IntN(len(m.gateways))]
	g.Serve(w, r, Inbound{Target: r.URL.RequestURI(), Secure: true})
	return false
}

// must is do for requests that succeed.
func (m *multiBench) must(method, target string, body []byte, header ...string) reply {
	m.t.Helper()
	r := m.do(method, target, body, header...)
	if !r.ok() {
		m.t.Fatalf("%s %s: %d %s", method, target, r.status, r.body)
	}
	return r
}

// multiUpload is an upload in progress.
type multiUpload struct {
	m      *multiBench
	key    string
	id     string
	mode   testMode
	parts  map[int][]byte
	listed map[int]s3api.CompletedPart
}

// testMode is how a request asks for encryption, and how requests about an
// object that is encrypted so ask for it.
type testMode struct {
	name          string
	write, access []string
}

var testModes = func() []testMode {
	key := sha256.Sum256([]byte("customer"))
	sum := md5.Sum(key[:]) //nolint:gosec // S3's
	ssec := []string{
		"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key", base64.StdEncoding.EncodeToString(key[:]),
		"X-Amz-Server-Side-Encryption-Customer-Key-MD5", base64.StdEncoding.EncodeToString(sum[:]),
	}
	return []testMode{
		{name: "SSE-S3"},
		{"SSE-KMS", []string{"X-Amz-Server-Side-Encryption", "aws:kms"}, nil},
		{"DSSE-KMS", []string{"X-Amz-Server-Side-Encryption", "aws:kms:dsse"}, nil},
		{"SSE-C", ssec, ssec},
	}
}()

func (m *multiBench) create(key string, mode testMode, header ...string) *multiUpload {
	m.t.Helper()
	r := m.must(http.MethodPost, "/bucket/"+key+"?uploads", nil, append(header, mode.write...)...)
	result, err := s3api.ParseCreateUploadResult(r.body)
	if err != nil {
		m.t.Fatal(err)
	}
	return &multiUpload{m, key, result.UploadID, mode, map[int][]byte{}, map[int]s3api.CompletedPart{}}
}

func (u *multiUpload) target(extra string) string {
	return "/bucket/" + u.key + "?" + extra + "uploadId=" + url.QueryEscape(u.id)
}

// put uploads a part.
func (u *multiUpload) put(number int, body []byte, header ...string) reply {
	u.m.t.Helper()
	r := u.m.do(http.MethodPut, u.target(fmt.Sprintf("partNumber=%d&", number)), body, append(header, u.mode.access...)...)
	if r.ok() {
		u.parts[number] = body
		u.listed[number] = s3api.CompletedPart{Number: number, ETag: unquote(r.header.Get("Etag"))}
	}
	return r
}

func (u *multiUpload) mustPut(number int, body []byte, header ...string) reply {
	u.m.t.Helper()
	r := u.put(number, body, header...)
	if !r.ok() {
		u.m.t.Fatalf("part %d: %d %s", number, r.status, r.body)
	}
	return r
}

// list returns the parts uploaded so far as a completion lists them.
func (u *multiUpload) list() []s3api.CompletedPart {
	var parts []s3api.CompletedPart
	for _, n := range sortedKeys(u.listed) {
		parts = append(parts, u.listed[n])
	}
	return parts
}

// plain returns what the object will hold.
func (u *multiUpload) plain() []byte {
	var b []byte
	for _, n := range sortedKeys(u.listed) {
		b = append(b, u.parts[n]...)
	}
	return b
}

// complete completes the upload with the given parts, by default all.
func (u *multiUpload) complete(parts []s3api.CompletedPart, header ...string) reply {
	u.m.t.Helper()
	if parts == nil {
		parts = u.list()
	}
	return u.m.do(http.MethodPost, u.target(""), s3api.AppendComplete(nil, parts), header...)
}

func (u *multiUpload) mustComplete() *s3api.CompleteUploadResult {
	u.m.t.Helper()
	r := u.complete(nil)
	if !r.ok() {
		u.m.t.Fatalf("completing: %d %s", r.status, r.body)
	}
	result, err := s3api.ParseCompleteUploadResult(r.body)
	if err != nil {
		u.m.t.Fatal(err)
	}
	return result
}

// get reads the object.
func (u *multiUpload) get(header ...string) reply {
	u.m.t.Helper()
	return u.m.do(http.MethodGet, "/bucket/"+u.key, nil, append(header, u.mode.access...)...)
}

// check checks that the object is what was uploaded and that nothing is left
// of the upload.
func (u *multiUpload) check() {
	u.m.t.Helper()
	r := u.get()
	want := u.plain()
	if !r.ok() || !bytes.Equal(r.body, want) {
		u.m.t.Errorf("%s: GET gives %d and %d bytes, want %d", u.key, r.status, len(r.body), len(want))
	}
	stored := u.m.store.buckets["bucket"][u.key]
	if got := int64(len(stored.body)); got != encryptor.StoredSize(int64(len(want))) {
		u.m.t.Errorf("%s: %d bytes are stored for %d", u.key, got, len(want))
	}
	u.checkGone()
}

// checkUnknown checks that nothing can be done with an upload that there is not.
func (u *multiUpload) checkUnknown(name string) {
	m := u.m
	m.t.Helper()
	for what, r := range map[string]reply{
		"large part": m.do(http.MethodPut, u.target("partNumber=1&"), bytesOf(mib5, 1)),
		"small part": m.do(http.MethodPut, u.target("partNumber=1&"), bytesOf(10, 1)),
		"completing": u.complete(nil),
		"listing":    m.do(http.MethodGet, u.target(""), nil),
		"aborting":   m.do(http.MethodDelete, u.target(""), nil),
	} {
		if r.status != http.StatusNotFound || r.code() != "NoSuchUpload" {
			m.t.Errorf("%s, %s: %d %s", name, what, r.status, r.body)
		}
	}
}

// checkGone checks that nothing is left of the upload.
func (u *multiUpload) checkGone() {
	u.m.t.Helper()
	dir := uploadID{"bucket", u.key, u.id}.dir()
	for _, name := range u.m.store.names(defaultSystem) {
		if strings.HasPrefix(name, dir) {
			u.m.t.Errorf("%s is left in the system bucket", name)
		}
	}
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }

var filling = func() []byte {
	b := make([]byte, 16<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}()

// bytesOf returns n bytes that differ from seed to seed. Nobody may change them.
func bytesOf(n, seed int) []byte { return filling[seed : seed+n : seed+n] }

func hexMD5(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // S3's ETag
	return hex.EncodeToString(sum[:])
}

func contentMD5(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // S3's
	return base64.StdEncoding.EncodeToString(sum[:])
}

// oneAtATime skips a test under the race detector that does nothing concurrently.
func oneAtATime(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("does nothing concurrently")
	}
}
