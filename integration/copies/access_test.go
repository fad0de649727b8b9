package copies_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

func TestWhoMayCopyWhat(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "source", plain(100))
	own := stranger + "-" + e.bucket
	e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: "/" + own})
	e.Put(t, own, "source", plain(100))
	theirs := e.As(stranger, secretKey)
	for _, tt := range []struct {
		name   string
		client *wire.Client
		r      wire.Request
		status int
		code   string
	}{
		{"between buckets", e.Client, copyRequest(own, "copy", e.name("source")), http.StatusOK, ""},
		{"within one's own", theirs, copyRequest(own, "copy", own+"/source"), http.StatusOK, ""},
		{"from others'", theirs, copyRequest(own, "copy", e.name("source")), http.StatusForbidden, "AccessDenied"},
		{"to others'", theirs, copyRequest(e.bucket, "copy", own+"/source"), http.StatusForbidden, "AccessDenied"},
		{"from the gateway's", e.Client, copyRequest(own, "copy", "caddy-s3-sse-system/settings/encryption"), http.StatusForbidden, "AccessDenied"},
		{"to the gateway's", e.Client, copyRequest("caddy-s3-sse-system", "copy", e.name("source")), http.StatusForbidden, "AccessDenied"},
		{"missing", e.Client, copyRequest(own, "copy", e.name("missing")), http.StatusNotFound, "NoSuchKey"},
		{"missing bucket", e.Client, copyRequest(own, "copy", "/no-such-bucket-anywhere/source"), http.StatusNotFound, "NoSuchBucket"},
		{"to a missing bucket", e.Client, copyRequest("no-such-bucket-anywhere", "copy", e.name("source")), http.StatusNotFound, "NoSuchBucket"},
		{"no key", e.Client, copyRequest(own, "copy", "/"+e.bucket), http.StatusBadRequest, "InvalidArgument"},
		{"relative", e.Client, copyRequest(own, "copy", "/"+e.bucket+"/../"+own+"/source"), http.StatusBadRequest, "InvalidURI"},
	} {
		if a := tt.client.Do(t, tt.r); a.Status != tt.status || a.Code() != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
	anonymous := copyRequest(own, "copy", e.name("source"))
	anonymous.Anonymous = true
	if a := e.Do(t, anonymous); a.Status != http.StatusForbidden {
		t.Errorf("anonymous: %d %s", a.Status, a.Body)
	}
}

func TestKeysOfTheSource(t *testing.T) {
	e := start(t, nil)
	a, b := modeNamed(t, "SSE-C a"), modeNamed(t, "SSE-C b")
	for _, m := range modes() {
		e.create(t, m, m.name, 100)
	}
	for _, tt := range []struct {
		name, from string
		ask        []string
		status     int
		code       string
	}{
		{"none", a.name, nil, http.StatusBadRequest, "InvalidRequest"},
		{"wrong", a.name, b.source, http.StatusForbidden, "AccessDenied"},
		{"half", a.name, a.source[:4], http.StatusBadRequest, "InvalidArgument"},
		{"for the copy only", a.name, a.write, http.StatusBadRequest, "InvalidRequest"},
		{"of no use", "SSE-S3", a.source, http.StatusBadRequest, "InvalidRequest"},
		{"of no use for plaintext", "plaintext", a.source, http.StatusBadRequest, "InvalidRequest"},
		{"of no use for SSE-KMS", "SSE-KMS a", a.source, http.StatusBadRequest, "InvalidRequest"},
		{"two encryptions", "SSE-S3", append([]string{sse, "AES256"}, a.write...), http.StatusBadRequest, "InvalidArgument"},
	} {
		if got := e.Do(t, copyRequest(e.bucket, "copy", e.name(tt.from), tt.ask...)); got.Status != tt.status || got.Code() != tt.code {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
	e.keys.SetState("a", kms.ErrKeyDisabled)
	e.create(t, modeNamed(t, "SSE-KMS b"), "other", 100)
	for _, r := range []wire.Request{
		copyRequest(e.bucket, "copy", e.name("other"), modeNamed(t, "SSE-KMS a").write...),
		copyRequest(e.bucket, "copy", e.name("other"), modeNamed(t, "DSSE-KMS").write...),
	} {
		if got := e.Do(t, r); got.Code() != "KMS.DisabledException" {
			t.Errorf("a disabled key: %d %s", got.Status, got.Body)
		}
	}
}

func TestPlaintextSources(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.PlaintextReads = nil })
	for _, n := range []int{0, 100, 2 << 20} {
		e.store.Write(t, e.bucket, "legacy", plain(n), nil)
		if a := e.Do(t, copyRequest(e.bucket, "copy", e.name("legacy"))); a.Code() != "InvalidObjectState" {
			t.Errorf("%d bytes: %d %s", n, a.Status, a.Body)
		}
	}
	// Ciphertext that lost its metadata is nothing that could be copied either.
	e = start(t, nil)
	e.Put(t, e.bucket, "source", plain(100))
	e.store.Write(t, e.bucket, "stripped", e.store.Read(t, e.bucket, "source").Body, nil)
	a := e.Do(t, copyRequest(e.bucket, "copy", e.name("stripped")))
	if a.Code() != "InvalidObjectState" || !strings.Contains(string(a.Body), "lost its metadata") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestDefaultOfTheBucket: how the source is encrypted does not matter.
func TestDefaultOfTheBucket(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.Rules = []gateway.Rule{{Buckets: []string{stranger + "-*"}, Default: metadata.SSEKMS, KMSKey: "b", BucketKey: true}}
	})
	to := stranger + "-" + e.bucket
	e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: "/" + to})
	for _, m := range modes() {
		e.create(t, m, m.name, 100)
		a := e.Expect(t, http.StatusOK, copyRequest(to, m.name, e.name(m.name), m.source...))
		head := e.Head(t, to, m.name)
		for _, h := range []http.Header{a.Header, head.Header} {
			if h.Get(sse) != "aws:kms" || h.Get(keyID) != keyARN+"b" || h.Get(sse+"-Bucket-Key-Enabled") != "true" {
				t.Errorf("%s: %v", m.name, h)
			}
		}
		if len(m.source) > 0 {
			continue
		}
		// And back: to a bucket without a default.
		a = e.Expect(t, http.StatusOK, copyRequest(e.bucket, "back", "/"+to+"/"+strings.ReplaceAll(m.name, " ", "%20")))
		if a.Header.Get(sse) != "AES256" || a.Header[http.CanonicalHeaderKey(keyID)] != nil {
			t.Errorf("%s: %v", m.name, a.Header)
		}
	}
}
