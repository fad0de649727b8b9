package store_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

func TestStoresKeepObjects(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		bucket := s.Bucket(t)
		s.Write(t, bucket, "dir/a key+ü", []byte("hello"), map[string]string{"S3sse": "x_y.z"})
		got := s.Read(t, bucket, "dir/a key+ü")
		if string(got.Body) != "hello" || got.Info.UserMetadata["S3sse"] != "x_y.z" {
			t.Errorf("got %q with %v", got.Body, got.Info.UserMetadata)
		}
		if s.Name == "versitygw" {
			file, err := os.ReadFile(s.File(bucket, "dir/a key+ü"))
			if err != nil || string(file) != "hello" {
				t.Errorf("file holds %q, %v", file, err)
			}
		}
	})
}

func TestStoreOfATestsOwn(t *testing.T) {
	s := store.MinIO(t, "MINIO_REGION=eu-north-1")
	if shared := store.MinIO(t); shared.URL == s.URL {
		t.Error("a store with settings is shared")
	}
}

func TestVersions(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		bucket := s.Bucket(t)
		if err := s.Client().EnableVersioning(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		s.Write(t, bucket, "k", []byte("one"), nil)
		s.Write(t, bucket, "k", []byte("two"), nil)
		n := 0
		for o := range s.Client().ListObjects(t.Context(), bucket, minio.ListObjectsOptions{WithVersions: true}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%d versions, want 2", n)
		}
	})
}

func TestProxyHandsOnUnchanged(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		bucket := s.Bucket(t)
		p := store.NewProxy(t, s.URL)
		p.KeepBodies()
		c, err := store.Connect(p.URL, s.AccessKey, s.SecretKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		const key = "a b/%2F+ü"
		body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		_, err = c.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)),
			minio.PutObjectOptions{DisableMultipart: true})
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		want := []string{"PUT /" + bucket + "/a%20b/%252F%2B%C3%BC", "GET /" + bucket + "/a%20b/%252F%2B%C3%BC"}
		if diff := cmp.Diff(want, p.Lines()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		put := p.Exchanges()[0]
		if !put.Complete || put.Received != put.ContentLength || int64(len(put.Body)) != put.Received || put.Status != http.StatusOK {
			t.Errorf("recorded %+v", put.Received)
		}
		p.Reset()
		if p.Count() != 0 {
			t.Error("Reset forgot nothing")
		}
	})
}

func TestFaults(t *testing.T) {
	s := store.MinIO(t)
	bucket := s.Bucket(t)
	s.Write(t, bucket, "k", []byte("0123456789"), nil)
	p := store.NewProxy(t, s.URL)
	for _, tc := range []struct {
		name   string
		fault  store.Fault
		status int
		body   string
		err    bool // of reading the body
	}{
		{name: "none", status: 200, body: "0123456789"},
		{name: "flip", fault: store.Fault{Body: store.FlipByte(3)}, status: 200, body: "012\xcc456789"},
		{name: "larger size", fault: store.Fault{Header: store.SetSize(11)}, status: 200, body: "0123456789", err: true},
		{name: "smaller size", fault: store.Fault{Header: store.SetSize(9)}, status: 200, body: "012345678"},
		{name: "cut", fault: store.Fault{CutResponse: 4}, status: 200, body: "0123", err: true},
		{name: "replace", fault: store.Fault{Replace: func(*http.Request) *http.Response {
			return store.Response(http.StatusServiceUnavailable, nil, "busy")
		}}, status: 503, body: "busy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.Inject(store.Always(http.MethodGet, tc.fault))
			u, err := s.Client().Presign(t.Context(), http.MethodGet, bucket, "k", 1e9*60, nil)
			if err != nil {
				t.Fatal(err)
			}
			// The signature covers the host, which the proxy hands on.
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+u.RequestURI(), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = u.Host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != tc.status || string(body) != tc.body || (err != nil) != tc.err {
				t.Errorf("got %d %q %v", resp.StatusCode, body, err)
			}
		})
	}
}

func TestCutRequestLeavesNothing(t *testing.T) {
	store.Each(t, func(t *testing.T, s *store.Store) {
		bucket := s.Bucket(t)
		p := store.NewProxy(t, s.URL)
		p.Inject(store.Always(http.MethodPut, store.Fault{CutRequest: 1 << 20}))
		c, err := store.Connect(p.URL, s.AccessKey, s.SecretKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.SetAppInfo("test", "1")
		body := strings.NewReader(strings.Repeat("x", 3<<20))
		_, err = c.PutObject(t.Context(), bucket, "k", struct{ io.Reader }{body}, 3<<20,
			minio.PutObjectOptions{DisableMultipart: true})
		if err == nil {
			t.Error("a cut upload succeeded")
		}
		for _, e := range p.Exchanges() {
			if e.Complete || e.Received > 1<<20 || e.Status != 0 {
				t.Errorf("complete %v, received %d, status %d", e.Complete, e.Received, e.Status)
			}
		}
		_, err = s.Client().StatObject(t.Context(), bucket, "k", minio.StatObjectOptions{})
		if resp, ok := errors.AsType[minio.ErrorResponse](err); !ok || resp.StatusCode != http.StatusNotFound {
			t.Errorf("the store answers %v", err)
		}
	})
}
