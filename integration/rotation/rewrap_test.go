package rotation_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

const sse = "X-Amz-Server-Side-Encryption"

// modes are ways to write an object, by the name of the object.
var modes = map[string][]string{
	"s3":      {"X-Amz-Meta-Name_1", "caf=?é", "X-Amz-Tagging", "a=1%202&b=", "Content-Type", "text/x-test", "Cache-Control", "no-cache", "Expires", "never", "Content-Encoding", "gzip"},
	"s3 +%20": {"X-Amz-Website-Redirect-Location", "/elsewhere"},
	"kms":     {sse, "aws:kms", sse + "-Context", "eyJhIjoiYiJ9"},
	"bucket":  {sse, "aws:kms", sse + "-Bucket-Key-Enabled", "true"},
	"bucket2": {sse, "aws:kms", sse + "-Bucket-Key-Enabled", "true"},
	"dsse":    {sse, "aws:kms:dsse"},
	"c":       customer(),
}

// TestRewrap rotates the master key and a key in Vault and moves everything. Then
// the old ones are taken away.
func TestRewrap(t *testing.T) {
	store.Each(t, testRewrap)
	t.Run("minio without MD5", func(t *testing.T) { testRewrap(t, store.MinIOWithoutMD5(t)) })
	t.Run("minio encrypting", func(t *testing.T) { testRewrap(t, store.MinIOEncrypting(t)) })
}

func testRewrap(t *testing.T, s *store.Store) {
	e := start(t, s)
	e.withVault(t)
	e.more = "plaintext_reads *"
	e.load(t)
	for key, pairs := range modes {
		e.put(t, strings.ReplaceAll(key, " ", "%20"), key, pairs...)
	}
	big := strings.Repeat("0123456789abcdef", 1<<20) // in parts
	e.upload(t, "multipart", big)
	s.Write(t, e.bucket, "plain", []byte("plain"), nil)
	pending := e.begin(t, "pending")

	e.masters = []string{"a", "b"}
	e.load(t)
	e.vault.RotateKey(t, kmsKey)
	before := e.describe(t)
	exclusive := []string{"--state", e.dir + "/state"}
	if s.Name != "minio" {
		out := e.run(t, 4, "rewrap")
		if !strings.Contains(out, "upload at the same time is lost") {
			t.Errorf("a store that cannot guard against uploads:\n%s", out)
		}
		exclusive = append(exclusive, "--exclusive")
	}
	out := e.run(t, 0, "rewrap", append(exclusive, "--dry-run")...)
	if !strings.Contains(out, "to move") {
		t.Errorf("dry run:\n%s", out)
	}
	if diff := cmp.Diff(before, e.describe(t)); diff != "" {
		t.Errorf("a dry run has changed something:\n%s", diff)
	}
	out = e.run(t, 0, "rewrap", exclusive...)
	for _, want := range []string{
		"SSE-S3 a        3        0      3          0       0",
		"SSE-KMS s3-photos version 1        3        0      3          0       0",
		"DSSE-KMS s3-photos version 1 and a        1        0      1          0       0",
		"SSE-C        1        1      0          0       0",
		"not encrypted        1        1      0          0       0",
		`1 uploads in parts that began under the master key "a" were not finished`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report has no line %q:\n%s", want, out)
		}
	}
	e.checkMoved(t, before)
	if out := e.run(t, 0, "rewrap", exclusive...); !strings.Contains(out, "SSE-S3 b        3        3      0") {
		t.Errorf("the second run:\n%s", out)
	}

	e.abort(t, "pending", pending)
	e.masters = []string{"b"}
	e.load(t)
	e.vault.SetMinDecryptionVersion(t, kmsKey, 2)
	for key, pairs := range modes {
		var need []string
		if key == "c" {
			need = pairs
		}
		e.reads(t, strings.ReplaceAll(key, " ", "%20"), key, need...)
	}
	e.reads(t, "multipart", big)
	e.reads(t, "plain", "plain")
	if out := e.run(t, 0, "rewrap"); strings.Contains(out, "began under") {
		t.Errorf("after all uploads:\n%s", out)
	}
}

// TestRewrapFolders moves objects whose keys end in a slash.
func TestRewrapFolders(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.load(t)
	e.put(t, "folder/", "a folder", "X-Amz-Meta-Shape", "round")
	e.put(t, "large/", strings.Repeat("large", 1<<15))
	e.masters = []string{"a", "b"}
	e.load(t)
	before := e.get(t, "folder/").Header
	if out := e.run(t, 4, "rewrap"); !strings.Contains(out, "2        0      1          1       0") || !strings.Contains(out, "ends in a slash") {
		t.Errorf("the report:\n%s", out)
	}
	e.run(t, 0, "rewrap", "--exclusive")
	e.masters = []string{"b"}
	e.load(t)
	e.reads(t, "folder/", "a folder")
	e.reads(t, "large/", strings.Repeat("large", 1<<15))
	if after := e.get(t, "folder/").Header; after.Get("Etag") != before.Get("Etag") || after.Get("X-Amz-Meta-Shape") != "round" {
		t.Errorf("after: %v\nbefore: %v", after, before)
	}
}

var tag = regexp.MustCompile(`<Tag>.*?</Tag>`)

// described is what clients know of an object without its version.
type described struct {
	Header http.Header
	Tags   []string
}

// describe returns what clients know of all objects.
func (e *site) describe(t *testing.T) map[string]described {
	t.Helper()
	out := make(map[string]described)
	for _, o := range e.versions(t) {
		target := "/" + e.bucket + "/" + strings.NewReplacer("%", "%25", " ", "%20").Replace(o.Key)
		var pairs []string
		if o.Key == "c" {
			pairs = customer()
		}
		a := e.do(t, wire.Request{Method: http.MethodHead, Target: target, Header: headers(pairs...)})
		if a.Status != http.StatusOK {
			t.Fatalf("HEAD %s: status %d", o.Key, a.Status)
		}
		for _, name := range []string{"Date", "X-Amz-Request-Id", "X-Amz-Id-2"} {
			a.Header.Del(name)
		}
		tags := e.do(t, wire.Request{Method: http.MethodGet, Target: target + "?tagging", Header: headers()})
		found := tag.FindAllString(string(tags.Body), -1) // of which the order is the store's
		slices.Sort(found)
		out[o.Key] = described{a.Header, found}
	}
	return out
}

// forgiveMillisecond makes times equal of which one is in the next second: what
// is replaced in place becomes younger by a millisecond.
func forgiveMillisecond(before, after map[string]described) {
	for key, d := range before {
		was, err := http.ParseTime(d.Header.Get("Last-Modified"))
		if a, ok := after[key]; ok && err == nil && a.Header.Get("Last-Modified") == was.Add(time.Second).Format(http.TimeFormat) {
			a.Header.Set("Last-Modified", d.Header.Get("Last-Modified"))
		}
	}
}

// sameToClients checks that clients see the same of objects before and after,
// apart from what the store cannot keep.
func (e *site) sameToClients(t *testing.T, before, after map[string]described) {
	t.Helper()
	if e.store.Name != "minio" {
		for _, m := range []map[string]described{before, after} {
			for _, d := range m {
				d.Header.Del("Last-Modified")
			}
		}
	}
	forgiveMillisecond(before, after)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("clients see something else (-before +after):\n%s", diff)
	}
}

// checkMoved checks that clients see the same as before, apart from what the
// store cannot keep.
func (e *site) checkMoved(t *testing.T, before map[string]described) {
	t.Helper()
	e.sameToClients(t, before, e.describe(t))
	direct := wire.New(t, e.store.URL, e.store.AccessKey, e.store.SecretKey)
	for _, o := range e.versions(t) {
		env, err := metadata.FromHeader(direct.Head(t, e.bucket, o.Key).Header)
		if err != nil {
			t.Fatal(err)
		}
		if env == nil {
			continue
		}
		if env.Mode == metadata.SSES3 && env.KeyID != "b" || env.Mode == metadata.DSSEKMS && env.OuterKeyID != "b" ||
			len(env.WrappedKEK) > 0 && !bytes.HasPrefix(env.WrappedKEK, []byte("vault:v2:")) {
			t.Errorf("%s: %s %s %s %.9s", o.Key, env.Mode, env.KeyID, env.OuterKeyID, env.WrappedKEK)
		}
	}
}

// core is a client of the site that uploads in parts.
func (e *site) core(t *testing.T) *minio.Core {
	t.Helper()
	c, err := store.Connect(e.URL, e.AccessKey, e.SecretKey, e.HTTP.Transport)
	if err != nil {
		t.Fatal(err)
	}
	return &minio.Core{Client: c}
}

func (e *site) begin(t *testing.T, key string) string {
	t.Helper()
	id, err := e.core(t).NewMultipartUpload(t.Context(), e.bucket, key, minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (e *site) abort(t *testing.T, key, id string) {
	t.Helper()
	if err := e.core(t).AbortMultipartUpload(t.Context(), e.bucket, key, id); err != nil {
		t.Fatal(err)
	}
}

func (e *site) upload(t *testing.T, key, body string) {
	t.Helper()
	_, err := e.core(t).Client.PutObject(t.Context(), e.bucket, key, strings.NewReader(body), int64(len(body)),
		minio.PutObjectOptions{PartSize: 5 << 20})
	if err != nil {
		t.Fatal(err)
	}
}
