package modes_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestAuditLogs joins the gateway's audit log with Vault's: whoever has both
// can say for which object of which client a key was used.
func TestAuditLogs(t *testing.T) {
	v := newVault(t, vault.Options{})
	log := filepath.Join(t.TempDir(), "audit")
	e := start(t, store.MinIO(t), site.Options{
		TLS: true, Handler: keys(t, v),
		Global: "log audit {\n\tinclude http.handlers.s3_sse.audit\n\toutput file " + log + "\n}",
	})
	ids := make(map[string]string) // of requests, by operation and key
	note := func(operation, key string, a wire.Answer) {
		t.Helper()
		if a.Status != http.StatusOK {
			t.Errorf("%s %s: status %d\n%.500s", operation, key, a.Status, onlyErrors(a))
		}
		ids[a.Header.Get("X-Amz-Request-Id")] = operation + " " + key
	}
	note("PutObject", "shared", e.try(t, e.bucket, "shared", sse("aws:kms", headerBucketKey, "true")))
	note("PutObject", "shared2", e.try(t, e.bucket, "shared2", sse("aws:kms", headerBucketKey, "true")))
	note("PutObject", "own", e.try(t, e.bucket, "own", sse("aws:kms:dsse", headerKeyID, keyAsked)))
	note("GetObject", "own", e.get(t, e.bucket, "own", nil))
	note("GetObject", "own", e.get(t, e.bucket, "own", nil))
	note("GetObject", "shared2", e.get(t, e.bucket, "shared2", nil))
	v.WritePolicy(t, "gateway", deny(keyBucket))
	refused := e.try(t, e.bucket, "refused", sse("aws:kms", headerKeyID, keyBucket))
	ids[refused.Header.Get("X-Amz-Request-Id")] = "PutObject refused"

	vaults := make(map[string]string) // paths of Vault's requests by id
	for _, entry := range v.AuditLog(t) {
		if entry.Type == "response" && entry.Error == "" {
			vaults[entry.RequestID] = entry.Path
		}
	}
	type entry struct {
		Action, Result, Key, Operation, Bucket, Object string
		AccessKey                                      string `json:"access_key"`
		RequestID                                      string `json:"request_id"`
		KMSRequestID                                   string `json:"kms_request_id"`
		KeyVersion                                     int    `json:"key_version"`
		CacheHit                                       bool   `json:"cache_hit"`
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(data)) {
		var a entry
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if ids[a.RequestID] != a.Operation+" "+a.Object || a.AccessKey != site.AccessKey || a.Bucket != e.bucket {
			t.Errorf("no request of ours: %s", line)
		}
		at := vaults[a.KMSRequestID]
		if (at == "") != (a.Result == "denied") || (a.KeyVersion == 1) != (at != "") {
			t.Errorf("no request of Vault's: %s", line)
		}
		got = append(got, strings.Join([]string{a.Operation, a.Object, a.Action, a.Result, a.Key, at}, " "))
	}
	want := []string{
		"PutObject shared generate miss " + keyDefault + " transit/encrypt/" + keyDefault,
		"PutObject shared2 generate hit " + keyDefault + " transit/encrypt/" + keyDefault,
		"PutObject own generate miss " + keyAsked + " transit/encrypt/" + keyAsked,
		"GetObject own unwrap miss " + keyAsked + " transit/decrypt/" + keyAsked,
		"GetObject own unwrap hit " + keyAsked + " transit/decrypt/" + keyAsked,
		"GetObject shared2 unwrap hit " + keyDefault + " transit/encrypt/" + keyDefault,
		"PutObject refused generate denied " + keyBucket + " ",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the log says\n%s\nwant\n%s", g, w)
	}
}
