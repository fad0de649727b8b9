package security_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestAnonymous sends every operation without a signature.
func TestAnonymous(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.Put(t, e.bucket, "k", []byte("content"))
	e.proxy.Reset()
	for _, op := range s3api.Operations() {
		r := e.example(op, "k")
		r.Anonymous = true
		a := e.Do(t, r)
		if op.Method == http.MethodHead {
			if a.Status != http.StatusForbidden {
				t.Errorf("%s: status %d", op.Name, a.Status)
			}
			continue
		}
		checkError(t, a, http.StatusForbidden, "AccessDenied")
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
}

// TestPublicBuckets reads anonymously what is public, and tries to do more.
func TestPublicBuckets(t *testing.T) {
	each(t, site.Options{Handler: "public_buckets test-*"}, func(t *testing.T, e *endpoint) {
		private := "private-" + e.bucket[5:]
		if err := e.store.Client().MakeBucket(t.Context(), private, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		content := body(1000, 1)
		e.Put(t, e.bucket, "k", content)
		e.Put(t, private, "k", content)
		e.store.Write(t, e.bucket, "plain", content, nil)
		e.proxy.Reset()

		target := "/" + e.bucket + "/k"
		for _, tc := range []struct {
			method, target string
			header         []string
			status         int
		}{
			{"GET", target, nil, 200},
			{"HEAD", target, nil, 200},
			{"GET", target, []string{"Range", "bytes=5-9"}, 206},
			{"GET", target + "?x-id=GetObject", nil, 200},
			{"GET", "/" + e.bucket + "/missing", nil, 404},
			{"GET", "/" + e.bucket + "/plain", nil, 403},
			{"GET", target + "?response-content-type=text/html", nil, 400},
			{"HEAD", target + "?response-content-disposition=x", nil, 400},
			{"GET", target + "?acl", nil, 403},
			{"GET", target + "?tagging", nil, 403},
			{"PUT", target, nil, 403},
			{"DELETE", target, nil, 403},
			{"POST", target + "?uploads", nil, 403},
			{"GET", "/" + e.bucket, nil, 403},
			{"HEAD", "/" + e.bucket, nil, 403},
			{"GET", "/" + e.bucket + "?list-type=2", nil, 403},
			{"GET", "/" + e.bucket + "?versions", nil, 403},
			{"GET", "/" + e.bucket + "?policy", nil, 403},
			{"POST", "/" + e.bucket + "?delete", nil, 403},
			{"GET", "/", nil, 403},
			{"GET", "/" + private + "/k", nil, 403},
			{"HEAD", "/" + private + "/k", nil, 403},
			{"GET", target, []string{"Authorization", "Basic YTpi"}, 400},
			{"GET", target, []string{"Authorization", "AWS client:c2lnbmF0dXJl"}, 400},
			{"GET", target + "?X-Amz-Signature=00", nil, 400},
		} {
			a := e.Do(t, wire.Request{Method: tc.method, Target: tc.target, Header: wire.Header(tc.header...), Anonymous: true})
			if a.Status != tc.status || a.Err != nil {
				t.Errorf("%s %s %v: status %d, want %d; %v\n%.300s", tc.method, tc.target, tc.header, a.Status, tc.status, a.Err, a.Body)
			}
			if tc.status == 200 && tc.method == "GET" && !bytes.Equal(a.Body, content) {
				t.Errorf("%s: %d other bytes", tc.target, len(a.Body))
			}
		}
		for _, x := range e.proxy.Exchanges() {
			if x.Method != "GET" && x.Method != "HEAD" || !strings.HasPrefix(x.Target, "/"+e.bucket+"/") {
				t.Errorf("the store got %s %s", x.Method, x.Target)
			}
		}
		e.checkObject(t, "k", content)
	})
}

// TestBadSignatures sends requests that are not quite what was signed.
func TestBadSignatures(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	content := []byte("content")
	e.Put(t, e.bucket, "k", content)
	e.proxy.Reset()
	target := "/" + e.bucket + "/k"
	put := wire.Request{Method: "PUT", Target: target, Body: []byte("other"), Header: wire.Header("X-Amz-Meta-A", "1")}
	for _, tc := range []struct {
		name   string
		c      *wire.Client
		r      wire.Request
		tamper func(*http.Request)
		status int
		code   string
	}{
		{"wrong secret", e.As(site.AccessKey, "another-secret"), put, nil, 403, "SignatureDoesNotMatch"},
		{"unknown key", e.As("nobody", site.SecretKey), put, nil, 403, "InvalidAccessKeyId"},
		{"the store's key", e.As(e.store.AccessKey, e.store.SecretKey), put, nil, 403, "InvalidAccessKeyId"},
		{"header changed", nil, put, func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "2") }, 403, "SignatureDoesNotMatch"},
		{"header gone", nil, put, func(r *http.Request) { r.Header.Del("X-Amz-Meta-A") }, 403, ""},
		{"header added", nil, put, func(r *http.Request) { r.Header.Set("X-Amz-Meta-B", "2") }, 403, "AccessDenied"},
		{"another object", nil, put, func(r *http.Request) { r.URL.Opaque += "2" }, 403, "SignatureDoesNotMatch"},
		{"query added", nil, put, func(r *http.Request) { r.URL.RawQuery = "tagging" }, 403, "SignatureDoesNotMatch"},
		{"another method", nil, put, func(r *http.Request) { r.Method = "DELETE" }, 403, "SignatureDoesNotMatch"},
		{"another body", nil, put, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("OTHER")) }, 400, "XAmzContentSHA256Mismatch"},
		{"hash changed", nil, put, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, 403, "SignatureDoesNotMatch"},
		{"no hash", nil, put, func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, 0, ""},
		{"no date", nil, put, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 403, "AccessDenied"},
		{"signature cut", nil, put, func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")[:150])
		}, 0, ""},
		{"two signatures", nil, put, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, 0, ""},
		{"yesterday", nil, wire.Request{Method: "PUT", Target: target, Time: time.Now().Add(-24 * time.Hour)}, nil, 403, "RequestTimeTooSkewed"},
		{"in 16 minutes", nil, wire.Request{Method: "PUT", Target: target, Time: time.Now().Add(16 * time.Minute)}, nil, 403, "RequestTimeTooSkewed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.c
			if c == nil {
				c = e.Client
			}
			tc.r.Tamper = tc.tamper
			a := c.Do(t, tc.r)
			if tc.status == 0 && (a.Status == 400 || a.Status == 403) {
				tc.status = a.Status
			}
			if tc.code == "" {
				tc.code = a.Code()
			}
			checkError(t, a, tc.status, tc.code)
			if bytes.Contains(a.Body, []byte(site.SecretKey)) || bytes.Contains(a.Body, []byte(e.store.AccessKey)) && tc.name != "the store's key" {
				t.Errorf("the answer shows a secret:\n%s", a.Body)
			}
		})
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
	e.checkObject(t, "k", content)
}

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

// TestErrorAnswers looks at the form of errors of every origin.
func TestErrorAnswers(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		for _, tc := range []struct {
			method, target string
			status         int
			code           string
		}{
			{"GET", "/" + e.bucket + "/missing", 404, "NoSuchKey"},
			{"GET", "/no-such-bucket-anywhere/k", 404, "NoSuchBucket"},
			{"GET", "/no-such-bucket-anywhere", 404, "NoSuchBucket"},
			{"PUT", "/no-such-bucket-anywhere/k", 404, "NoSuchBucket"},
			{"GET", "/" + e.bucket + "?policy", 404, "NoSuchBucketPolicy"},
			{"GET", "/" + e.bucket + "/k?torrent", 501, "NotImplemented"},
			{"GET", "/BAD_bucket/k", 400, "InvalidBucketName"},
			{"GET", "/" + e.bucket + "/%00", 400, "InvalidURI"},
			{"GET", "/" + e.bucket + "/" + strings.Repeat("k", 1025), 400, "KeyTooLongError"},
			{"PATCH", "/" + e.bucket + "/k", 405, "MethodNotAllowed"},
			{"PUT", "/", 405, "MethodNotAllowed"},
		} {
			a := e.Do(t, wire.Request{Method: tc.method, Target: tc.target})
			checkError(t, a, tc.status, tc.code)
			if tc.method != "GET" {
				continue
			}
			head := e.Do(t, wire.Request{Method: "HEAD", Target: tc.target})
			if head.Err != nil || len(head.Body) > 0 || head.Header.Get("X-Amz-Request-Id") == "" || head.Status < 400 {
				t.Errorf("HEAD %s: status %d, %d bytes, %v", tc.target, head.Status, len(head.Body), head.Err)
			}
		}
		ids := map[string]bool{}
		for range 20 {
			ids[e.Get(t, e.bucket, "missing").Header.Get("X-Amz-Request-Id")] = true
		}
		if len(ids) != 20 {
			t.Errorf("20 requests have %d ids: %v", len(ids), fmt.Sprint(ids))
		}
	})
}
