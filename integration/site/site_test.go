package site_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestRoundTrip stores an object through every kind of site, looks at what the
// store got and how many requests it took.
func TestRoundTrip(t *testing.T) {
	for name, through := range map[string]bool{"direct": false, "reverse_proxy": true} {
		t.Run(name, func(t *testing.T) {
			store.Each(t, func(t *testing.T, s *store.Store) { roundTrip(t, s, through) })
		})
	}
}

func roundTrip(t *testing.T, s *store.Store, through bool) {
	bucket := s.Bucket(t)
	p := store.NewProxy(t, s.URL)
	c := site.Start(t, s, site.Options{Upstream: p.URL, ThroughProxy: through}).Client(t)
	body := bytes.Repeat([]byte("every byte of this is secret. "), 10_000)

	_, err := c.PutObject(t.Context(), bucket, "dir/k", bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{
		DisableMultipart: true, UserMetadata: map[string]string{"Colour": "blue"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.GetObject(t.Context(), bucket, "dir/k", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, body) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	info, err := c.StatObject(t.Context(), bucket, "dir/k", minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(body)) || info.Metadata.Get("X-Amz-Server-Side-Encryption") != "AES256" {
		t.Errorf("size %d, header %v", info.Size, info.Metadata)
	}
	if diff := cmp.Diff(minio.StringMap{"Colour": "blue"}, info.UserMetadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	target := "/" + bucket + "/dir/k"
	if diff := cmp.Diff([]string{"PUT " + target, "GET " + target, "HEAD " + target}, p.Lines()); diff != "" {
		t.Errorf("requests to the store (-want +got):\n%s", diff)
	}

	var listed []int64
	for o := range c.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		listed = append(listed, o.Size)
	}
	if diff := cmp.Diff([]int64{int64(len(body))}, listed); diff != "" {
		t.Errorf("listed sizes (-want +got):\n%s", diff)
	}

	stored := s.Read(t, bucket, "dir/k")
	if !bytes.HasPrefix(stored.Body, []byte("S3SE")) || bytes.Contains(stored.Body, []byte("secret")) {
		t.Errorf("the store holds %.60q", stored.Body)
	}
	if err := c.RemoveObject(t.Context(), bucket, "dir/k", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Client().StatObject(t.Context(), bucket, "dir/k", minio.StatObjectOptions{})
	if err == nil || !strings.Contains(err.Error(), "not exist") {
		t.Errorf("after the removal the store answers %v", err)
	}
}

// TestTLS reaches a site that speaks HTTPS.
func TestTLS(t *testing.T) {
	s := store.MinIO(t)
	at := site.Start(t, s, site.Options{TLS: true})
	if ok, err := at.Client(t).BucketExists(t.Context(), s.Bucket(t)); err != nil || !ok {
		t.Errorf("bucket there: %t, %v", ok, err)
	}
}
