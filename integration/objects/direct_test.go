package objects_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// direct asks the store itself, without the gateway. An upload has 100 bytes.
func (e *endpoint) direct(t *testing.T, status int, method, key string, h http.Header) answer {
	t.Helper()
	base, err := url.Parse(e.Store.URL)
	if err != nil {
		t.Fatal(err)
	}
	base.Path = "/" + e.bucket + "/" + key
	hr := (&http.Request{Method: method, URL: base, Host: base.Host, Header: h.Clone()}).WithContext(t.Context())
	if method == http.MethodPut {
		body := plain(100)
		hr.Body, hr.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	secret, err := sigv4.NewSecret(e.Store.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	ownSigner.Sign(hr, sigv4.Credential{AccessKey: e.Store.AccessKey, Secret: secret}, e.Store.Region, sigv4.UnsignedPayload, time.Now())
	resp, err := e.http.Do(hr)
	if err != nil {
		t.Fatal(err)
	}
	a := read(resp)
	if a.status != status || a.err != nil {
		t.Fatalf("%s %s at the store: status %d, %v, %s", method, key, a.status, a.err, a.body)
	}
	return a
}
