// Package multipart_test uploads objects in parts through Caddy in front of
// real stores.
package multipart_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

const (
	mib5  = 5 << 20
	chunk = 65536
)

// endpoint is a site under test that speaks HTTPS, with a recording proxy
// between it and the store and a bucket of its own.
type endpoint struct {
	*site.Site
	proxy  *store.Proxy
	bucket string
	system string // the site's own bucket
	http   *http.Client
	s3     *s3.Client
}

func start(t *testing.T, s *store.Store, handler string) *endpoint {
	t.Helper()
	e := &endpoint{proxy: store.NewProxy(t, s.URL), bucket: s.Bucket(t)}
	e.system = e.bucket + "-system" // no two sites have the same master key
	e.Site = site.Start(t, s, site.Options{Upstream: e.proxy.URL, TLS: true, Handler: handler + "\nsystem_bucket " + e.system})
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8, TLSClientConfig: e.TLSConfig(t)}
	t.Cleanup(transport.CloseIdleConnections) // before Caddy stops: it would wait for them
	e.http = &http.Client{Transport: transport}
	e.s3 = s3.New(s3.Options{
		BaseEndpoint: aws.String(e.URL), UsePathStyle: true, Region: "us-east-1", HTTPClient: e.http,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(site.AccessKey, site.SecretKey, ""),
		RetryMaxAttempts:           5,
	})
	return e
}

func (e *endpoint) onMinIO() bool { return e.Store.Name == "minio" }

var random = sync.OnceValue(func() []byte {
	b := make([]byte, 24<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
})

// plain returns n bytes that differ from seed to seed. Nobody may change them.
func plain(n, seed int) []byte { return random()[seed : seed+n : seed+n] }

// customer is a customer key as the SDK takes it.
type customer struct{ algorithm, key, md5 *string }

func newCustomer(name string) customer {
	key := sha256.Sum256([]byte(name))
	sum := md5.Sum(key[:])
	return customer{
		aws.String("AES256"),
		aws.String(base64.StdEncoding.EncodeToString(key[:])),
		aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
}

// upload is an upload in progress.
type upload struct {
	e     *endpoint
	t     *testing.T
	key   string
	id    *string
	ssec  customer
	parts map[int32]types.CompletedPart
	bytes map[int32][]byte
}

func (e *endpoint) create(t *testing.T, in *s3.CreateMultipartUploadInput) *upload {
	t.Helper()
	in.Bucket = &e.bucket
	out, err := e.s3.CreateMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return &upload{
		e: e, t: t, key: *in.Key, id: out.UploadId, parts: map[int32]types.CompletedPart{}, bytes: map[int32][]byte{},
		ssec: customer{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5},
	}
}

// put uploads a part; change may alter the request.
func (u *upload) put(number int32, body []byte, change func(*s3.UploadPartInput)) (*s3.UploadPartOutput, error) {
	in := &s3.UploadPartInput{
		Bucket: &u.e.bucket, Key: &u.key, UploadId: u.id, PartNumber: &number, Body: bytes.NewReader(body),
		SSECustomerAlgorithm: u.ssec.algorithm, SSECustomerKey: u.ssec.key, SSECustomerKeyMD5: u.ssec.md5,
	}
	if change != nil {
		change(in)
	}
	out, err := u.e.s3.UploadPart(u.t.Context(), in)
	if err == nil {
		u.parts[number] = types.CompletedPart{
			PartNumber: &number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC64NVME: out.ChecksumCRC64NVME,
			ChecksumSHA256: out.ChecksumSHA256, ChecksumCRC32C: out.ChecksumCRC32C,
		}
		u.bytes[number] = body
	}
	return out, err
}

func (u *upload) mustPut(number int32, body []byte) {
	u.t.Helper()
	if _, err := u.put(number, body, nil); err != nil {
		u.t.Fatalf("part %d: %v", number, err)
	}
}

// completion lists the parts uploaded so far, without checksums unless asked for.
func (u *upload) completion(checksums bool) *s3.CompleteMultipartUploadInput {
	in := &s3.CompleteMultipartUploadInput{Bucket: &u.e.bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{}}
	for n := int32(1); n <= 10000; n++ {
		if p, ok := u.parts[n]; ok {
			if !checksums {
				p = types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag}
			}
			in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, p)
		}
	}
	return in
}

func (u *upload) complete() *s3.CompleteMultipartUploadOutput {
	u.t.Helper()
	out, err := u.e.s3.CompleteMultipartUpload(u.t.Context(), u.completion(false))
	if err != nil {
		u.t.Fatalf("completing %s: %v", u.key, err)
	}
	return out
}

// plain returns what the object will hold.
func (u *upload) plain() []byte {
	var b []byte
	for n := int32(1); n <= 10000; n++ {
		b = append(b, u.bytes[n]...)
	}
	return b
}

// check checks the object and that nothing is left of the upload. It returns
// the object's ETag.
func (u *upload) check() string {
	u.t.Helper()
	out, err := u.e.s3.GetObject(u.t.Context(), &s3.GetObjectInput{
		Bucket: &u.e.bucket, Key: &u.key, ChecksumMode: types.ChecksumModeEnabled,
		SSECustomerAlgorithm: u.ssec.algorithm, SSECustomerKey: u.ssec.key, SSECustomerKeyMD5: u.ssec.md5,
	})
	if err != nil {
		u.t.Errorf("reading %s: %v", u.key, err)
		return ""
	}
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	if want := u.plain(); err != nil || !bytes.Equal(got, want) {
		u.t.Errorf("%s: %d bytes, want %d, %v", u.key, len(got), len(want), err)
	}
	u.e.checkEmpty(u.t)
	return *out.ETag
}

// checkEmpty checks that the gateway remembers no upload.
func (e *endpoint) checkEmpty(t *testing.T) {
	t.Helper()
	for _, name := range e.remembered(t) {
		t.Errorf("%s is left in the system bucket", name)
	}
}

// remembered lists what the gateway remembers of uploads.
func (e *endpoint) remembered(t *testing.T) (names []string) {
	t.Helper()
	for o := range e.Store.Client().ListObjects(t.Context(), e.system, minio.ListObjectsOptions{Prefix: "uploads/", Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		names = append(names, o.Key)
	}
	return names
}

// code returns the S3 error code of err.
func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// once is the SDK without another try.
func once(o *s3.Options) { o.RetryMaxAttempts = 1 }
