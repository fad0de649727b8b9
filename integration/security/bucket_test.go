package security_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestBucketSettings makes a bucket, sets what can be set of it and of an
// object in it, reads it back and removes all of it.
func TestBucketSettings(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	ctx := t.Context()
	c, err := store.Connect(e.URL, site.AccessKey, site.SecretKey, &http.Transport{DisableKeepAlives: true})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bucket := "settings-" + strings.ToLower(rand.Text())[:10]
	must(c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{ObjectLocking: true}))
	found, err := c.BucketExists(ctx, bucket)
	must(err)
	if !found {
		t.Error("the bucket that was made does not exist")
	}

	versioning, err := c.GetBucketVersioning(ctx, bucket)
	must(err)
	if !versioning.Enabled() {
		t.Errorf("object locking without versions: %v", versioning)
	}
	want, err := tags.MapToBucketTags(map[string]string{"team": "a b"})
	must(err)
	must(c.SetBucketTagging(ctx, bucket, want))
	got, err := c.GetBucketTagging(ctx, bucket)
	must(err)
	if diff := cmp.Diff(want.ToMap(), got.ToMap()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	must(c.RemoveBucketTagging(ctx, bucket))

	rules := lifecycle.NewConfiguration()
	rules.Rules = []lifecycle.Rule{{ID: "old", Status: "Enabled", Expiration: lifecycle.Expiration{Days: 30}}}
	must(c.SetBucketLifecycle(ctx, bucket, rules))
	gotRules, err := c.GetBucketLifecycle(ctx, bucket)
	must(err)
	if len(gotRules.Rules) != 1 || gotRules.Rules[0].Expiration.Days != 30 {
		t.Errorf("lifecycle %+v", gotRules)
	}

	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/*"]}]}`
	must(c.SetBucketPolicy(ctx, bucket, strings.Replace(policy, "BUCKET", bucket, 1)))
	gotPolicy, err := c.GetBucketPolicy(ctx, bucket)
	must(err)
	if !strings.Contains(gotPolicy, "s3:GetObject") {
		t.Errorf("policy %s", gotPolicy)
	}
	must(c.SetBucketPolicy(ctx, bucket, "")) // removes it

	mode, validity, unit := minio.Governance, uint(1), minio.Days
	must(c.SetObjectLockConfig(ctx, bucket, &mode, &validity, &unit))
	_, gotMode, gotValidity, _, err := c.GetObjectLockConfig(ctx, bucket)
	must(err)
	if *gotMode != mode || *gotValidity != validity {
		t.Errorf("object lock %v %v", *gotMode, *gotValidity)
	}
	must(c.SetObjectLockConfig(ctx, bucket, nil, nil, nil))

	until := time.Now().Add(time.Hour).Truncate(time.Second)
	info, err := c.PutObject(ctx, bucket, "k", strings.NewReader("content"), 7, minio.PutObjectOptions{
		Mode: minio.Governance, RetainUntilDate: until, UserTags: map[string]string{"a": "1"}, SendContentMd5: true,
	})
	must(err)
	gotTags, err := c.GetObjectTagging(ctx, bucket, "k", minio.GetObjectTaggingOptions{})
	must(err)
	if diff := cmp.Diff(map[string]string{"a": "1"}, gotTags.ToMap()); diff != "" {
		t.Errorf("object tags (-want +got):\n%s", diff)
	}
	must(c.PutObjectTagging(ctx, bucket, "k", want, minio.PutObjectTaggingOptions{}))
	must(c.RemoveObjectTagging(ctx, bucket, "k", minio.RemoveObjectTaggingOptions{}))
	retention, date, err := c.GetObjectRetention(ctx, bucket, "k", "")
	must(err)
	if *retention != minio.Governance || !date.Equal(until) {
		t.Errorf("retention %v until %v, want %v", *retention, date, until)
	}
	hold := minio.LegalHoldEnabled
	must(c.PutObjectLegalHold(ctx, bucket, "k", minio.PutObjectLegalHoldOptions{Status: &hold}))
	gotHold, err := c.GetObjectLegalHold(ctx, bucket, "k", minio.GetObjectLegalHoldOptions{})
	must(err)
	if *gotHold != hold {
		t.Errorf("legal hold %v", *gotHold)
	}
	hold = minio.LegalHoldDisabled
	must(c.PutObjectLegalHold(ctx, bucket, "k", minio.PutObjectLegalHoldOptions{Status: &hold}))

	if err := c.RemoveObject(ctx, bucket, "k", minio.RemoveObjectOptions{VersionID: info.VersionID}); err == nil {
		t.Error("a retained version was removed")
	}
	must(c.RemoveObject(ctx, bucket, "k", minio.RemoveObjectOptions{VersionID: info.VersionID, GovernanceBypass: true}))
	must(c.RemoveBucket(ctx, bucket))
	if found, err := c.BucketExists(ctx, bucket); err != nil || found {
		t.Errorf("the bucket that was removed exists: %v, %v", found, err)
	}

	for _, x := range e.proxy.Exchanges() {
		e.checkSigner(t, x)
	}
}

// TestCORS passes the configuration on where the store has it.
func TestCORS(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		doc := []byte(`<CORSConfiguration><CORSRule><AllowedOrigin>https://example.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>`)
		put := e.Do(t, wire.Request{
			Method: "PUT", Target: "/" + e.bucket + "?cors", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc)),
		})
		if put.Status == http.StatusNotImplemented { // MinIO's answer
			checkError(t, put, put.Status, "NotImplemented")
			return
		}
		if put.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", put.Status, put.Body)
		}
		got := e.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: "/" + e.bucket + "?cors"})
		if !strings.Contains(string(got.Body), "https://example.com") {
			t.Errorf("got %s", got.Body)
		}
	})
}

// TestEncryptionPolicies refuses policies about headers that the store never
// gets to see.
func TestEncryptionPolicies(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":CONDITION}]}`
	for _, condition := range []string{
		`{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}`,
		`{"Null":{"S3:X-Amz-Server-Side-Encryption":"true"}}`,
		`{"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"k"}}`,
		`{"Null":{"s3:x-amz-server-side-encryption-customer-algorithm":"true"}}`,
		`{"Null":{"s3:x-amz-server-side-\u0065ncryption":"true"}}`,
		`{"Null":{"s3\u003ax-amz-server-side-encryption":"true"}}`,
	} {
		doc := []byte(strings.NewReplacer("BUCKET", e.bucket, "CONDITION", condition).Replace(policy))
		a := e.Do(t, wire.Request{
			Method: "PUT", Target: "/" + e.bucket + "?policy", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc)),
		})
		checkError(t, a, http.StatusNotImplemented, "NotImplemented")
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
}

// checksum returns the CRC32 of b as it stands in a header.
func checksum(b []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)))
}

// TestDigestsOfDocuments sends configurations with and without what vouches
// for them.
func TestDigestsOfDocuments(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	doc := []byte(`<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`)
	for _, tc := range []struct {
		name   string
		header []string
		status int
		code   string
	}{
		{"nothing", nil, 400, "InvalidRequest"},
		{"wrong MD5", []string{"Content-Md5", wire.MD5([]byte("other"))}, 400, "BadDigest"},
		{"malformed MD5", []string{"Content-Md5", "!"}, 400, "InvalidDigest"},
		{"wrong CRC32", []string{"X-Amz-Checksum-Crc32", "AAAAAA=="}, 400, "BadDigest"},
		{"MD5", []string{"Content-Md5", wire.MD5(doc)}, 200, ""},
		{"CRC32", []string{"X-Amz-Checksum-Crc32", checksum(doc)}, 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.proxy.Reset()
			a := e.Do(t, wire.Request{Method: "PUT", Target: "/" + e.bucket + "?versioning", Body: doc, Header: wire.Header(tc.header...)})
			if tc.status == http.StatusOK {
				if a.Status != http.StatusOK {
					t.Errorf("status %d\n%s", a.Status, a.Body)
				}
				return
			}
			checkError(t, a, tc.status, tc.code)
			if got := e.proxy.Lines(); len(got) > 0 {
				t.Errorf("the store got %q", got)
			}
		})
	}
	e.proxy.Reset()
	policy := []byte(`{"Version":"2012-10-17","Statement":[]}`)
	target := "/" + e.bucket + "?policy"
	for what, r := range map[string]wire.Request{
		"a policy with a wrong MD5": {Method: "PUT", Target: target, Body: policy, Header: wire.Header("Content-Md5", wire.MD5(doc))},
		"a policy with a wrong CRC": {Method: "PUT", Target: target, Body: policy, Header: wire.Header("X-Amz-Checksum-Crc32", checksum(doc))},
		"a bucket with a wrong MD5": {Method: "PUT", Target: "/" + e.bucket, Body: doc, Header: wire.Header("Content-Md5", wire.MD5(policy))},
		"a policy that is not JSON": {Method: "PUT", Target: target, Body: doc},
		"a policy that has no end":  {Method: "PUT", Target: target, Body: policy[:20]},
	} {
		if a := e.Do(t, r); a.Status != http.StatusBadRequest {
			t.Errorf("%s: status %d\n%s", what, a.Status, a.Body)
		}
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
	large := []byte("<VersioningConfiguration>" + strings.Repeat(" ", 2<<20) + "</VersioningConfiguration>")
	e.proxy.Reset()
	checkError(t, e.Do(t, wire.Request{Method: "PUT", Target: "/" + e.bucket + "?versioning", Body: large, Header: wire.Header("Content-Md5", wire.MD5(large))}), 400, "MaxMessageLengthExceeded")
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
}
