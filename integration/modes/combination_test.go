package modes_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// asking are the ways to ask for an encryption, the columns of combinations.
var asking = []struct {
	name   string
	header http.Header
}{
	{"nothing", nil},
	{"AES256", sse("AES256")},
	{"kms", sse("aws:kms")},
	{"kms key", sse("aws:kms", headerKeyID, keyAsked)},
	{"kms bk", sse("aws:kms", headerBucketKey, "true")},
	{"kms no bk", sse("aws:kms", headerBucketKey, "false")},
	{"dsse", sse("aws:kms:dsse")},
	{"dsse key", sse("aws:kms:dsse", headerKeyID, keyAsked)},
	{"customer", customer(customerKey(1))},
}

// combinations say what comes of each way to ask, by what the bucket's own
// configuration is, if there is one, and the rule for its name: the mode, for
// the KMS modes with the key (of the request, the bucket, or the default one)
// and "bk" for bucket keys; or the status of a refusal.
var combinations = []struct {
	name   string
	prefix string // of the bucket's name, for which there may be a rule
	own    *s3api.BucketEncryption
	want   string
}{
	{
		"nothing", "test-", nil,
		"AES256 | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"AES256", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256},
		"AES256 | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"AES256, bucket key", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256, BucketKey: true},
		"AES256 | AES256 | kms default bk | kms asked bk | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"kms", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionKMS},
		"kms default | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"kms with a key", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionKMS, KeyID: keyBucket},
		"kms bucket | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"kms with a key, bucket key", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionKMS, KeyID: arn(keyBucket), BucketKey: true},
		"kms bucket bk | AES256 | kms default bk | kms asked bk | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"dsse", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionDSSE},
		"dsse default | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"dsse with a key, bucket key", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionDSSE, KeyID: keyBucket, BucketKey: true},
		"dsse bucket | AES256 | kms default bk | kms asked bk | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"SSE-C blocked", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECBlocked},
		"AES256 | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | 403",
	},
	{
		"kms, SSE-C blocked", "test-", &s3api.BucketEncryption{Method: s3api.EncryptionKMS, SSEC: s3api.SSECBlocked},
		"kms default | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | 403",
	},

	{
		"a rule", "rule-", nil,
		"kms bucket bk | AES256 | kms default bk | kms asked bk | kms default bk | kms default | dsse default | dsse asked | 403",
	},
	{
		"a rule, AES256", "rule-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256},
		"AES256 | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | 403",
	},
	{
		"a rule, SSE-C allowed", "rule-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECAllowed},
		"AES256 | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
	{
		"kms required", "must-", nil,
		"kms default | 403 | kms default | kms asked | kms default bk | kms default | 403 | 403 | 403",
	},
	{
		"kms required, AES256", "must-", &s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECAllowed},
		"403 | 403 | kms default | kms asked | kms default bk | kms default | 403 | 403 | 403",
	},
	{
		"kms required, dsse", "must-", &s3api.BucketEncryption{Method: s3api.EncryptionDSSE, KeyID: keyBucket},
		"403 | 403 | kms default | kms asked | kms default bk | kms default | 403 | 403 | 403",
	},
	{
		"dsse by a rule", "dsse-", nil,
		"dsse bucket | AES256 | kms default | kms asked | kms default bk | kms default | dsse default | dsse asked | C",
	},
}

const combinationRules = `
encryption rule-* {
	default aws:kms ` + keyBucket + `
	bucket_key
	block_sse_c
}
encryption must-* {
	default aws:kms
	require aws:kms
}
encryption dsse-* {
	default aws:kms:dsse alias/bucket
}
`

// TestCombinations asks in every way for an encryption, in buckets with every
// configuration.
func TestCombinations(t *testing.T) {
	v := newVault(t, vault.Options{})
	store.Each(t, func(t *testing.T, s *store.Store) {
		e := start(t, s, site.Options{TLS: true, Handler: keys(t, v, "alias bucket "+keyBucket) + combinationRules})
		for _, row := range combinations {
			t.Run(row.name, func(t *testing.T) {
				bucket := e.newBucket(t, row.prefix)
				if row.own != nil {
					e.configure(t, bucket, *row.own)
				}
				for i, want := range strings.Split(row.want, "|") {
					e.combine(t, bucket, asking[i].name, asking[i].header, strings.Fields(want))
				}
			})
		}
	})
}

// combine writes an object and reads it, and checks what the answers say of its
// encryption.
func (e *endpoint) combine(t *testing.T, bucket, name string, h http.Header, want []string) {
	t.Helper()
	put := e.try(t, bucket, name, h)
	if want[0] == "403" {
		fails(t, name, put, http.StatusForbidden, "AccessDenied", "")
		return
	}
	wanted := make(http.Header)
	var access http.Header
	switch want[0] {
	case "C":
		access = h
		wanted.Set(headerAlgorithm, "AES256")
		wanted.Set(headerKeyMD5, h.Get(headerKeyMD5))
	case "AES256":
		wanted.Set(headerSSE, want[0])
	default:
		wanted.Set(headerSSE, map[string]string{"kms": "aws:kms", "dsse": "aws:kms:dsse"}[want[0]])
		wanted.Set(headerKeyID, arn("s3-"+want[1]))
		if len(want) > 2 {
			wanted.Set(headerBucketKey, "true")
		}
	}
	for what, a := range map[string]wire.Answer{
		"PUT": put, "GET": e.reads(t, bucket, name, access), "HEAD": e.head(t, bucket, name, access),
	} {
		if a.Status != http.StatusOK {
			t.Errorf("%s, %s: status %d\n%.500s", name, what, a.Status, onlyErrors(a))
			continue
		}
		for _, header := range []string{headerSSE, headerKeyID, headerBucketKey, headerContext, headerAlgorithm, headerKey, headerKeyMD5} {
			if got := a.Header.Get(header); got != wanted.Get(header) {
				t.Errorf("%s, %s: %s is %q, want %q", name, what, header, got, wanted.Get(header))
			}
		}
	}
}

// TestBlockedCustomerKeys blocks SSE-C where there are such objects already:
// they can be read.
func TestBlockedCustomerKeys(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{TLS: true})
	h := customer(customerKey(1))
	if a := e.try(t, e.bucket, "k", h); a.Status != http.StatusOK {
		t.Fatalf("status %d", a.Status)
	}
	e.configure(t, e.bucket, s3api.BucketEncryption{Method: s3api.EncryptionAES256, SSEC: s3api.SSECBlocked})
	fails(t, "PUT", e.try(t, e.bucket, "k", h), http.StatusForbidden, "AccessDenied", "blocked")
	fails(t, "CreateMultipartUpload", e.Do(t, wire.Request{
		Method: http.MethodPost, Target: wire.Target(e.bucket, "k", "uploads"), Header: h,
	}), http.StatusForbidden, "AccessDenied", "blocked")
	copied := h.Clone()
	copied.Set("X-Amz-Copy-Source", "/"+e.bucket+"/k")
	for name, values := range h {
		copied[strings.Replace(name, "X-Amz-Server", "X-Amz-Copy-Source-Server", 1)] = values
	}
	fails(t, "CopyObject", e.Do(t, wire.Request{
		Method: http.MethodPut, Target: wire.Target(e.bucket, "k2", ""), Header: copied,
	}), http.StatusForbidden, "AccessDenied", "blocked")
	e.reads(t, e.bucket, "k", h)
}
