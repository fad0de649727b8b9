package copies_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

func TestConditionsOnTheSource(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "source", plain(100))
	head := e.Head(t, e.bucket, "source").Header
	etag := head.Get("Etag")
	modified, err := http.ParseTime(head.Get("Last-Modified"))
	if err != nil {
		t.Fatal(err)
	}
	before, after := modified.Add(-time.Hour).Format(http.TimeFormat), modified.Add(time.Hour).Format(http.TimeFormat)
	const prefix = "X-Amz-Copy-Source-If-"
	for _, tt := range []struct {
		name string
		ask  []string
		ok   bool
	}{
		{"match", []string{prefix + "Match", etag}, true},
		{"no match", []string{prefix + "Match", `"0123456789abcdef0123456789abcdef"`}, false},
		{"none match", []string{prefix + "None-Match", etag}, false},
		{"other", []string{prefix + "None-Match", `"0123456789abcdef0123456789abcdef"`}, true},
		{"modified", []string{prefix + "Modified-Since", before}, true},
		{"not modified", []string{prefix + "Modified-Since", after}, false},
		{"unmodified", []string{prefix + "Unmodified-Since", after}, true},
		{"not unmodified", []string{prefix + "Unmodified-Since", before}, false},
		{"match and not unmodified", []string{prefix + "Match", etag, prefix + "Unmodified-Since", before}, true},
		{"none match and modified", []string{prefix + "None-Match", etag, prefix + "Modified-Since", before}, false},
	} {
		a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), tt.ask...))
		if ok := a.Status == http.StatusOK; ok != tt.ok || !ok && (a.Status != http.StatusPreconditionFailed || a.Code() != "PreconditionFailed") {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
}

func TestConditionsOnTheDestination(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "source", plain(2<<20))
	e.Put(t, e.bucket, "there", plain(5))
	there := e.Head(t, e.bucket, "there").Header.Get("Etag")
	source := e.Head(t, e.bucket, "source").Header.Get("Etag")
	const other = `"0123456789abcdef0123456789abcdef"`
	for _, tt := range []struct {
		name, key string
		ask       []string
		status    int
	}{
		{"exists", "there", []string{"If-None-Match", "*"}, http.StatusPreconditionFailed},
		{"is another", "there", []string{"If-Match", other}, http.StatusPreconditionFailed},
		{"is missing", "missing", []string{"If-Match", other}, http.StatusNotFound},
		{"itself exists", "source", []string{"If-None-Match", "*", sse, "AES256"}, http.StatusPreconditionFailed},
		{"itself is another", "source", []string{"If-Match", other, sse, "AES256"}, http.StatusPreconditionFailed},
		{"itself", "source", []string{"If-Match", source, sse, "AES256"}, http.StatusOK},
		{"itself with a new body", "source", []string{"If-Match", source, sse, "aws:kms:dsse"}, http.StatusOK},
		{"does not exist", "new", []string{"If-None-Match", "*"}, http.StatusOK},
		{"is it", "there", []string{"If-Match", there}, http.StatusOK},
		{"two", "there", []string{"If-Match", there, "If-None-Match", "*"}, http.StatusNotImplemented},
	} {
		a := e.Do(t, copyRequest(e.bucket, tt.key, e.name("source"), tt.ask...))
		if a.Status != tt.status {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
}

// TestSourceReplacedMeanwhile puts another object in the place of the source
// after the gateway has looked at it: the copy is of one of the two.
func TestSourceReplacedMeanwhile(t *testing.T) {
	e := start(t, nil)
	for _, to := range []mode{modeNamed(t, "SSE-S3"), modeNamed(t, "DSSE-KMS")} {
		e.Put(t, e.bucket, "source", plain(100))
		e.between(t, 1, func() { e.Put(t, e.bucket, "source", plain(200)) })
		e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("source"), to.write...))
		if a := e.Get(t, e.bucket, "copy"); a.Status != http.StatusOK || len(a.Body) != 200 {
			t.Errorf("%s: status %d, %d bytes", to.name, a.Status, len(a.Body))
		}
		// One that changes all the time is not copied.
		n := 300
		e.between(t, 100, func() {
			n++
			e.Put(t, e.bucket, "source", plain(n))
		})
		if a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), to.write...)); a.Status != http.StatusInternalServerError {
			t.Errorf("%s: %d %s", to.name, a.Status, a.Body)
		}
	}
}

func TestCopyOntoItself(t *testing.T) {
	e := start(t, nil)
	refused := s3api.ErrCopyToItself
	for _, tt := range []struct {
		name, from string
		ask        []string
		ok         bool
	}{
		{"nothing changes", "SSE-S3", nil, false},
		{"COPY", "SSE-S3", []string{"X-Amz-Metadata-Directive", "COPY", "X-Amz-Meta-A", "b"}, false},
		{"REPLACE", "SSE-S3", []string{"X-Amz-Metadata-Directive", "REPLACE"}, true},
		{"storage class", "SSE-S3", []string{"X-Amz-Storage-Class", "STANDARD"}, true},
		{"redirect", "SSE-S3", []string{"X-Amz-Website-Redirect-Location", "/"}, true},
		{"the same encryption", "SSE-S3", []string{sse, "AES256"}, true},
		{"another encryption", "SSE-S3", []string{sse, "aws:kms"}, true},
		{"from another encryption", "SSE-KMS a", nil, true},
		{"from two layers", "DSSE-KMS", nil, true},
		{"from a customer's", "SSE-C a", modeNamed(t, "SSE-C a").source, true},
		{"plaintext", "plaintext", nil, true},
	} {
		for _, n := range []int{100, 2 << 20, parted} {
			e.create(t, modeNamed(t, tt.from), "object", n)
			a := e.Do(t, copyRequest(e.bucket, "object", e.name("object"), tt.ask...))
			if !tt.ok {
				if a.Status != refused.Status || a.Code() != refused.Code {
					t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
				}
				continue
			}
			if got := e.Get(t, e.bucket, "object"); a.Status != http.StatusOK || got.Status != http.StatusOK || len(got.Body) != n {
				t.Errorf("%s: %d %s, then status %d with %d bytes", tt.name, a.Status, a.Body, got.Status, len(got.Body))
			}
		}
	}
}
