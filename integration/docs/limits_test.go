package docs_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// minioMetadata is what MinIO takes of names, with their prefix, and values.
const minioMetadata = 2048

// TestLimits compares numbers in the README with the code.
func TestLimits(t *testing.T) {
	text := section(t, "README.md", "Limits")
	for _, want := range []string{
		thousands(encryptor.MaxPlaintextSize(5<<30)) + " bytes",
		"about 1 KB and 0.05 % more",
		"320 to 470 bytes",
		"At least 1,500 bytes",
		"limited to 2 KiB",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, n := range []int64{0, 1, 65536, 65537, 1 << 20, 5 << 30} {
		if extra := float64(encryptor.StoredSize(n)-n) - 0.0005*float64(n); extra < -0.00005*float64(n) || extra > 1100 {
			t.Errorf("%.0f bytes more than 0.05 %% for an object of %d", extra, n)
		}
	}
	if metadata.MaxUserMetadata != 2<<10 {
		t.Error("user metadata is limited to", metadata.MaxUserMetadata)
	}
	// The id of a key as keygen makes it, and the longest.
	for _, id := range []string{"2026-11-21-abcdef", strings.Repeat("k", metadata.MaxKeyID)} {
		for _, algo := range []s3api.Algorithm{s3api.CRC64NVME, s3api.SHA512} {
			size := len(metadata.Header) + len(envelope(t, id, algo))
			if size < 320 || size > 470 {
				t.Errorf("%d bytes with a key id of %d and %v", size, len(id), algo)
			}
			if left := minioMetadata - size; left < 1500 {
				t.Errorf("%d bytes are left", left)
			}
		}
	}
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func envelope(t *testing.T, id string, algo s3api.Algorithm) string {
	t.Helper()
	keys := encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: encryptor.NewKey()}
	env := metadata.NewSSES3(id, 5<<30)
	if err := env.Seal(metadata.KEKs{Data: encryptor.NewKey()}, keys, "bucket", "key"); err != nil {
		t.Fatal(err)
	}
	digests := encryptor.Digests{
		ETag:     strings.Repeat("0", 32),
		Checksum: encryptor.Checksum{Algorithm: uint8(algo), Value: make([]byte, algo.Size())},
	}
	if err := env.SealDigests(keys, digests); err != nil {
		t.Fatal(err)
	}
	value, err := env.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestMetadataOnMinIO finds the promised room for user metadata there.
func TestMetadataOnMinIO(t *testing.T) {
	s := store.MinIO(t)
	c, bucket := site.Start(t, s, site.Options{}).Client(t), s.Bucket(t)
	put := func(n int) error {
		_, err := c.PutObject(t.Context(), bucket, "key", bytes.NewReader(nil), 0, minio.PutObjectOptions{
			UserMetadata: map[string]string{"name": strings.Repeat("v", n)},
		})
		return err
	}
	if err := put(1500); err != nil {
		t.Error(err)
	}
	if err := put(metadata.MaxUserMetadata - len("name")); minio.ToErrorResponse(err).Code != "MetadataTooLarge" {
		t.Errorf("all of the 2 KiB: %v", err)
	}
}
