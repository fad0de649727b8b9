package security_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// presigner makes URLs as one SDK does.
type presigner func(t *testing.T, method, key string, expires time.Duration) string

func (e *endpoint) presigners(t *testing.T) map[string]presigner {
	m, err := store.Connect(e.URL, site.AccessKey, site.SecretKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(e.URL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(site.AccessKey, site.SecretKey, ""),
	})
	return map[string]presigner{
		"minio-go": func(t *testing.T, method, key string, expires time.Duration) string {
			u, err := m.Presign(t.Context(), method, e.bucket, key, expires, nil)
			if err != nil {
				t.Fatal(err)
			}
			return u.String()
		},
		"aws-sdk-go-v2": func(t *testing.T, method, key string, expires time.Duration) string {
			p := s3.NewPresignClient(client, s3.WithPresignExpires(expires))
			var u string
			if method == http.MethodPut {
				r, err := p.PresignPutObject(context.Background(), &s3.PutObjectInput{Bucket: &e.bucket, Key: &key})
				if err != nil {
					t.Fatal(err)
				}
				u = r.URL
			} else {
				r, err := p.PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: &e.bucket, Key: &key})
				if err != nil {
					t.Fatal(err)
				}
				u = r.URL
			}
			return u
		},
	}
}

// TestPresigned uploads and downloads with URLs of SDKs, as they are and
// changed.
func TestPresigned(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(70_000, 1)
		for name, presign := range e.presigners(t) {
			key := "dir/a key+" + name
			put := presign(t, http.MethodPut, key, time.Minute)
			if status, _ := e.plain(t, http.MethodPut, put, content); status != http.StatusOK {
				t.Errorf("%s: PUT gives status %d", name, status)
			}
			get := presign(t, http.MethodGet, key, time.Minute)
			if status, got := e.plain(t, http.MethodGet, get, nil); status != http.StatusOK || !bytes.Equal(got, content) {
				t.Errorf("%s: GET gives status %d and %d bytes", name, status, len(got))
			}
			e.proxy.Reset()
			for what, status := range map[string]int{
				"PUT " + get:                     403,
				"GET " + put:                     403,
				"DELETE " + get:                  403,
				"GET " + get + "&versionId=null": 403,
				"GET " + strings.Replace(get, "dir", "other", 1):                         403,
				"GET " + strings.Replace(get, "X-Amz-Expires=60", "X-Amz-Expires=61", 1): 403,
				"GET " + get + "0": 0,
			} {
				method, u, _ := strings.Cut(what, " ")
				got, _ := e.plain(t, method, u, nil)
				if got != status && (status != 0 || got != 400 && got != 403) {
					t.Errorf("%s: %s: status %d, want %d", name, what, got, status)
				}
			}
			if got := e.proxy.Lines(); len(got) > 0 {
				t.Errorf("%s: the store got %q", name, got)
			}
		}
		for _, x := range e.proxy.Exchanges() {
			e.checkBare(t, x)
		}
	})
}

// TestExpired presents a URL after its time.
func TestExpired(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.Put(t, e.bucket, "k", []byte("content"))
	e.proxy.Reset()
	u := e.presigners(t)["minio-go"](t, http.MethodGet, "k", time.Second)
	// The clock is real here: wait for the second to be over, at most two.
	deadline := time.Now().Add(5 * time.Second)
	for {
		status, got := e.plain(t, http.MethodGet, u, nil)
		if status == http.StatusForbidden && strings.Contains(string(got), "<Code>AccessDenied</Code><Message>Request has expired</Message>") {
			return
		}
		if status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("status %d\n%s", status, got)
		}
	}
}

// plain sends a request with nothing but what is in the URL.
func (e *endpoint) plain(t *testing.T, method, u string, b []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, got
}
