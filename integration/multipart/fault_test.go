package multipart_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// testRequests counts what reading an object of several parts asks of the
// store: which attempts at its parts are the object must be known first.
func testRequests(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("requests")})
	for n := int32(1); n <= 2; n++ {
		u.mustPut(n, plain(mib5, int(n)))
	}
	u.complete()
	count := func(what string, want int, in *s3.GetObjectInput) {
		t.Helper()
		e.proxy.Reset()
		all := u.plain()
		if in.Range != nil {
			all = all[mib5-10 : mib5+10]
		}
		e.checkRange(t, u.key, in, all)
		if lines := e.proxy.Lines(); len(lines) != want {
			t.Errorf("%s: want %d requests, got %q", what, want, lines)
		}
	}
	count("the first time", 2, &s3.GetObjectInput{})
	count("again", 1, &s3.GetObjectInput{})
	count("a range", 1, &s3.GetObjectInput{Range: aws.String("bytes=5242870-5242889")})
}

// isCompletion reports whether a request to the store completes an upload.
func isCompletion(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Contains(r.URL.RawQuery, "uploadId=")
}

// testLostAnswer loses the store's answer to a completion: the SDK tries again
// and gets what it would have got.
func testLostAnswer(t *testing.T, e *endpoint) {
	for _, ssec := range []customer{{}, newCustomer("lost")} {
		u := e.create(t, &s3.CreateMultipartUploadInput{
			Key: aws.String("lost"), SSECustomerAlgorithm: ssec.algorithm, SSECustomerKey: ssec.key, SSECustomerKeyMD5: ssec.md5,
		})
		u.mustPut(1, plain(mib5, 1))
		u.mustPut(2, plain(100, 1))
		lost := 0
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if isCompletion(r) && lost == 0 {
				lost++
				return &store.Fault{CutResponse: 1}
			}
			return nil
		})
		out, err := e.s3.CompleteMultipartUpload(t.Context(), u.completion(false))
		e.proxy.Inject(nil)
		if err != nil || lost != 1 {
			t.Fatalf("lost %d answers: %v", lost, err)
		}
		if etag := u.check(); etag != *out.ETag {
			t.Errorf("ETag %s on GET, %s at the completion", etag, *out.ETag)
		}
		// And once more, when everything is over.
		again, err := e.s3.CompleteMultipartUpload(t.Context(), u.completion(false))
		if err != nil || *again.ETag != *out.ETag {
			t.Errorf("once more: %+v, %v", again, err)
		}
	}
}

// testErrorWith200 has the store answer a completion with an error although
// it began with the status of a success. Nothing is lost.
func testErrorWith200(t *testing.T, e *endpoint) {
	u := e.create(t, &s3.CreateMultipartUploadInput{Key: aws.String("error200")})
	u.mustPut(1, plain(mib5, 1))
	u.mustPut(2, plain(100, 1))
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if !isCompletion(r) {
			return nil
		}
		return &store.Fault{Replace: func(*http.Request) *http.Response {
			return store.Response(http.StatusOK, http.Header{"Content-Type": {"application/xml"}},
				"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n  \n<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>")
		}}
	})
	_, err := e.s3.CompleteMultipartUpload(t.Context(), u.completion(false), once)
	e.proxy.Inject(nil)
	if code(err) != "InternalError" {
		t.Errorf("got %v", err)
	}
	u.complete()
	u.check()
}
