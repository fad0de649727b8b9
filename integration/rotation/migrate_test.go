package rotation_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// legacy fills the bucket as it was before there was a gateway, and returns the
// bodies by key.
func (e *site) legacy(t *testing.T) map[string]string {
	t.Helper()
	c := e.store.Client()
	wire.New(t, e.store.URL, e.store.AccessKey, e.store.SecretKey).Put(t, e.bucket, "empty", nil)
	bodies := map[string]string{"small": "small", "a b+c/ü": rand.Text(), "large": strings.Repeat(rand.Text(), 1_000_000), "parts": strings.Repeat(rand.Text(), 250_000)}
	for key, body := range bodies {
		o := minio.PutObjectOptions{
			UserMetadata: map[string]string{"Name_1": "caf\u00e9"}, UserTags: map[string]string{"a": "1 2", "b": ""},
			ContentType: "text/x-test", CacheControl: "no-cache", PartSize: 5 << 20, DisableMultipart: key != "parts",
		}
		if _, err := c.PutObject(t.Context(), e.bucket, key, strings.NewReader(body), int64(len(body)), o); err != nil {
			t.Fatal(err)
		}
	}
	bodies["empty"] = ""
	return bodies
}

// modesOf returns the encryption of every version of the bucket in the store.
func (e *site) modesOf(t *testing.T) map[string]metadata.Mode {
	t.Helper()
	direct := wire.New(t, e.store.URL, e.store.AccessKey, e.store.SecretKey)
	out := make(map[string]metadata.Mode)
	for _, v := range e.versions(t) {
		if v.IsDeleteMarker {
			continue
		}
		target := wire.Target(e.bucket, v.Key, "")
		name := v.Key
		if v.VersionID != "" && v.VersionID != "null" {
			target, name = wire.Target(e.bucket, v.Key, "versionId="+v.VersionID), v.Key+" "+v.VersionID
		}
		h := direct.Do(t, wire.Request{Method: http.MethodHead, Target: target}).Header
		env, err := metadata.FromHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = 0
		if env != nil {
			out[name] = env.Mode
		}
	}
	return out
}

// TestMigrate encrypts objects that were there before, by the rules and by the
// bucket's own configuration, and checks that clients see the same.
func TestMigrate(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		e := start(t, s)
		e.withVault(t)
		for _, tt := range []struct {
			name, more string
			own        string
			want       metadata.Mode
		}{
			{name: "nothing is said", want: metadata.SSES3},
			{name: "rule", more: "encryption * {\n default aws:kms\n bucket_key\n}", want: metadata.SSEKMS},
			{name: "own", own: "aws:kms:dsse", want: metadata.DSSEKMS},
		} {
			t.Run(tt.name, func(t *testing.T) {
				e.bucket = s.Bucket(t)
				e.more = "plaintext_reads *\n" + tt.more
				e.load(t)
				bodies := e.legacy(t)
				if tt.own != "" {
					doc := []byte("<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>" + tt.own +
						"</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>")
					e.expect(t, http.StatusOK, wire.Request{
						Method: http.MethodPut, Target: "/" + e.bucket + "?encryption", Header: headers("Content-Md5", wire.MD5(doc)), Body: doc,
					})
				}
				before := e.describe(t)
				if out := e.run(t, 0, "migrate", "--dry-run"); !strings.Contains(out, "not encrypted        5        0        5") {
					t.Errorf("dry run:\n%s", out)
				}
				if diff := cmp.Diff(before, e.describe(t)); diff != "" {
					t.Errorf("a dry run has changed something:\n%s", diff)
				}
				e.run(t, 0, "migrate")
				for key, mode := range e.modesOf(t) {
					if mode != tt.want {
						t.Errorf("%s: %s, want %s", key, mode, tt.want)
					}
				}
				e.more = tt.more
				e.load(t)
				for key, body := range bodies {
					e.reads(t, strings.TrimPrefix(wire.Target("", key, ""), "//"), body)
				}
				e.sameDescription(t, before, e.describe(t), tt.want)
				if out := e.run(t, 0, "migrate"); !strings.Contains(out, "total        5        5      0") {
					t.Errorf("the second run:\n%s", out)
				}
			})
		}
	})
}

// sameDescription checks that what clients know of objects is the same, apart
// from what encryption changes.
func (e *site) sameDescription(t *testing.T, before, after map[string]described, mode metadata.Mode) {
	t.Helper()
	for _, m := range []map[string]described{before, after} {
		for key, d := range m {
			for name := range d.Header {
				if strings.HasPrefix(name, sse) || name == "Etag" && (mode != metadata.SSES3 || key == "parts") {
					d.Header.Del(name)
				}
			}
		}
	}
	e.sameToClients(t, before, after)
}

// TestMigrateVersions encrypts versions, without and with the old ones.
func TestMigrateVersions(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.more = "plaintext_reads *"
	e.load(t)
	c := e.store.Client()
	if err := c.EnableVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for i := range 3 {
		body := fmt.Sprint("version ", i)
		info, err := c.PutObject(t.Context(), e.bucket, "k", strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want["k?versionId="+info.VersionID] = body
		time.Sleep(3 * time.Millisecond)
	}
	e.expect(t, http.StatusNoContent, wire.Request{Method: http.MethodDelete, Target: "/" + e.bucket + "/k", Header: headers()})
	before := e.listed(t)
	if out := e.run(t, 4, "migrate"); !strings.Contains(out, "it is an old version") {
		t.Errorf("without old versions:\n%s", out)
	}
	e.run(t, 0, "migrate", "--versions")
	after := e.listed(t)
	for i := range after {
		before[i].Size, after[i].Size = 0, 0
	}
	nearly := cmp.Comparer(func(x, y time.Time) bool { return x.Sub(y).Abs() <= 2*time.Millisecond })
	if diff := cmp.Diff(before, after, nearly); diff != "" {
		t.Errorf("versions (-before +after):\n%s", diff)
	}
	for name, mode := range e.modesOf(t) {
		if mode != metadata.SSES3 {
			t.Errorf("%s: %s", name, mode)
		}
	}
	e.more = ""
	e.load(t)
	for target, body := range want {
		e.reads(t, target, body)
	}
}

// TestMigrateHostile overwrites and deletes objects while they are encrypted.
func TestMigrateHostile(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.more = "plaintext_reads *"
	e.load(t)
	const objects = 60
	for i := range objects {
		e.store.Write(t, e.bucket, fmt.Sprint("k", i), []byte("old"), nil)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := objects - 1; i >= 0; i-- { // against the direction of the job
			if i%3 == 0 {
				e.do(t, wire.Request{Method: http.MethodDelete, Target: fmt.Sprintf("/%s/k%d", e.bucket, i), Header: headers()})
				continue
			}
			if a := e.do(t, wire.Request{Method: http.MethodPut, Target: fmt.Sprintf("/%s/k%d", e.bucket, i), Body: []byte("new")}); a.Status != http.StatusOK {
				t.Errorf("PUT k%d: status %d", i, a.Status)
			}
		}
	}()
	e.run(t, 0, "migrate", "--concurrency", "4")
	<-done
	e.run(t, 0, "migrate")
	e.more = ""
	e.load(t)
	for i := range objects {
		key := fmt.Sprint("k", i)
		if i%3 != 0 {
			e.reads(t, key, "new")
		} else if a := e.get(t, key); a.Status != http.StatusNotFound {
			t.Errorf("GET %s, which was deleted: status %d", key, a.Status)
		}
	}
}
