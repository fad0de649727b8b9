package clients_test

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
)

// TestMinIOForGo uploads files as they come, streams whose length is unknown
// in parts, reads in the middle, copies, composes and deletes.
func TestMinIOForGo(t *testing.T) {
	each(t, func(t *testing.T, e *endpoint) {
		c, err := minio.New(e.host(), &minio.Options{
			Creds: credentials.NewStaticV4(site.AccessKey, site.SecretKey, ""), Secure: e.secure(), Transport: e.http(t).Transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		dir := writeTree(t)
		for name, size := range tree {
			info, err := c.FPutObject(t.Context(), e.bucket, name, filepath.Join(dir, name), minio.PutObjectOptions{})
			if err != nil || info.Size != int64(size) {
				t.Errorf("%s: %+v, %v", name, info, err)
			}
		}
		e.expectTreeStored(t, "", sseS3)
		back := t.TempDir()
		for name := range tree {
			if err := c.FGetObject(t.Context(), e.bucket, name, filepath.Join(back, name), minio.GetObjectOptions{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		expectTree(t, back)

		e.eachMode(t, []mode{sseS3, sseKMS, sseC}, func(t *testing.T, m mode) { e.minioGoMode(t, c, m) })
		e.minioGoDelete(t, c)
		e.expectNothingLeft(t)
	})
}

// minioGoMode uploads in parts, reads ranges, copies, and composes an object
// of two others.
func (e *endpoint) minioGoMode(t *testing.T, c *minio.Client, m mode) {
	sse := map[mode]encrypt.ServerSide{
		sseS3: encrypt.NewSSE(), sseKMS: must(encrypt.NewSSEKMS(kmsKey, nil)), sseC: customerKey,
	}[m]
	var read encrypt.ServerSide
	if m == sseC {
		read = sse
	}
	key := "modes/" + m.String()
	_, err := c.PutObject(t.Context(), e.bucket, key, io.LimitReader(bytes.NewReader(content(large)), large), -1,
		minio.PutObjectOptions{PartSize: 5 << 20, ConcurrentStreamParts: true, NumThreads: 3, ServerSideEncryption: sse})
	if err != nil {
		t.Fatal(err)
	}
	e.expect(t, key, content(large), m)

	o, err := c.GetObject(t.Context(), e.bucket, key, minio.GetObjectOptions{ServerSideEncryption: read})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for _, at := range []int64{0, 5<<20 - 10, 10<<20 - 1, 16 << 20, large - 20} {
		buf := make([]byte, 20)
		if n, err := o.ReadAt(buf, at); n != len(buf) || !bytes.Equal(buf, content(large)[at:at+20]) {
			t.Errorf("at %d: %d bytes, %v", at, n, err)
		}
	}

	from := minio.CopySrcOptions{Bucket: e.bucket, Object: key, Encryption: read}
	if _, err := c.CopyObject(t.Context(), minio.CopyDestOptions{Bucket: e.bucket, Object: key + "-copy", Encryption: sse}, from); err != nil {
		t.Errorf("copying: %v", err)
	} else {
		e.expect(t, key+"-copy", content(large), m)
	}
	part := from
	part.MatchRange, part.Start, part.End = true, 0, 6<<20
	if _, err := c.ComposeObject(t.Context(), minio.CopyDestOptions{Bucket: e.bucket, Object: key + "-composed", Encryption: sse}, part, from); err != nil {
		t.Errorf("composing: %v", err)
	} else {
		e.expect(t, key+"-composed", append(bytes.Clone(content(large)[:6<<20+1]), content(large)...), m)
	}
}

func (e *endpoint) minioGoDelete(t *testing.T, c *minio.Client) {
	for removed := range c.RemoveObjects(t.Context(), e.bucket, c.ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{Recursive: true}), minio.RemoveObjectsOptions{}) {
		t.Errorf("deleting %s: %v", removed.ObjectName, removed.Err)
	}
}
