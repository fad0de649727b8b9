package docs_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

var sample = regexp.MustCompile(`(?m)^(caddy_s3_sse_[a-z_]+)\{([^}]*)\}`)

// TestMetrics compares the table of metrics with what a Caddy exposes after a
// request that went well and one for an object that goes bad in the middle.
func TestMetrics(t *testing.T) {
	got := scrape(t)
	want := make(map[string][]string)
	for _, row := range rows(t, section(t, "docs/operations.md", "Metrics")) {
		labels := codes(row[1])
		slices.Sort(labels)
		want[codes(row[0])[0]] = labels
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-table +Caddy):\n%s", diff)
	}

	for _, b := range blocks(t, "promql") {
		for _, m := range regexp.MustCompile(`(caddy_\w+)(?:\{(\w+)[=!~]+"[^"]*"\})?\[\d+[hm]\]`).FindAllStringSubmatch(b.text, -1) {
			labels, ok := want[m[1]]
			if !ok || m[2] != "" && !slices.Contains(labels, m[2]) {
				t.Errorf("%s: no metric %s with the label %q", b.file, m[1], m[2])
			}
		}
		if strings.Count(b.text, "caddy_") != strings.Count(b.text, "[") || strings.Count(b.text, "(") != strings.Count(b.text, ")") {
			t.Errorf("%s: not an expression: %s", b.file, b.text)
		}
	}
}

// scrape returns the metrics and their labels.
func scrape(t *testing.T) map[string][]string {
	t.Helper()
	s := store.VersityGW(t)
	// Keys in a Vault that is not there are counted, too.
	o := site.Options{TLS: true, Handler: "keys vault {\n\taddress http://127.0.0.1:1\n\ttoken_file /nonexistent\n}"}
	running := site.Start(t, s, o)
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	exporter := only(t, "docs/operations.md", "Metrics", "caddyfile", "metrics").text
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(
		[]byte(running.Caddyfile(o)+strings.ReplaceAll(exporter, "127.0.0.1:9180", addr)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}

	c, bucket := running.Client(t), s.Bucket(t)
	if _, err := c.PutObject(t.Context(), bucket, "key", bytes.NewReader(make([]byte, 1<<20)), 1<<20, minio.PutObjectOptions{DisableMultipart: true}); err != nil {
		t.Fatal(err)
	}
	mixUp(t, s, c, bucket)
	stored := s.Read(t, bucket, "key")
	stored.Body[len(stored.Body)/2] ^= 1
	s.Write(t, bucket, "key", stored.Body, stored.Info.UserMetadata)
	w := wire.New(t, running.URL, site.AccessKey, site.SecretKey)
	w.HTTP.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: running.TLSConfig(t)}
	w.Expect(t, http.StatusServiceUnavailable, wire.Request{
		Method: http.MethodPut, Target: wire.Target(bucket, "kms", ""), Header: wire.Header(
			"X-Amz-Server-Side-Encryption", "aws:kms", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "key"),
	})
	object, err := c.GetObject(t.Context(), bucket, "key", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, object); err == nil {
		t.Errorf("an object that was altered gives %d bytes and no error", n)
	}
	object.Close()

	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	for _, m := range sample.FindAllStringSubmatch(string(text), -1) {
		name := m[1]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		var labels []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		found[name] = labels
	}
	return found
}

// mixUp reads an object that has the metadata of the one that it replaced, as
// when a store copies an object onto itself while it is overwritten.
func mixUp(t *testing.T, s *store.Store, c *minio.Client, bucket string) {
	t.Helper()
	put := func(content string) store.Object {
		if _, err := c.PutObject(t.Context(), bucket, "mixed", strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		return s.Read(t, bucket, "mixed")
	}
	before, after := put("one"), put("two")
	s.Write(t, bucket, "mixed", after.Body, before.Info.UserMetadata)
	object, err := c.GetObject(t.Context(), bucket, "mixed", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if text, err := io.ReadAll(object); err != nil || string(text) != "two" {
		t.Errorf("read %q: %v", text, err)
	}
}

// TestPrometheus checks that Prometheus is told to look where Caddy shows its
// metrics.
func TestPrometheus(t *testing.T) {
	site, _, _ := strings.Cut(only(t, "docs/operations.md", "Metrics", "caddyfile", "metrics").text, " {")
	for _, b := range blocks(t, "yaml") {
		if !strings.Contains(b.text, `targets: ["`+strings.TrimPrefix(site, "http://")+`"]`) || strings.Contains(b.text, "\t") {
			t.Errorf("%s:\n%s", b.file, b.text)
		}
	}
}
