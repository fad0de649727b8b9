package post_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestSizes uploads files around the sizes at which they are handled in other
// ways, with everything that a form can have behind its file.
func TestSizes(t *testing.T) {
	tails := []struct {
		name  string
		after [][2]string
		end   string
	}{
		{"usual", nil, "\r\n"},
		{"no line end", nil, ""},
		{"button", [][2]string{{"submit", "Upload"}}, "\r\n"},
		{"much", [][2]string{{"submit", strings.Repeat("x", 60<<10)}}, "\r\nepilogue"},
	}
	const certain = mib5 + 64<<10 // a file of so many bytes has at least 5 MiB, whatever follows it
	stores(t, func(t *testing.T, g *local.Gateway) {
		for i, n := range []int{0, 1, 65536, 1 << 20, mib5, certain - 200, certain - 2, certain - 1, certain, certain + 1, large} {
			for j, tail := range tails {
				if n > 1<<20 && (i+j)%3 > 0 {
					continue // a third of them will do
				}
				name := fmt.Sprintf("%s-%d", tail.name, n)
				f := form(t, g, strings.ReplaceAll(name, " ", "/"), n)
				f.After, f.End = tail.after, tail.end
				g.Proxy.Reset()
				a := expect(t, g, http.StatusNoContent, f)
				if got := requests(g); n < mib5 && len(got) != 1 || n == large && len(got) != 4 {
					t.Errorf("%s: the store got %q", name, got)
				}
				check(t, g, strings.ReplaceAll(name, " ", "/"), n, a.Header.Get("Etag"))
			}
		}
		noUploads(t, g)
	})
}

// TestLastPart: a file can end where it is certain that it goes on.
func TestLastPart(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	f := form(t, g, "k", large)
	f.End += strings.Repeat("x", 64<<10-len("--\r\n")) // all that may follow it
	check(t, g, "k", large, expect(t, g, http.StatusNoContent, f).Header.Get("Etag"))
	f = form(t, g, "other", large)
	f.End += strings.Repeat("x", 64<<10-len("--\r\n")+1)
	if a := post(t, g, f); a.Code() != "MalformedPOSTRequest" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	noUploads(t, g)
}

// TestETags are those of an object that was put with one request.
func TestETags(t *testing.T) {
	for _, tt := range []struct {
		policy gateway.ETagPolicy
		md5    map[int]bool // by size
	}{
		{gateway.ETagAuto, map[int]bool{1000: true, 2 << 20: false, large: false}},
		{gateway.ETagMD5, map[int]bool{1000: true, 2 << 20: true, large: true}},
		{gateway.ETagOpaque, map[int]bool{1000: false, 2 << 20: false, large: false}},
	} {
		t.Run(string(tt.policy), func(t *testing.T) {
			g := local.Start(t, store.MinIO(t), func(c *gateway.Config) { c.ETag = tt.policy })
			for n, want := range tt.md5 {
				sum := md5.Sum(plain(n))
				etag := `"` + hex.EncodeToString(sum[:]) + `"`
				key := fmt.Sprint(n)
				a := expect(t, g, http.StatusNoContent, form(t, g, key, n))
				if got := a.Header.Get("Etag"); (got == etag) != want || !want && !strings.Contains(got, "-") {
					t.Errorf("%d bytes: %s", n, got)
				}
				check(t, g, key, n, a.Header.Get("Etag"))
			}
		})
	}
}

// TestFields: what a header of PutObject says, a field can say.
func TestFields(t *testing.T) {
	stores(t, func(t *testing.T, g *local.Gateway) {
		for _, n := range []int{1000, large} {
			key := fmt.Sprint("dir/${filename}-", n)
			f := form(t, g, key, n,
				"Content-Type", "image/png", "Cache-Control", "no-store", "content-disposition", `attachment; filename="${filename}"`,
				"Content-Encoding", "x-none", "Expires", "Thu, 01 Dec 2033 16:00:00 GMT",
				"x-amz-meta-colour", "blue", "X-Amz-Meta-Shape", "round, square", "x-amz-storage-class", "STANDARD", "acl", "private",
				"x-amz-website-redirect-location", "/elsewhere", "x-ignore-this", "1",
				"tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>",
			)
			// The name of the file is put in after the policy was written.
			f.Filename = "photo.png"
			for i := range f.Fields {
				f.Fields[i][1] = strings.ReplaceAll(f.Fields[i][1], "${filename}", "photo.png")
			}
			f.Fields = f.Fields[:len(f.Fields)-5]
			f.Sign(t, signer, g.Bucket)
			for _, i := range []int{0, 3} {
				f.Fields[i][1] = strings.ReplaceAll(f.Fields[i][1], "photo.png", "${filename}")
			}
			key = fmt.Sprint("dir/photo.png-", n)
			a := expect(t, g, http.StatusNoContent, f)
			head := check(t, g, key, n, a.Header.Get("Etag"))
			for name, want := range map[string]string{
				"Content-Type": "image/png", "Cache-Control": "no-store", "Content-Disposition": `attachment; filename="photo.png"`,
				"Content-Encoding": "x-none", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
				"X-Amz-Meta-Colour": "blue", "X-Amz-Meta-Shape": "round, square", "X-Amz-Website-Redirect-Location": "/elsewhere",
				"X-Amz-Server-Side-Encryption": "AES256", "X-Ignore-This": "",
			} {
				if got := head.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			tags, err := g.Store.Client().GetObjectTagging(t.Context(), g.Bucket, key, minio.GetObjectTaggingOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"a": "b c"}, tags.ToMap()); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		}
	})
}

// TestEncryption uploads in every mode.
func TestEncryption(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	const sse = "x-amz-server-side-encryption"
	arn := func(key string) string { return "arn:aws:kms:us-east-1:111122223333:key/" + key }
	for name, tt := range map[string]struct {
		fields []string
		header []string // to read it with
		want   map[string]string
	}{
		"SSE-S3":      {[]string{sse, "AES256"}, nil, map[string]string{sse: "AES256"}},
		"SSE-KMS":     {[]string{sse, "aws:kms", sse + "-aws-kms-key-id", local.KeyB, sse + "-context", "eyJhIjoiYiJ9"}, nil, map[string]string{sse: "aws:kms", sse + "-aws-kms-key-id": arn(local.KeyB)}},
		"default key": {[]string{sse, "aws:kms", sse + "-bucket-key-enabled", "true"}, nil, map[string]string{sse: "aws:kms", sse + "-aws-kms-key-id": arn(local.KeyA), sse + "-bucket-key-enabled": "true"}},
		"DSSE-KMS":    {[]string{sse, "aws:kms:dsse"}, nil, map[string]string{sse: "aws:kms:dsse", sse + "-aws-kms-key-id": arn(local.KeyA)}},
		"SSE-C":       {customer('a'), customer('a'), map[string]string{sse: "", sse + "-customer-algorithm": "AES256", sse + "-customer-key-md5": customer('a')[5]}},
	} {
		for _, n := range []int{0, 1000, large} {
			key := fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), n)
			a := expect(t, g, http.StatusNoContent, form(t, g, key, n, tt.fields...))
			head := check(t, g, key, n, a.Header.Get("Etag"), tt.header...)
			for header, want := range tt.want {
				if a.Header.Get(header) != want || head.Header.Get(header) != want {
					t.Errorf("%s, %d bytes: %s is %q, of HEAD %q, want %q", name, n, header, a.Header.Get(header), head.Header.Get(header), want)
				}
			}
			for _, s := range []string{a.Header.Get(sse + "-customer-key"), head.Header.Get(sse + "-customer-key")} {
				if s != "" {
					t.Errorf("%s: the answer holds the key", name)
				}
			}
			if tt.header != nil {
				if a := g.Get(t, g.Bucket, key, customer('b')...); a.Status/100 != 4 {
					t.Errorf("with another key: status %d", a.Status)
				}
			}
		}
	}
	noUploads(t, g)

	// What a bucket's settings say counts where the form says nothing.
	doc := []byte(`<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>b</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`)
	putEncryption(t, g, doc)
	for _, n := range []int{1000, large} {
		a := expect(t, g, http.StatusNoContent, form(t, g, fmt.Sprint("default-", n), n))
		if got := a.Header.Get(sse + "-aws-kms-key-id"); got != arn(local.KeyB) {
			t.Errorf("%d bytes: encrypted with %q", n, got)
		}
	}
}

// TestVersions: every form makes a version.
func TestVersions(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	if err := g.Store.Client().EnableVersioning(t.Context(), g.Bucket); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, n := range []int{10, large, 20} {
		a := expect(t, g, http.StatusNoContent, form(t, g, "k", n))
		ids[a.Header.Get("X-Amz-Version-Id")] = true
		check(t, g, "k", n, a.Header.Get("Etag"))
	}
	if len(ids) != 3 || ids[""] {
		t.Errorf("versions %v", ids)
	}
}

// TestConditions of the request's header hold for forms too.
func TestConditions(t *testing.T) {
	g := local.Start(t, store.MinIO(t), nil)
	for _, n := range []int{10, large} {
		key := fmt.Sprint(n)
		first := expect(t, g, http.StatusNoContent, form(t, g, key, n), "If-None-Match", "*")
		for _, m := range []int{20, large - 1} {
			if a := post(t, g, form(t, g, key, m), "If-None-Match", "*"); a.Status != http.StatusPreconditionFailed {
				t.Errorf("%d after %d bytes: status %d\n%s", m, n, a.Status, a.Body)
			}
		}
		check(t, g, key, n, first.Header.Get("Etag"))
		if a := post(t, g, form(t, g, key, 5), "If-Match", first.Header.Get("Etag")); a.Status != http.StatusNoContent {
			t.Errorf("If-Match: status %d\n%s", a.Status, a.Body)
		}
	}
	noUploads(t, g)
}
