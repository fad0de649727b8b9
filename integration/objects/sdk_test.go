package objects_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	miniocreds "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// overTLS returns the URL of a tunnel to the site, and a client that trusts
// it. Over TLS, SDKs send bodies in other ways.
func (e *endpoint) overTLS(t *testing.T) (string, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	config, client := srv.TLS.Clone(), srv.Client()
	srv.Close()
	config.NextProtos = nil
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go tunnel(in, strings.TrimPrefix(e.URL, "http://"))
		}
	}()
	t.Cleanup(client.CloseIdleConnections)
	return "https://" + l.Addr().String(), client
}

func tunnel(in net.Conn, addr string) {
	defer in.Close()
	out, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in)
		out.Close()
	}()
	_, _ = io.Copy(in, out)
}

// testSDKs writes and reads with SDKs as they come.
func testSDKs(t *testing.T, e *endpoint) {
	secure, client := e.overTLS(t)
	for name, at := range map[string]struct {
		url    string
		client *http.Client
	}{"http": {e.URL, e.http}, "https": {secure, client}} {
		t.Run("minio-go/"+name, func(t *testing.T) {
			c, err := minio.New(at.url[len(name+"://"):], &minio.Options{
				Creds: miniocreds.NewStaticV4(site.AccessKey, site.SecretKey, ""), Secure: name == "https", Region: "us-east-1",
				BucketLookup: minio.BucketLookupPath, Transport: at.client.Transport, TrailingHeaders: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{0, 1, chunk, streamed} {
				for how, opts := range map[string]minio.PutObjectOptions{
					"default": {}, "MD5": {SendContentMd5: true}, "SHA256": {Checksum: minio.ChecksumSHA256},
					"CRC64NVME": {Checksum: minio.ChecksumCRC64NVME, DisableContentSha256: true},
				} {
					opts.DisableMultipart = true
					e.minioRoundTrip(t, c, fmt.Sprintf("minio-go/%s/%d/%s", name, size, how), size, opts)
				}
			}
		})
		t.Run("aws-sdk-go-v2/"+name, func(t *testing.T) {
			c := s3.New(s3.Options{
				BaseEndpoint: aws.String(at.url), UsePathStyle: true, Region: "us-east-1", HTTPClient: at.client,
				// The defaults of a loaded configuration.
				RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
				ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
				Credentials:                credentials.NewStaticCredentialsProvider(site.AccessKey, site.SecretKey, ""),
			})
			for _, size := range []int{0, 1, chunk, streamed} {
				e.awsRoundTrip(t, c, size)
			}
		})
	}
}

func (e *endpoint) minioRoundTrip(t *testing.T, c *minio.Client, key string, size int, opts minio.PutObjectOptions) {
	t.Helper()
	opts.UserMetadata = map[string]string{"Colour": "blue"}
	put, err := c.PutObject(t.Context(), e.bucket, key, bytes.NewReader(plain(size)), int64(size), opts)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	o, err := c.GetObject(t.Context(), e.bucket, key, minio.GetObjectOptions{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil || !bytes.Equal(got, plain(size)) {
		t.Errorf("%s: read %d bytes, %v", key, len(got), err)
	}
	info, err := c.StatObject(t.Context(), e.bucket, key, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	type facts struct {
		ETag, SHA256, CRC64, Colour string
		Size                        int64
	}
	want := facts{put.ETag, put.ChecksumSHA256, put.ChecksumCRC64NVME, "blue", int64(size)}
	have := facts{info.ETag, info.ChecksumSHA256, info.ChecksumCRC64NVME, info.UserMetadata["Colour"], info.Size}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +got):\n%s", key, diff)
	}
}

func (e *endpoint) awsRoundTrip(t *testing.T, c *s3.Client, size int) {
	t.Helper()
	key := aws.String(fmt.Sprintf("aws-sdk/%d é", size))
	put, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &e.bucket, Key: key, Body: bytes.NewReader(plain(size)), Metadata: map[string]string{"colour": "blue"},
		WebsiteRedirectLocation: aws.String("/elsewhere"),
	})
	if err != nil {
		t.Errorf("%d bytes: %v", size, err)
		return
	}
	get, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &e.bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer get.Body.Close()
	got, err := io.ReadAll(get.Body) // which checks the checksum
	if err != nil || !bytes.Equal(got, plain(size)) {
		t.Errorf("%d bytes: read %d, %v", size, len(got), err)
	}
	type facts struct{ ETag, CRC32, SSE, Redirect, Colour string }
	want := facts{aws.ToString(put.ETag), aws.ToString(put.ChecksumCRC32), "AES256", "/elsewhere", "blue"}
	have := facts{
		aws.ToString(get.ETag), aws.ToString(get.ChecksumCRC32), string(get.ServerSideEncryption),
		aws.ToString(get.WebsiteRedirectLocation), get.Metadata["colour"],
	}
	if diff := cmp.Diff(want, have); diff != "" || want.CRC32 == "" {
		t.Errorf("%d bytes (-want +got):\n%s", size, diff)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &e.bucket, Prefix: key})
	if err != nil || len(list.Contents) != 1 || aws.ToInt64(list.Contents[0].Size) != int64(size) || aws.ToString(list.Contents[0].ETag) != want.ETag {
		t.Errorf("%d bytes: listed %+v, %v", size, list, err)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &e.bucket, Key: key}); err != nil {
		t.Error(err)
	}
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &e.bucket, Key: key})
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NoSuchKey" {
		t.Errorf("after the deletion: %v", err)
	}
}
