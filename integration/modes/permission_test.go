package modes_test

import (
	"net/http"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestAllowedKeys has clients that may use some keys only, for writing and for
// reading, whoever named the key.
func TestAllowedKeys(t *testing.T) {
	const secret = "a-secret-of-some-length"
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, newVault(t, vault.Options{})) +
		"credential some " + secret + " {\n\tkms_keys s3-b* " + keyAsked + "\n}\n" +
		"credential reader " + secret + " {\n\tread_only\n}\n" +
		"encryption rule-* {\n\tdefault aws:kms\n}\n"})
	some, reader := *e, *e
	some.Client, reader.Client = e.As("some", secret), e.As("reader", secret)
	ruled := e.newBucket(t, "rule-")
	for _, mode := range []string{"aws:kms", "aws:kms:dsse"} {
		for key, may := range map[string]bool{keyAsked: true, keyBucket: true, keyDefault: false} {
			if a := e.try(t, e.bucket, key, sse(mode, headerKeyID, key)); a.Status != http.StatusOK {
				t.Fatalf("status %d\n%s", a.Status, a.Body)
			}
			reader.reads(t, e.bucket, key, nil)
			put := some.try(t, e.bucket, "some", sse(mode, headerKeyID, arn(key)))
			if may {
				if put.Status != http.StatusOK {
					t.Errorf("%s: status %d\n%s", key, put.Status, put.Body)
				}
				some.reads(t, e.bucket, key, nil)
				continue
			}
			fails(t, "PUT "+key, put, http.StatusForbidden, "AccessDenied", arn(key))
			fails(t, "GET "+key, some.get(t, e.bucket, key, nil), http.StatusForbidden, "AccessDenied", arn(key))
			fails(t, "the default key", some.try(t, e.bucket, "some", sse(mode)), http.StatusForbidden, "AccessDenied", arn(key))
			fails(t, "the rule's key", some.try(t, ruled, "some", nil), http.StatusForbidden, "AccessDenied", arn(key))
		}
	}
	doc := s3api.BucketEncryption{Method: s3api.EncryptionKMS}.AppendXML(nil)
	for _, r := range []wire.Request{
		{Method: http.MethodPut, Target: wire.Target(e.bucket, "", "encryption"), Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc))},
		{Method: http.MethodDelete, Target: wire.Target(e.bucket, "", "encryption")},
	} {
		fails(t, r.Method+", read-only", reader.Do(t, r), http.StatusForbidden, "AccessDenied", "read-only")
	}
	if a := reader.Do(t, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "", "encryption")}); a.Status != http.StatusOK {
		t.Errorf("GetBucketEncryption, read-only: status %d", a.Status)
	}
}

// TestClientIdentity signs requests to the store as the client, whose account
// there cannot see the gateway's own bucket: that is the service account's.
func TestClientIdentity(t *testing.T) {
	s := store.MinIO(t)
	e := start(t, s, site.Options{TLS: true, Handler: keys(t, newVault(t, vault.Options{})) +
		"upstream_identity client\ncredential " + s.AccessKey + " " + s.SecretKey + "\n"})
	e.Client = e.As(s.AccessKey, s.SecretKey)
	if a := e.try(t, e.bucket, "k", nil); a.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", a.Status, a.Body)
	}
	e.configure(t, e.bucket, s3api.BucketEncryption{Method: s3api.EncryptionDSSE})
	if a := e.try(t, e.bucket, "k", nil); a.Header.Get(headerSSE) != "aws:kms:dsse" {
		t.Errorf("status %d, %q\n%s", a.Status, a.Header.Get(headerSSE), onlyErrors(a))
	}
	e.reads(t, e.bucket, "k", nil)
	// A client whom the store does not know.
	stranger := *e
	stranger.Client = e.As(site.AccessKey, site.SecretKey)
	doc := s3api.BucketEncryption{Method: s3api.EncryptionAES256}.AppendXML(nil)
	if a := stranger.Do(t, wire.Request{
		Method: http.MethodPut, Target: wire.Target(e.bucket, "", "encryption"), Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc)),
	}); a.Status != http.StatusForbidden {
		t.Errorf("PutBucketEncryption: status %d\n%s", a.Status, a.Body)
	}
}
