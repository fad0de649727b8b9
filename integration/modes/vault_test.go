package modes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// deny is a policy that takes the use of a key away, whatever others grant.
func deny(key string) string {
	return `path "transit/encrypt/` + key + `" { capabilities = ["deny"] }
path "transit/decrypt/` + key + `" { capabilities = ["deny"] }`
}

// TestVaultErrors gives every answer of Vault to clients as the error that they
// know.
func TestVaultErrors(t *testing.T) {
	v := newVault(t, vault.Options{})
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, v, "cache_ttl off")})
	for _, mode := range []string{"aws:kms", "aws:kms:dsse"} {
		if a := e.try(t, e.bucket, mode, sse(mode, headerKeyID, keyAsked)); a.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", a.Status, a.Body)
		}
	}
	each := func(what string, status int, code, text string) {
		t.Helper()
		for _, mode := range []string{"aws:kms", "aws:kms:dsse"} {
			fails(t, what+", GET "+mode, e.get(t, e.bucket, mode, nil), status, code, text)
			if what == "old version" {
				continue
			}
			fails(t, what+", PUT "+mode, e.try(t, e.bucket, "refused", sse(mode, headerKeyID, keyAsked)), status, code, text)
			// Whoever only asks for the headers needs no key.
			if a := e.head(t, e.bucket, mode, nil); a.Status != http.StatusOK || a.Length != int64(len(content)) {
				t.Errorf("%s, HEAD: status %d", what, a.Status)
			}
		}
	}
	works := func() {
		t.Helper()
		eventually(t, "working again", func() bool { return e.get(t, e.bucket, "aws:kms", nil).Status == http.StatusOK })
		e.reads(t, e.bucket, "aws:kms:dsse", nil)
	}

	v.RotateKey(t, keyAsked)
	works()
	v.SetMinDecryptionVersion(t, keyAsked, 2)
	each("old version", http.StatusBadRequest, "KMS.KMSInvalidStateException", arn(keyAsked)+" is pending deletion")
	v.SetMinDecryptionVersion(t, keyAsked, 1)
	works()

	v.WritePolicy(t, "gateway", deny(keyAsked))
	each("denied", http.StatusForbidden, "AccessDenied", arn(keyAsked))
	v.WritePolicy(t, "gateway", `path "transit/+/s3-*" { capabilities = ["update"] }`)
	works()

	v.Throttle(t, "transit", 1)
	eventually(t, "throttled", func() bool { return e.get(t, e.bucket, "aws:kms", nil).Status != http.StatusOK })
	each("throttled", http.StatusServiceUnavailable, "SlowDown", "")
	v.Throttle(t, "transit", 0)
	works()

	v.Seal(t)
	each("sealed", http.StatusServiceUnavailable, "ServiceUnavailable", "The key management service cannot be reached.")
	v.Unseal(t)
	works()

	v.Kill()
	each("dead", http.StatusServiceUnavailable, "ServiceUnavailable", "The key management service cannot be reached.")
	if a := e.try(t, e.bucket, "plain", nil); a.Status != http.StatusOK {
		t.Errorf("SSE-S3 without Vault: status %d", a.Status)
	}
	v.Restart(t)
	works()

	v.DeleteKey(t, keyAsked)
	each("deleted", http.StatusBadRequest, "KMS.NotFoundException", "Key '"+arn(keyAsked)+"' does not exist")
	if a := e.get(t, e.bucket, "refused", nil); a.Status != http.StatusNotFound {
		t.Errorf("what was refused was written: status %d", a.Status)
	}
}

// TestVaultDownAtStart starts a site while Vault is down. It recovers by itself,
// and until then everything else works.
func TestVaultDownAtStart(t *testing.T) {
	v := newVault(t, vault.Options{})
	lines := keys(t, v)
	v.Kill()
	o := site.Options{TLS: true, Handler: lines}
	e := start(t, store.MinIO(t), o)
	for range 2 {
		fails(t, "PUT", e.try(t, e.bucket, "k", sse("aws:kms")), http.StatusServiceUnavailable, "ServiceUnavailable", "")
	}
	if a := e.try(t, e.bucket, "plain", nil); a.Status != http.StatusOK {
		t.Errorf("SSE-S3: status %d", a.Status)
	}
	v.Restart(t)
	eventually(t, "recovery", func() bool { return e.try(t, e.bucket, "k", sse("aws:kms")).Status == http.StatusOK })
	e.reads(t, e.bucket, "k", nil)
}

// TestVaultOverTLS uses a Vault that demands a client certificate.
func TestVaultOverTLS(t *testing.T) {
	v := newVault(t, vault.Options{ClientCertificate: true})
	role := v.CreateAppRole(t, "gateway", vault.Token{Policies: []string{"gateway"}, TTL: time.Hour})
	lines := "keys vault {\n\taddress " + v.URL + "\n\tca " + v.CA + "\n\tclient_certificate " + v.ClientCert + " " + v.ClientKey +
		"\n\tapprole {\n\t\trole_id " + role.RoleID + "\n\t\tsecret_id " + role.SecretID + "\n\t}\n}\n"
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: lines})
	if a := e.try(t, e.bucket, "k", sse("aws:kms", headerKeyID, keyAsked)); a.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", a.Status, a.Body)
	}
	e.reads(t, e.bucket, "k", nil)
	fails(t, "no default key", e.try(t, e.bucket, "k", sse("aws:kms")), http.StatusBadRequest, "InvalidArgument", "no default key")
}

// TestDisabledKeyTakesEffect disables a key that is remembered. It is used no
// longer than the configured time.
func TestDisabledKeyTakesEffect(t *testing.T) {
	const ttl = 2 * time.Second
	v := newVault(t, vault.Options{})
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, v, "cache_ttl 2s", "bucket_key_ttl 2s")})
	h := sse("aws:kms", headerKeyID, keyAsked, headerBucketKey, "true")
	begin := time.Now()
	if a := e.try(t, e.bucket, "k", h); a.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", a.Status, a.Body)
	}
	v.WritePolicy(t, "gateway", deny(keyAsked))
	if get, put := e.get(t, e.bucket, "k", nil), e.try(t, e.bucket, "k", h); time.Since(begin) < ttl && (get.Status != http.StatusOK || put.Status != http.StatusOK) {
		t.Errorf("at once: GET %d, PUT %d", get.Status, put.Status)
	}
	disabled := time.Now()
	for _, r := range []func() wire.Answer{
		func() wire.Answer { return e.get(t, e.bucket, "k", nil) },
		func() wire.Answer { return e.try(t, e.bucket, "k", h) },
	} {
		eventually(t, "refusal", func() bool {
			asked := time.Now()
			a := r()
			if a.Status == http.StatusOK && asked.Sub(disabled) > ttl {
				t.Fatalf("used %v after it was disabled", asked.Sub(disabled))
			}
			return a.Status == http.StatusForbidden
		})
	}
}
