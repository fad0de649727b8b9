package objects_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// testExpect asks before it sends a body: one that is refused for its header
// is not asked for.
func testExpect(t *testing.T, e *endpoint) {
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute, DisableKeepAlives: true}}
	for _, tc := range []struct {
		size   int
		header http.Header
		status int
	}{
		{100, headers(), http.StatusOK},
		{streamed, headers(), http.StatusOK},
		{100, headers("If-Match", otherETag), http.StatusNotFound},
		{streamed, headers("If-Match", otherETag), http.StatusNotFound},
		{streamed, headers("Content-Md5", "x"), http.StatusBadRequest},
		{streamed, headers("X-Amz-Server-Side-Encryption", "other"), http.StatusBadRequest},
	} {
		hr, body := request{method: http.MethodPut, key: "expect", body: plain(tc.size), mode: sigv4.PayloadUnsigned, header: tc.header}.build(t, e)
		hr.Proto, hr.ProtoMajor, hr.ProtoMinor = "HTTP/1.1", 1, 1
		hr.Header.Set("Expect", "100-continue")
		var asked atomic.Bool
		hr.Body, hr.ContentLength = io.NopCloser(watched{newBody(body), &asked}), int64(len(body))
		resp, err := client.Do(hr)
		if err != nil {
			t.Fatal(err)
		}
		a := read(resp)
		if a.status != tc.status || asked.Load() != (tc.status == http.StatusOK) {
			t.Errorf("%d bytes, %v: status %d, asked for the body %v, %s", tc.size, tc.header, a.status, asked.Load(), a.body)
		}
		e.expect(t, http.StatusNoContent, request{method: http.MethodDelete, key: "expect"})
	}
}

// watched tells whether anything was read.
type watched struct {
	io.Reader
	read *atomic.Bool
}

func (w watched) Read(p []byte) (int, error) {
	w.read.Store(true)
	return w.Reader.Read(p)
}

// testExpectOfNothing has no body to send and still wants to be told to send
// it, as botocore does.
func testExpectOfNothing(t *testing.T, e *endpoint) {
	for status, h := range map[int]http.Header{http.StatusOK: headers(), http.StatusBadRequest: headers("X-Amz-Server-Side-Encryption", "other")} {
		hr, _ := request{method: http.MethodPut, key: "expect", mode: sigv4.PayloadUnsigned, header: h}.build(t, e)
		hr.Header.Set("Expect", "100-continue")
		told := false
		resp, err := e.http.Do(hr.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { told = code == http.StatusContinue; return nil },
		})))
		if err != nil {
			t.Fatal(err)
		}
		if a := read(resp); a.status != status || !told {
			t.Errorf("status %d, told to go on: %v", a.status, told)
		}
	}
}
