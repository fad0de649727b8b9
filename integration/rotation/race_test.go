package rotation_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// TestOtherMetadata puts the metadata of an object on the body that replaced it,
// as MinIO does when a copy onto itself and an upload come together. Clients
// read the new body, before and after a rotation, which puts it in order.
func TestOtherMetadata(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.load(t)
	direct := wire.New(t, e.store.URL, e.store.AccessKey, e.store.SecretKey)
	big := strings.Repeat("new", 4<<20)
	for key, body := range map[string]string{"small": "new", "multipart": big} {
		e.put(t, key, "old")
		old := direct.Head(t, e.bucket, key).Header.Get(metadata.Header)
		if len(body) > 1<<20 {
			e.upload(t, key, body)
		} else {
			e.put(t, key, body)
		}
		a := direct.Do(t, wire.Request{Method: http.MethodPut, Target: "/" + e.bucket + "/" + key, Header: http.Header{
			"X-Amz-Copy-Source":        {"/" + e.bucket + "/" + key},
			"X-Amz-Metadata-Directive": {"REPLACE"},
			metadata.Header:            {old},
		}})
		if a.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", a.Status, a.Body)
		}
		e.reads(t, key, body)
	}
	e.masters = []string{"a", "b"}
	e.load(t)
	if out := e.run(t, 0, "rewrap"); !strings.Contains(out, "2 objects had the metadata of another body") {
		t.Errorf("the report:\n%s", out)
	}
	e.masters = []string{"b"}
	e.load(t)
	for key, body := range map[string]string{"small": "new", "multipart": big} {
		e.reads(t, key, body)
		env, err := metadata.FromHeader(direct.Head(t, e.bucket, key).Header)
		if err != nil || env == nil || env.KeyID != "b" {
			t.Errorf("%s: %+v, %v", key, env, err)
		}
	}
}
