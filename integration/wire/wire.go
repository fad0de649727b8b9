// Package wire sends S3 requests made by hand: nothing is in them but what a
// test puts there, and nothing of the answer is interpreted.
package wire

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// Client sends requests to one endpoint as one client of it.
type Client struct {
	// URL is the endpoint, without a slash at its end.
	URL string
	// AccessKey and SecretKey sign the requests.
	AccessKey, SecretKey string
	// HTTP sends them.
	HTTP *http.Client
}

// New returns a client with connections of its own, which end with the test.
func New(t testing.TB, endpoint, accessKey, secretKey string) *Client {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections) // before the server stops: it would wait for them
	return &Client{URL: endpoint, AccessKey: accessKey, SecretKey: secretKey, HTTP: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// As returns the same client with another credential.
func (c *Client) As(accessKey, secretKey string) *Client {
	other := *c
	other.AccessKey, other.SecretKey = accessKey, secretKey
	return &other
}

// Request is a request as it goes over the wire.
type Request struct {
	Method string
	// Target is the request target, escaped, with the query.
	Target string
	Header http.Header
	Body   []byte
	// Anonymous leaves the request without a signature.
	Anonymous bool
	// Hash is sent for the hash of the body. Default: the right one.
	Hash string
	// Time is when the request is signed. Default: now.
	Time time.Time
	// Tamper changes the request after it has been signed.
	Tamper func(*http.Request)
}

// Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	// Length is the declared length of the body, -1 when there is none.
	Length int64
	Body   []byte
	// Err is that of the request or of reading the body: the connection was cut.
	Err error
}

// Code returns the S3 error code of the answer, "" if it is not an error.
func (a Answer) Code() string {
	if a.Status < http.StatusBadRequest {
		return ""
	}
	return s3api.ParseError(a.Status, a.Body).Code
}

// Target returns the request target of a bucket or, with a key, an object.
// Query is raw and may be empty.
func Target(bucket, key, query string) string {
	target := "/" + bucket
	if key != "" {
		target += "/" + s3api.EscapePath(key)
	}
	if query != "" {
		target += "?" + query
	}
	return target
}

// Header makes a header of pairs of name and value.
func Header(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// MD5 returns the value of Content-MD5 for body.
func MD5(body []byte) string {
	sum := md5.Sum(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Build returns the request, signed.
func (c *Client) Build(t testing.TB, r Request) *http.Request {
	t.Helper()
	base, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	path, query, found := strings.Cut(r.Target, "?")
	if strings.HasPrefix(path, "//") {
		path = "//" + base.Host + path // or net/http would take it for a host
	}
	hr := (&http.Request{
		Method: r.Method,
		URL: &url.URL{
			Scheme: base.Scheme, Host: base.Host, Opaque: path, RawQuery: query, ForceQuery: found && query == "",
		},
		Host:          base.Host,
		Header:        r.Header.Clone(),
		Body:          http.NoBody,
		ContentLength: int64(len(r.Body)),
	}).WithContext(t.Context())
	if hr.Header == nil {
		hr.Header = make(http.Header)
	}
	if hr.Header["User-Agent"] == nil {
		hr.Header["User-Agent"] = nil // or net/http would add its own
	}
	if len(r.Body) > 0 {
		hr.Body = io.NopCloser(bytes.NewReader(r.Body))
	}
	if !r.Anonymous {
		c.sign(t, hr, r)
	}
	if r.Tamper != nil {
		r.Tamper(hr)
	}
	return hr
}

func (c *Client) sign(t testing.TB, hr *http.Request, r Request) {
	t.Helper()
	secret, err := sigv4.NewSecret(c.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Hash
	if hash == "" {
		sum := sha256.Sum256(r.Body)
		hash = hex.EncodeToString(sum[:])
	}
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	signer.Sign(hr, sigv4.Credential{AccessKey: c.AccessKey, Secret: secret}, "us-east-1", hash, now)
}

var signer sigv4.Signer

// Do sends the request and reads the answer. A connection that is cut before
// there is one gives status 0.
func (c *Client) Do(t testing.TB, r Request) Answer {
	t.Helper()
	resp, err := c.HTTP.Do(c.Build(t, r))
	if err != nil {
		return Answer{Err: err}
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength}
	a.Body, a.Err = io.ReadAll(resp.Body)
	return a
}

// Expect sends the request and fails the test unless a complete answer with
// that status comes back.
func (c *Client) Expect(t testing.TB, status int, r Request) Answer {
	t.Helper()
	a := c.Do(t, r)
	if a.Status != status || a.Err != nil {
		t.Fatalf("%s %s: status %d, want %d; %v\n%.600s", r.Method, r.Target, a.Status, status, a.Err, a.Body)
	}
	return a
}

// Put stores body as an object.
func (c *Client) Put(t testing.TB, bucket, key string, body []byte, pairs ...string) Answer {
	t.Helper()
	return c.Expect(t, http.StatusOK, Request{
		Method: http.MethodPut, Target: Target(bucket, key, ""), Body: body, Hash: sigv4.UnsignedPayload, Header: Header(pairs...),
	})
}

// Get reads an object, or as much of it as the headers say.
func (c *Client) Get(t testing.TB, bucket, key string, pairs ...string) Answer {
	t.Helper()
	return c.Do(t, Request{Method: http.MethodGet, Target: Target(bucket, key, ""), Header: Header(pairs...)})
}

// Head asks for the headers of an object.
func (c *Client) Head(t testing.TB, bucket, key string, pairs ...string) Answer {
	t.Helper()
	return c.Do(t, Request{Method: http.MethodHead, Target: Target(bucket, key, ""), Header: Header(pairs...)})
}
