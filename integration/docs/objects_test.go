package docs_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// put stores an object that has its key for content.
func put(t *testing.T, c *minio.Client, bucket, key string) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), bucket, key, strings.NewReader(key), int64(len(key)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c *minio.Client, bucket, key string) string {
	t.Helper()
	o, err := c.GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	b, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rootKey returns the id of the master key that an object names.
func rootKey(t *testing.T, s *store.Store, bucket, key string) string {
	t.Helper()
	value := s.Read(t, bucket, key).Info.Metadata.Get(metadata.Header)
	env, err := metadata.FromHeader(http.Header{metadata.Header: {value}})
	if err != nil || env == nil {
		t.Fatalf("%s: %v, envelope %q", key, err, value)
	}
	return env.KeyID
}
