package security_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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
		r := e.example(t, op, "k")
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
			{"PUT", target + "?partNumber=1&uploadId=1", nil, 403},
			{"PUT", target + "?partNumber=1&uploadId=1", []string{"X-Amz-Copy-Source", target}, 403},
			{"PUT", target, []string{"X-Amz-Copy-Source", target}, 403},
			{"POST", target + "?uploadId=1", nil, 403},
			{"DELETE", target + "?uploadId=1", nil, 403},
			{"GET", target + "?uploadId=1", nil, 403},
			{"GET", "/" + e.bucket + "?uploads", nil, 403},
			{"GET", target + "?attributes", []string{"X-Amz-Object-Attributes", "ObjectSize"}, 403},
			{"PUT", target + "?encryption", nil, 403},
			{"GET", "/" + e.bucket + "?encryption", nil, 403},
			{"PUT", "/" + e.bucket + "?encryption", nil, 403},
			{"GET", target + "?partNumber=1", nil, 206},
			{"GET", target + "?partNumber=1&uploadId=1", nil, 405},
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
