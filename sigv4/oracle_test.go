package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/minio/minio-go/v7/pkg/signer"
	"pgregory.net/rapid"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// drawnRequest is a request as a client would build it.
type drawnRequest struct {
	method string
	path   string // decoded
	query  url.Values
	header http.Header
	body   []byte
}

var (
	pathRunes  = []rune("aZ09-._~/ +%!$&'()*,;=:@\"<>[]{}|^`\\?#éß漢😀\u00a0")
	valueRunes = []rune("aZ09-._~/ +%!$&'()*,;=:@\"<>[]{}|^`\\?#é漢😀")
	spaceRunes = []rune("ab-_=; ,:\"é ")
)

func drawRequest(t *rapid.T) drawnRequest {
	d := drawnRequest{
		method: rapid.SampledFrom([]string{"GET", "PUT", "POST", "DELETE", "HEAD"}).Draw(t, "method"),
		path:   "/bucket/" + rapid.StringOfN(rapid.SampledFrom(pathRunes), 0, 30, -1).Draw(t, "key"),
		query:  url.Values{},
		header: http.Header{},
		body:   rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body"),
	}
	if rapid.Bool().Draw(t, "literal") {
		d.path = rapid.SampledFrom([]string{"/", "/b/../c", "/b//c/", "/b/%2F", "/b/a+b c", "/b/./", "//x"}).Draw(t, "path")
	}
	for range rapid.IntRange(0, 4).Draw(t, "parameters") {
		// Go clients sort parameters before they encode them, S3 after; they
		// agree on names and repeated values that need no escape. minio-go
		// leaves the order of repeated values to its caller.
		name := rapid.SampledFrom([]string{"uploads", "prefix", "a", "a-b", "A", "x-id"}).Draw(t, "name")
		if d.query.Has(name) {
			d.query[name] = append([]string{"b"}, rapid.StringMatching("[a-z]{0,3}").Draw(t, "repeated"))
			slices.Sort(d.query[name])
			continue
		}
		d.query.Set(name, rapid.StringOfN(rapid.SampledFrom(valueRunes), 0, 8, -1).Draw(t, "value"))
	}
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := rapid.SampledFrom([]string{
			"X-Amz-Meta-A", "X-Amz-Meta-A-B", "X-Amz-Meta-My_key", "X-Amz-Meta-V1.2", "Content-Type", "Range", "X-Amz-Acl",
		}).Draw(t, "header")
		value := rapid.StringOfN(rapid.SampledFrom(spaceRunes), 1, 12, -1).Draw(t, "header value")
		d.header[name] = append(d.header[name], value)
	}
	return d
}

// request builds it with the escaping that S3 asks for.
func (d *drawnRequest) request(t *rapid.T) *http.Request {
	u := &url.URL{
		Scheme: "http", Host: "store.example:9000",
		Path: d.path, RawPath: s3api.EscapePath(d.path), RawQuery: d.query.Encode(),
	}
	r, err := http.NewRequest(d.method, "http://store.example:9000/", bytes.NewReader(d.body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.Header = u, d.header.Clone()
	return r
}

func (d *drawnRequest) hash() string {
	sum := sha256.Sum256(d.body)
	return hex.EncodeToString(sum[:])
}

// accept verifies a request over the wire and its body.
func accept(t *rapid.T, tb testing.TB, v *Verifier, r *http.Request, body []byte) *Auth {
	got := overTheWire(tb, r)
	auth, err := verify(v, got)
	if err != nil {
		t.Fatalf("Verify %s %q: %v\n%v", got.Method, got.RequestURI, err, err.(*s3api.Error).Field("CanonicalRequest"))
	}
	if auth.AccessKey != testKey {
		t.Fatalf("access key %q", auth.AccessKey)
	}
	data, err := io.ReadAll(auth.Body(got.Body))
	if err != nil || !bytes.Equal(data, body) {
		t.Fatalf("body: %d bytes, %v; want %d", len(data), err, len(body))
	}
	return auth
}

func TestAcceptsAWSSigner(t *testing.T) {
	aws4 := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		r := d.request(rt)
		payload := rapid.SampledFrom([]string{d.hash(), UnsignedPayload}).Draw(rt, "payload")
		r.Header.Set("X-Amz-Content-Sha256", payload)
		if err := aws4.SignHTTP(context.Background(), creds, r, payload, "s3", testRegion, testNow); err != nil {
			rt.Fatal(err)
		}
		accept(rt, t, testVerifier(t), r, d.body)
	})
}

func TestAcceptsAWSPresigner(t *testing.T) {
	aws4 := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		d.query.Set("X-Amz-Expires", "60")
		d.header = http.Header{"X-Amz-Server-Side-Encryption": {"AES256"}, "X-Amz-Meta-A": {"b"}}
		r := d.request(rt)
		payload := rapid.SampledFrom([]string{d.hash(), UnsignedPayload}).Draw(rt, "payload")
		if payload != UnsignedPayload {
			r.Header.Set("X-Amz-Content-Sha256", payload)
		}
		signedURL, signedHeader, err := aws4.PresignHTTP(context.Background(), creds, r, payload, "s3", testRegion, testNow)
		if err != nil {
			rt.Fatal(err)
		}
		sent, err := http.NewRequest(d.method, signedURL, bytes.NewReader(d.body))
		if err != nil {
			rt.Fatal(err)
		}
		for name, values := range signedHeader {
			if name != "Host" {
				sent.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
		auth := accept(rt, t, testVerifier(t), sent, d.body)
		if !auth.Presigned || auth.header(sent.Header, "X-Amz-Server-Side-Encryption")[0] != "AES256" {
			rt.Fatalf("presigned %v, hoisted %v", auth.Presigned, auth.Hoisted)
		}
		for _, p := range auth.Query {
			if hasPrefixFold(p.Name, "x-amz-") {
				rt.Fatalf("%s is left in the query", p.Name)
			}
		}
	})
}

// minio-go takes the time itself.
func minioVerifier(t testing.TB) *Verifier {
	v := testVerifier(t)
	v.Now = time.Now
	return v
}

func TestAcceptsMinioSigner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		r := d.request(rt)
		r.Header.Set("X-Amz-Content-Sha256", rapid.SampledFrom([]string{d.hash(), UnsignedPayload}).Draw(rt, "payload"))
		accept(rt, t, minioVerifier(t), signer.SignV4(*r, testKey, testSecret, "", testRegion), d.body)
	})
}

func TestAcceptsMinioPresigner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		d.header = http.Header{}
		r := d.request(rt)
		accept(rt, t, minioVerifier(t), signer.PreSignV4(*r, testKey, testSecret, "", testRegion, 60), d.body)
	})
}

type sha256Hasher struct{ hash.Hash }

func (sha256Hasher) Close() {}

func TestAcceptsMinioStreaming(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		d.method = "PUT"
		size := rapid.SampledFrom([]int{1, 8191, 65535, 65536, 65537, 200_000}).Draw(rt, "size")
		d.body = bytes.Repeat([]byte("streamed"), size/8+1)[:size]
		r := d.request(rt)
		trailer := rapid.Bool().Draw(rt, "trailer")
		if trailer {
			r.Trailer = http.Header{"X-Amz-Checksum-Crc32c": {"sOO8/Q=="}}
		}
		r = signer.StreamingSignV4(r, testKey, testSecret, "", testRegion, int64(size), testNow, sha256Hasher{sha256.New()})
		auth := accept(rt, t, testVerifier(t), r, d.body)
		want := PayloadChunksSigned
		if trailer {
			want = PayloadChunksSignedTrailer
		}
		if auth.Payload != want || auth.DecodedLength != int64(size) {
			rt.Fatalf("mode %v, length %d", auth.Payload, auth.DecodedLength)
		}
	})
}

func TestAcceptsMinioUnsignedTrailer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		d.method = "PUT"
		size := rapid.SampledFrom([]int{1, 8191, 65535, 65536, 65537, 200_000}).Draw(rt, "size")
		d.body = bytes.Repeat([]byte("streamed"), size/8+1)[:size]
		r := d.request(rt)
		r.Header.Set("X-Amz-Content-Sha256", StreamingUnsignedTrailer)
		r = signer.SignV4Trailer(*r, testKey, testSecret, "", testRegion, http.Header{"X-Amz-Checksum-Crc32": {"AAAAAA=="}})
		auth := accept(rt, t, minioVerifier(t), r, d.body)
		if auth.Payload != PayloadChunksTrailer || auth.TrailerName != "x-amz-checksum-crc32" {
			rt.Fatalf("mode %v, trailer %q", auth.Payload, auth.TrailerName)
		}
	})
}

// TestRoundTrip signs with Signer what Verifier must accept, in every way in
// which a URL can be given.
func TestRoundTrip(t *testing.T) {
	var s Signer
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		r := d.request(rt)
		switch rapid.IntRange(0, 3).Draw(rt, "form") {
		case 0: // net/http escapes less than S3 does
			r.URL.RawPath = ""
		case 1:
			r.URL.Opaque = s3api.EscapePath(d.path)
			r.URL.Path, r.URL.RawPath = "", ""
			if strings.HasPrefix(r.URL.Opaque, "//") {
				r.URL.Opaque = "//store.example:9000" + r.URL.Opaque
			}
		case 2:
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "=", "")
		}
		s.Sign(r, testCredential(t), testRegion, d.hash(), testNow)
		accept(rt, t, testVerifier(t), r, d.body)
	})
}

// TestSignerAgreesWithAWS compares the signatures themselves.
func TestSignerAgreesWithAWS(t *testing.T) {
	aws4 := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
	var s Signer
	rapid.Check(t, func(rt *rapid.T) {
		d := drawRequest(rt)
		ours, theirs := d.request(rt), d.request(rt)
		s.Sign(ours, testCredential(t), testRegion, d.hash(), testNow)
		theirs.ContentLength = 0 // which AWS signs when it is known
		theirs.Header.Set("X-Amz-Content-Sha256", d.hash())
		if err := aws4.SignHTTP(context.Background(), creds, theirs, d.hash(), "s3", testRegion, testNow); err != nil {
			rt.Fatal(err)
		}
		if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
			rt.Fatalf("Authorization\n got %s\nwant %s", got, want)
		}
	})
}
