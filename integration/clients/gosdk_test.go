package clients_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// goSDK returns the AWS SDK for Go as a loaded configuration makes it.
func (e *endpoint) goSDK(t *testing.T) *s3.Client {
	t.Helper()
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(e.URL), UsePathStyle: true, Region: "us-east-1", HTTPClient: e.http(t),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(site.AccessKey, site.SecretKey, ""),
	})
}

// TestAWSSDKForGo uploads, lists, copies, downloads and deletes, by request and
// through both transfer managers.
func TestAWSSDKForGo(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		c := e.goSDK(t)
		for name, size := range tree {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &e.bucket, Key: &name, Body: bytes.NewReader(content(size))})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		e.expectTreeStored(t, "", sseS3)
		e.expectPages(t, c)

		t.Run("manager", func(t *testing.T) {
			e.eachMode(t, []mode{sseS3, sseKMS, dsse, sseC}, func(t *testing.T, m mode) {
				e.goManager(t, c, "manager/"+m.String(), m)
			})
		})
		t.Run("transfermanager", func(t *testing.T) {
			e.eachMode(t, []mode{sseS3, sseKMS, dsse, sseC}, func(t *testing.T, m mode) {
				e.goTransferManager(t, c, "transfermanager/"+m.String(), m)
			})
		})
		e.goCopy(t, c)
		e.goDelete(t, c)
		e.expectNothingLeft(t)
	})
}

// expectPages lists the tree two keys at a time.
func (e *endpoint) expectPages(t *testing.T, c *s3.Client) {
	t.Helper()
	sizes := map[string]int{}
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &e.bucket, MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			sizes[*o.Key] = int(*o.Size)
		}
	}
	if diff := cmp.Diff(tree, sizes); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

// customerMD5 is how requests name the key of clients.
func customerMD5() *string {
	sum := md5.Sum([]byte(customer))
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

func customerBase64() *string {
	return aws.String(base64.StdEncoding.EncodeToString([]byte(customer)))
}

func (e *endpoint) goManager(t *testing.T, c *s3.Client, key string, m mode) {
	put := &s3.PutObjectInput{Bucket: &e.bucket, Key: &key, Body: bytes.NewReader(content(large)), ContentType: aws.String("text/x-large")}
	get := &s3.GetObjectInput{Bucket: &e.bucket, Key: &key}
	switch m {
	case sseC:
		put.SSECustomerAlgorithm, put.SSECustomerKey, put.SSECustomerKeyMD5 = aws.String("AES256"), customerBase64(), customerMD5()
		get.SSECustomerAlgorithm, get.SSECustomerKey, get.SSECustomerKeyMD5 = put.SSECustomerAlgorithm, put.SSECustomerKey, put.SSECustomerKeyMD5
	default:
		put.ServerSideEncryption = types.ServerSideEncryption(m)
	}
	if m == sseKMS || m == dsse {
		put.SSEKMSKeyId = aws.String(kmsKey)
	}
	//nolint:staticcheck // deprecated, and what most programs use
	if _, err := manager.NewUploader(c).Upload(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	e.expect(t, key, content(large), m)
	buf := manager.NewWriteAtBuffer(nil)
	//nolint:staticcheck // as above
	if _, err := manager.NewDownloader(c).Download(t.Context(), buf, get); err != nil || !bytes.Equal(buf.Bytes(), content(large)) {
		t.Errorf("downloaded %d bytes: %v", len(buf.Bytes()), err)
	}
}

func (e *endpoint) goTransferManager(t *testing.T, c *s3.Client, key string, m mode) {
	put := &transfermanager.UploadObjectInput{Bucket: &e.bucket, Key: &key, Body: bytes.NewReader(content(large))}
	get := &transfermanager.GetObjectInput{Bucket: &e.bucket, Key: &key}
	switch m {
	case sseC:
		put.SSECustomerAlgorithm, put.SSECustomerKey, put.SSECustomerKeyMD5 = aws.String("AES256"), customerBase64(), customerMD5()
		get.SSECustomerAlgorithm, get.SSECustomerKey, get.SSECustomerKeyMD5 = put.SSECustomerAlgorithm, put.SSECustomerKey, put.SSECustomerKeyMD5
	default:
		put.ServerSideEncryption = tmtypes.ServerSideEncryption(m)
	}
	if m == sseKMS || m == dsse {
		put.SSEKMSKeyID = aws.String(kmsKey)
	}
	tm := transfermanager.New(c)
	if _, err := tm.UploadObject(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	e.expect(t, key, content(large), m)
	// By parts, which is the default, and by ranges.
	for how, tm := range map[string]*transfermanager.Client{
		"parts": tm, "ranges": transfermanager.New(c, func(o *transfermanager.Options) { o.GetObjectType = tmtypes.GetObjectRanges }),
	} {
		out, err := tm.GetObject(t.Context(), get)
		if err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, content(large)) {
			t.Errorf("%s: downloaded %d bytes: %v", how, len(got), err)
		}
	}
}

func (e *endpoint) goCopy(t *testing.T, c *s3.Client) {
	for _, name := range []string{"small.txt", "dir/sub/large.bin", "dir/ünï+code & more%20.bin"} {
		key := "copy/" + name
		source := strings.ReplaceAll((&url.URL{Path: e.bucket + "/" + name}).EscapedPath(), "+", "%2B")
		_, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{
			Bucket: &e.bucket, Key: &key, CopySource: &source,
		})
		if err != nil {
			t.Errorf("copying %s: %v", name, err)
			continue
		}
		e.expect(t, key, content(tree[name]), sseS3)
	}
}

func (e *endpoint) goDelete(t *testing.T, c *s3.Client) {
	var ids []types.ObjectIdentifier
	for _, key := range e.keys(t) {
		ids = append(ids, types.ObjectIdentifier{Key: aws.String(key)})
	}
	for batch := range slices.Chunk(ids, 3) {
		out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &e.bucket, Delete: &types.Delete{Objects: batch}})
		if err != nil || len(out.Errors) > 0 || len(out.Deleted) != len(batch) {
			t.Errorf("deleting: %+v, %v", out, err)
		}
	}
}
