package post_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/webform"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// TestRefused sends forms that nobody has allowed.
func TestRefused(t *testing.T) {
	const elsewhere = "elsewhere"
	g := local.Start(t, store.MinIO(t), func(c *gateway.Config) {
		c.Credentials.(local.Clients).Add(t, gateway.Credential{AccessKey: "reader", ReadOnly: true})
		c.Credentials.(local.Clients).Add(t, gateway.Credential{AccessKey: "stranger", Buckets: []string{elsewhere}})
		c.Credentials.(local.Clients).Add(t, gateway.Credential{AccessKey: "keyless", KMSKeys: []string{"other"}})
		c.PublicBuckets = []string{"*"}
	})
	hour := time.Now().Add(time.Hour)
	eq := func(name, value string) any { return []string{"eq", "$" + name, value} }
	bucket := map[string]string{"bucket": g.Bucket}
	as := func(accessKey string) func(f *webform.Form) {
		return func(f *webform.Form) {
			f.Sign(t, webform.Key{AccessKey: accessKey, SecretKey: local.SecretKey}, g.Bucket)
		}
	}
	policy := func(conditions ...any) func(f *webform.Form) {
		return func(f *webform.Form) { f.SignPolicy(t, signer, hour, conditions...) }
	}
	for _, n := range []int{1000, large} {
		for name, tt := range map[string]struct {
			fields []string
			sign   func(f *webform.Form)
			status int
			code   string
			header []string
		}{
			"no signature":       {sign: func(*webform.Form) {}, status: 403, code: "AccessDenied"},
			"unknown access key": {sign: as("nobody"), status: 403, code: "InvalidAccessKeyId"},
			"wrong secret": {sign: func(f *webform.Form) {
				f.Sign(t, webform.Key{AccessKey: local.AccessKey, SecretKey: "wrong"}, g.Bucket)
			}, status: 403, code: "SignatureDoesNotMatch"},
			"another policy": {sign: func(f *webform.Form) { as(local.AccessKey)(f); f.Fields[len(f.Fields)-2][1] += "IA==" }, status: 403, code: "SignatureDoesNotMatch"},
			"signed long ago": {sign: func(f *webform.Form) {
				f.Sign(t, webform.Key{AccessKey: local.AccessKey, SecretKey: local.SecretKey, Time: time.Now().AddDate(0, 0, -8)}, g.Bucket)
			}, status: 403, code: "AccessDenied"},
			"expired":           {sign: func(f *webform.Form) { f.SignPolicy(t, signer, time.Now().Add(-time.Second), bucket, eq("key", "k")) }, status: 403, code: "AccessDenied"},
			"read only":         {sign: as("reader"), status: 403, code: "AccessDenied"},
			"other buckets":     {sign: as("stranger"), status: 403, code: "AccessDenied"},
			"another bucket":    {sign: policy(map[string]string{"bucket": elsewhere}, eq("key", "k")), status: 403, code: "AccessDenied"},
			"any bucket":        {sign: policy(eq("key", "k")), status: 403, code: "AccessDenied"},
			"another key":       {sign: policy(bucket, eq("key", "other")), status: 403, code: "AccessDenied"},
			"another prefix":    {sign: policy(bucket, []string{"starts-with", "$key", "user/"}), status: 403, code: "AccessDenied"},
			"a field too many":  {fields: []string{"x-amz-meta-a", "b"}, sign: policy(bucket, eq("key", "k")), status: 403, code: "AccessDenied"},
			"too small":         {sign: policy(bucket, eq("key", "k"), []any{"content-length-range", n + 1, n + 10}), status: 400, code: "EntityTooSmall"},
			"too large":         {sign: policy(bucket, eq("key", "k"), []any{"content-length-range", 1, n - 1}), status: 400, code: "EntityTooLarge"},
			"no policy":         {sign: policy("nonsense"), status: 400, code: "InvalidPolicyDocument"},
			"no key":            {fields: []string{"key", ""}, sign: as(local.AccessKey), status: 400, code: "InvalidArgument"},
			"a path for a key":  {fields: []string{"key", "a/../../b"}, sign: as(local.AccessKey), status: 400, code: "InvalidURI"},
			"unknown field":     {fields: []string{"x-amz-copy-source", "/b/k"}, sign: as(local.AccessKey), status: 501, code: "NotImplemented"},
			"private metadata":  {fields: []string{"x-amz-meta-s3sse", "x"}, sign: as(local.AccessKey), status: 400, code: "InvalidArgument"},
			"MD5":               {fields: []string{"Content-MD5", wire.MD5([]byte("x"))}, sign: as(local.AccessKey), status: 400, code: "BadDigest"},
			"SHA-256":           {fields: []string{"x-amz-checksum-sha256", sha("x")}, sign: as(local.AccessKey), status: 400, code: "BadDigest"},
			"no such KMS key":   {fields: []string{"x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id", "missing"}, sign: as(local.AccessKey), status: 400, code: "KMS.NotFoundException"},
			"forbidden KMS key": {fields: []string{"x-amz-server-side-encryption", "aws:kms"}, sign: as("keyless"), status: 403, code: "AccessDenied"},
			"SSE-C without TLS": {fields: customer('a'), sign: as(local.AccessKey), status: 400, code: "InvalidRequest", header: []string{"Insecure", "1"}},
			"half of SSE-C":     {fields: customer('a')[:2], sign: as(local.AccessKey), status: 400, code: "InvalidArgument"},
			"SSE in the header": {sign: as(local.AccessKey), status: 400, code: "InvalidArgument", header: []string{"X-Amz-Server-Side-Encryption", "aws:kms"}},
			"key in the header": {sign: as(local.AccessKey), status: 400, code: "InvalidArgument", header: customer('a')},
		} {
			if n == large && tt.status != 400 {
				continue // decided before the file is looked at
			}
			fields := tt.fields
			if fields == nil || fields[0] != "key" {
				fields = append([]string{"key", "k"}, fields...)
			}
			f := webform.New(fields...)
			f.File = plain(n)
			tt.sign(f)
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				a := refuse(t, g, tt.status, tt.code, f, tt.header...)
				if key := customer('a')[3]; bytes.Contains(a.Body, []byte(key)) {
					t.Error("the answer holds the customer key")
				}
			})
		}
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestDigests that are right are stored and given again.
func TestDigests(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, n := range []int{1000, 2 << 20, large} {
		key := fmt.Sprint(n)
		sum := sha(string(plain(n)))
		a := expect(t, g, http.StatusNoContent, form(t, g, key, n, "Content-MD5", wire.MD5(plain(n)), "x-amz-checksum-sha256", sum, "x-amz-checksum-algorithm", "SHA256"))
		head := check(t, g, key, n, a.Header.Get("Etag"), "X-Amz-Checksum-Mode", "ENABLED")
		if a.Header.Get("X-Amz-Checksum-Sha256") != sum || head.Header.Get("X-Amz-Checksum-Sha256") != sum || strings.Contains(a.Header.Get("Etag"), "-") {
			t.Errorf("%d bytes: answered with %v, HEAD %v", n, a.Header, head.Header)
		}
	}
}

// TestTwoSignatures: a form counts for its own signature alone.
func TestTwoSignatures(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, f := range []*webform.Form{form(t, g, "k", 10), webform.New("key", "k")} {
		contentType, body := f.Encode()
		a := g.Do(t, wire.Request{Method: http.MethodPost, Target: "/" + g.Bucket, Header: wire.Header("Content-Type", contentType), Body: body})
		if a.Status != http.StatusBadRequest || a.Code() != "InvalidArgument" {
			t.Errorf("status %d\n%s", a.Status, a.Body)
		}
	}
	nothing(t, g)
}

// TestNotAForm posts other things to a bucket.
func TestNotAForm(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, anonymous := range []bool{true, false} {
		for contentType, want := range map[string]int{"": 412, "text/plain": 412, "application/x-www-form-urlencoded": 412, "multipart/form-data": 400, "multipart/form-data; boundary=x": 400} {
			a := g.Do(t, wire.Request{Method: http.MethodPost, Target: "/" + g.Bucket, Anonymous: anonymous, Header: wire.Header("Content-Type", contentType), Body: []byte("key=k&file=x")})
			if a.Status != want {
				t.Errorf("%q: status %d, want %d\n%s", contentType, a.Status, want, a.Body)
			}
		}
	}
	nothing(t, g)
}

// TestLengths sends forms that do not say how long they are, and forms that
// end early.
func TestLengths(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	send := func(f *webform.Form, cut int) *http.Response {
		contentType, body := f.Encode()
		var r io.Reader = bytes.NewReader(body[:len(body)-cut])
		if cut == 0 {
			r = struct{ io.Reader }{r} // whose length nobody sees
		}
		rq, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/"+g.Bucket, r)
		if err != nil {
			t.Fatal(err)
		}
		rq.Header.Set("Content-Type", contentType)
		resp, err := g.HTTP.Do(rq)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for _, cut := range []int{4, 6, 60, 1000} {
		for _, n := range []int{2000, large} {
			if resp := send(form(t, g, "cut", n), cut); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%d bytes without the last %d: %s", n, cut, resp.Status)
			}
		}
	}
	nothing(t, g)
	for n, want := range map[int]int{0: 204, 1000: 204, mib5: 204, large: 411} {
		resp := send(form(t, g, fmt.Sprint(n), n), 0)
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s", n, resp.Status)
		} else if want == 204 {
			check(t, g, fmt.Sprint(n), n, resp.Header.Get("Etag"))
		}
	}
	noUploads(t, g)
}

// TestHashed: a hash that a form comes with is checked.
func TestHashed(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, n := range []int{1000, large} {
		f := form(t, g, "k", n)
		refuse(t, g, http.StatusBadRequest, "XAmzContentSHA256Mismatch", f, "X-Amz-Content-Sha256", sigv4.EmptySHA256)
		contentType, body := f.Encode()
		refuse(t, g, http.StatusBadRequest, "InvalidRequest", f, "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length", fmt.Sprint(len(body)), "Content-Type", contentType)
	}
}

// TestFaults: when the store fails, nothing is left of a large file.
func TestFaults(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for name, match := range map[string]func(*http.Request) bool{
		"begin": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.RawQuery == "uploads=" },
		"first": func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "1" },
		"last":  func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" },
		"end":   func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	} {
		met := false
		g.Proxy.Inject(func(r *http.Request) *store.Fault {
			if !match(r) {
				return nil
			}
			met = true
			return &store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(http.StatusServiceUnavailable, nil, "<Error><Code>SlowDown</Code></Error>")
			}}
		})
		a := post(t, g, form(t, g, "k", large))
		g.Proxy.Inject(nil)
		if !met || a.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: met %t, status %d\n%s", name, met, a.Status, a.Body)
		}
		nothing(t, g)
	}
}
