package modes_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// encoded encodes an encryption context.
func encoded(context string) string { return base64.StdEncoding.EncodeToString([]byte(context)) }

// TestKMSRequests asks for SSE-KMS and DSSE-KMS in all the ways there are.
func TestKMSRequests(t *testing.T) {
	v := newVault(t, vault.Options{})
	v.CreateKey(t, "s3-derived", true)
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, v, "alias team "+keyAsked)})
	for _, mode := range []string{"aws:kms", "aws:kms:dsse"} {
		for id, key := range map[string]string{
			keyAsked:      keyAsked,
			arn(keyAsked): keyAsked,
			"alias/team":  keyAsked,
			strings.Replace(arn("team"), ":key/", ":alias/", 1): keyAsked,
			"s3-derived": "s3-derived",
		} {
			a := e.try(t, e.bucket, "k", sse(mode, headerKeyID, id))
			if a.Status != http.StatusOK || a.Header.Get(headerKeyID) != arn(key) {
				t.Errorf("%s, %s: status %d, key %q\n%s", mode, id, a.Status, a.Header.Get(headerKeyID), onlyErrors(a))
				continue
			}
			if etag := strings.Trim(a.Header.Get("Etag"), `"`); etag == md5Hex(content) || etag == "" {
				t.Errorf("%s: ETag %s", mode, etag)
			}
			e.reads(t, e.bucket, "k", nil)
		}

		for _, key := range []string{keyAsked, "s3-derived"} {
			context := encoded(`{ "project" : "ä" , "a": "1" }`)
			a := e.try(t, e.bucket, "k", sse(mode, headerKeyID, key, headerContext, context))
			if got := a.Header.Get(headerContext); a.Status != http.StatusOK || got != encoded(`{"a":"1","project":"ä"}`) {
				t.Errorf("%s, context: status %d, %q\n%s", mode, a.Status, got, onlyErrors(a))
			}
			for what, a := range map[string]wire.Answer{"GET": e.reads(t, e.bucket, "k", nil), "HEAD": e.head(t, e.bucket, "k", nil)} {
				if a.Header.Get(headerContext) != "" {
					t.Errorf("%s shows the context", what)
				}
			}
		}

		for _, test := range []struct {
			name       string
			header     []string
			code, text string
		}{
			{"no JSON", []string{headerContext, encoded("{")}, "InvalidArgument", "string-string map"},
			{"no base64", []string{headerContext, "*"}, "InvalidArgument", "string-string map"},
			{"nested", []string{headerContext, encoded(`{"a":{}}`)}, "InvalidArgument", "string-string map"},
			{"a key twice", []string{headerContext, encoded(`{"a":"1","a":"2"}`)}, "InvalidArgument", "string-string map"},
			{"bucket key", []string{headerBucketKey, "yes"}, "InvalidArgument", "true or false"},
			{"syntax", []string{headerKeyID, "../sys"}, "KMS.NotFoundException", "Invalid keyId '../sys'"},
			{"empty", []string{headerKeyID, ""}, "InvalidArgument", ""},
			{"no such key", []string{headerKeyID, "s3-missing"}, "KMS.NotFoundException", "Key '" + arn("s3-missing") + "' does not exist"},
			{"no such alias", []string{headerKeyID, "alias/missing"}, "KMS.NotFoundException", "Alias alias/missing is not found."},
			{"other region", []string{headerKeyID, strings.Replace(arn(keyAsked), "us-east-1", "eu-west-1", 1)}, "KMS.NotFoundException", "Invalid arn eu-west-1"},
			{"other account", []string{headerKeyID, strings.Replace(arn(keyAsked), "000000000000", "111111111111", 1)}, "KMS.NotFoundException", "Invalid keyId"},
		} {
			a := e.try(t, e.bucket, "refused", sse(mode, test.header...))
			fails(t, mode+", "+test.name, a, http.StatusBadRequest, test.code, test.text)
		}
	}
	fails(t, "bucket key of DSSE-KMS", e.try(t, e.bucket, "refused", sse("aws:kms:dsse", headerBucketKey, "true")),
		http.StatusBadRequest, "InvalidArgument", "not supported with aws:kms:dsse")
	for name, h := range map[string]http.Header{
		"key with AES256":    sse("AES256", headerKeyID, keyAsked),
		"key alone":          wire.Header(headerKeyID, keyAsked),
		"context alone":      wire.Header(headerContext, encoded("{}")),
		"bucket key, AES256": sse("AES256", headerBucketKey, "true"),
	} {
		fails(t, name, e.try(t, e.bucket, "refused", h), http.StatusBadRequest, "InvalidArgument", "requires HTTP header x-amz-server-side-encryption : aws:kms")
	}
	for _, mode := range []string{"aws:kms:x", "AWS:KMS", "aes256", ""} {
		fails(t, "mode "+mode, e.try(t, e.bucket, "refused", sse(mode)), http.StatusBadRequest, "InvalidArgument", "The encryption method specified is not supported")
	}
	e.try(t, e.bucket, "k", nil)
	for _, h := range []http.Header{sse("aws:kms"), sse("AES256"), wire.Header(headerKeyID, keyAsked)} {
		fails(t, "GET", e.get(t, e.bucket, "k", h), http.StatusBadRequest, "InvalidArgument", "header is not supported for this operation.")
		bare(t, "HEAD", e.head(t, e.bucket, "k", h), http.StatusBadRequest)
	}
	if a := e.get(t, e.bucket, "refused", nil); a.Status != http.StatusNotFound {
		t.Errorf("what was refused was written: status %d", a.Status)
	}
}

// TestKMSNeedsTLSAndSignatures reads and writes with KMS keys over plain HTTP
// and without a signature.
func TestKMSNeedsTLSAndSignatures(t *testing.T) {
	v := newVault(t, vault.Options{})
	for name, o := range map[string]site.Options{"plain": {}, "trusted proxy": overTrustedProxy} {
		t.Run(name, func(t *testing.T) {
			const rule = "public_buckets *\nencryption * {\n\tdefault aws:kms:dsse\n}\n"
			o.Handler = keys(t, v) + rule
			e := start(t, store.MinIO(t), o)
			plain := e.HTTP.Transport
			if name != "plain" {
				e.HTTP.Transport = forwarding{plain, "https"}
				if a := e.try(t, e.bucket, "k", nil); a.Status != http.StatusOK {
					t.Fatalf("status %d\n%s", a.Status, a.Body)
				}
				e.reads(t, e.bucket, "k", nil)
				anonymous := e.Do(t, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "k", ""), Anonymous: true})
				fails(t, "anonymous GET", anonymous, http.StatusBadRequest, "InvalidArgument", "require AWS Signature Version 4.")
				if !strings.Contains(string(anonymous.Body), "<ArgumentName>Authorization</ArgumentName><ArgumentValue>null</ArgumentValue>") {
					t.Errorf("%s", anonymous.Body)
				}
				bare(t, "anonymous HEAD", e.Do(t, wire.Request{
					Method: http.MethodHead, Target: wire.Target(e.bucket, "k", ""), Anonymous: true,
				}), http.StatusBadRequest)
				fails(t, "anonymous PUT", e.Do(t, wire.Request{
					Method: http.MethodPut, Target: wire.Target(e.bucket, "k", ""), Anonymous: true, Body: content,
				}), http.StatusForbidden, "AccessDenied", "")
				e.HTTP.Transport = forwarding{plain, "http"}
				fails(t, "GET", e.get(t, e.bucket, "k", nil), http.StatusBadRequest, "InvalidArgument", "must be made over a secure connection.")
				bare(t, "HEAD", e.head(t, e.bucket, "k", nil), http.StatusBadRequest)
			}
			for _, h := range []http.Header{nil, sse("aws:kms"), sse("aws:kms:dsse")} {
				fails(t, "PUT", e.try(t, e.bucket, "k2", h), http.StatusBadRequest, "InvalidArgument", "must be made over a secure connection.")
			}
			if a := e.try(t, e.bucket, "k3", sse("AES256")); a.Status != http.StatusOK {
				t.Errorf("AES256: status %d", a.Status)
			}
			e.reads(t, e.bucket, "k3", nil)
		})
	}
}

// TestPresignedKMS reads with a presigned URL.
func TestPresignedKMS(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, newVault(t, vault.Options{}))})
	if a := e.try(t, e.bucket, "k", sse("aws:kms")); a.Status != http.StatusOK {
		t.Fatalf("status %d", a.Status)
	}
	u, err := e.site.Client(t).PresignedGetObject(t.Context(), e.bucket, "k", time.Minute, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	if a := e.Do(t, wire.Request{Method: http.MethodGet, Target: u.RequestURI(), Anonymous: true}); a.Status != http.StatusOK || string(a.Body) != string(content) {
		t.Errorf("status %d, %d bytes", a.Status, len(a.Body))
	}
}

// TestDSSENeedsBothRoots takes one of the two roots away, in turn: the master
// key and the key in Vault.
func TestDSSENeedsBothRoots(t *testing.T) {
	v := newVault(t, vault.Options{})
	s := store.MinIO(t)
	bucket := ""
	t.Run("without the key in Vault", func(t *testing.T) {
		e := start(t, s, site.Options{TLS: true, Handler: keys(t, v, "cache_ttl off")})
		bucket = e.bucket
		if a := e.try(t, bucket, "k", sse("aws:kms:dsse")); a.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", a.Status, a.Body)
		}
		e.reads(t, bucket, "k", nil)
		v.DeleteKey(t, keyDefault)
		fails(t, "no key", e.get(t, bucket, "k", nil), http.StatusBadRequest, "KMS.NotFoundException", "")
		v.CreateKey(t, keyDefault, false)
		fails(t, "another key of that name", e.get(t, bucket, "k", nil), http.StatusBadRequest, "KMS.InvalidCiphertextException", "")
		if a := e.try(t, bucket, "k", sse("aws:kms:dsse")); a.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", a.Status, a.Body)
		}
		e.reads(t, bucket, "k", nil)
	})
	t.Run("without the master key", func(t *testing.T) {
		e := start(t, s, site.Options{TLS: true, Handler: keys(t, v)}) // with another master key of the same id
		a := e.get(t, bucket, "k", nil)
		fails(t, "another master key", a, http.StatusForbidden, "InvalidObjectState", "")
	})
}
