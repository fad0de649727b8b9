package objects_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// request is an S3 request by hand, with nothing in it but what it says.
type request struct {
	method string
	bucket string // default: the endpoint's
	key    string
	query  string // raw
	header http.Header
	body   []byte
	// mode is how the body is sent. Default: with its hash.
	mode sigv4.PayloadMode
	// declared replaces the length that modes with a trailer declare.
	declared int64
	// trailer is the checksum that modes with a trailer send, default CRC32.
	trailer s3api.Algorithm
	// trailerValue replaces the right value.
	trailerValue string
	// auth replaces the Authorization header with another way to say, or not
	// to say, who is asking.
	auth auth
}

type auth int

const (
	signed auth = iota
	presigned
	anonymous
)

// modes are all ways to send a body.
var modes = []sigv4.PayloadMode{
	sigv4.PayloadHash, sigv4.PayloadUnsigned, sigv4.PayloadChunksSigned, sigv4.PayloadChunksSignedTrailer, sigv4.PayloadChunksTrailer,
}

// headers makes a header of pairs of name and value.
func headers(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

var ownSigner sigv4.Signer

// build makes the signed request and its body as it goes over the wire.
func (r request) build(t *testing.T, e *endpoint) (*http.Request, []byte) {
	t.Helper()
	bucket := r.bucket
	if bucket == "" {
		bucket = e.bucket
	}
	path := "/" + bucket
	if r.key != "" {
		path += "/" + r.key
	}
	base, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	base.Path, base.RawPath, base.RawQuery = path, s3api.EscapePath(path), r.query
	hr := (&http.Request{Method: r.method, URL: base, Host: base.Host, Header: r.header.Clone()}).WithContext(t.Context())
	if hr.Header == nil {
		hr.Header = make(http.Header)
	}
	if hr.Header["User-Agent"] == nil {
		hr.Header["User-Agent"] = nil
	}
	switch r.auth {
	case anonymous:
		return hr, r.body
	case presigned:
		return signer.PreSignV4(*hr, site.AccessKey, site.SecretKey, "", "us-east-1", 600), r.body
	case signed:
	}
	secret, err := sigv4.NewSecret(site.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(hash string) {
		ownSigner.Sign(hr, sigv4.Credential{AccessKey: site.AccessKey, Secret: secret}, "us-east-1", hash, time.Now())
	}
	switch r.mode {
	case sigv4.PayloadUnsigned:
		sign(sigv4.UnsignedPayload)
	case sigv4.PayloadChunksSigned, sigv4.PayloadChunksSignedTrailer:
		if r.mode == sigv4.PayloadChunksSignedTrailer {
			name, value := r.checksum()
			hr.Trailer = http.Header{name: {value}}
		}
		hr.Body = newBody(r.body)
		hr = signer.StreamingSignV4(hr, site.AccessKey, site.SecretKey, "", "us-east-1", int64(len(r.body)), time.Now().UTC(), hasher{sha256.New()})
		framed, err := io.ReadAll(hr.Body)
		if err != nil {
			t.Fatal(err)
		}
		hr.TransferEncoding = nil
		return hr, framed
	case sigv4.PayloadChunksTrailer:
		name, value := r.checksum()
		hr.Header.Set("X-Amz-Trailer", name)
		declared := r.declared
		if declared == 0 {
			declared = int64(len(r.body))
		}
		hr.Header.Set("X-Amz-Decoded-Content-Length", strconv.FormatInt(declared, 10))
		if hr.Header["Content-Encoding"] == nil {
			hr.Header.Set("Content-Encoding", "aws-chunked")
		}
		sign(sigv4.StreamingUnsignedTrailer)
		return hr, unsignedChunks(r.body, name, value)
	default:
		sum := sha256.Sum256(r.body)
		sign(hex.EncodeToString(sum[:]))
	}
	return hr, r.body
}

// checksum returns the trailer of the request.
func (r request) checksum() (name, value string) {
	algo := r.trailer
	if algo == 0 {
		algo = s3api.CRC32
	}
	if value = r.trailerValue; value == "" {
		value = sum(algo, r.body)
	}
	return algo.Header(), value
}

// sum returns the checksum of body in base64.
func sum(algo s3api.Algorithm, body []byte) string {
	h := algo.New()
	h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// unsignedChunks frames body as SDKs do over TLS.
func unsignedChunks(body []byte, name, value string) []byte {
	var b bytes.Buffer
	for len(body) > 0 {
		n := min(len(body), chunk)
		b.WriteString(strconv.FormatInt(int64(n), 16) + "\r\n")
		b.Write(body[:n])
		b.WriteString("\r\n")
		body = body[n:]
	}
	b.WriteString("0\r\n" + name + ":" + value + "\r\n\r\n")
	return b.Bytes()
}

// hasher is what minio-go's signer wants of a hash.
type hasher struct{ hash.Hash }

func (hasher) Close() {}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	length int64
	body   []byte
	err    error // of reading the body
	closed bool  // the connection was closed afterwards
}

// code is the S3 error code of the answer.
func (a answer) code() string { return s3api.ParseError(a.status, a.body).Code }

// do sends the request and reads the answer.
func (e *endpoint) do(t *testing.T, r request) answer {
	t.Helper()
	hr, body := r.build(t, e)
	if len(body) > 0 || r.method == http.MethodPut {
		return upload(t.Context(), hr, body, int64(len(body)), nil)
	}
	resp, err := e.http.Do(hr)
	if err != nil {
		t.Fatalf("%s %s: %v", hr.Method, hr.URL, err)
	}
	return read(resp)
}

func read(resp *http.Response) answer {
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength}
	a.body, a.err = io.ReadAll(resp.Body)
	return a
}

// upload sends a request with a body over a connection of its own, and reads
// the answer even if it comes before the body has been taken. It declares
// length bytes, and sends surplus behind them.
func upload(ctx context.Context, hr *http.Request, body []byte, length int64, surplus []byte) answer {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", hr.URL.Host)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return answer{err: err}
	}
	hr.Body, hr.ContentLength = newBody(body), length
	if length == 0 {
		hr.Body = nil
	}
	go func() {
		err := hr.Write(conn) // an error is the server's not wanting it
		switch {
		case err == nil && surplus != nil:
			_, _ = conn.Write(surplus)
		case int64(len(body)) < length:
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, hr)
	if err != nil {
		return answer{err: err, closed: true}
	}
	a := read(resp)
	if a.header.Get("Connection") == "close" || resp.Close {
		_, err := r.ReadByte()
		a.closed = err != nil
	}
	return a
}

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// expect sends the request and fails the test unless the status comes back.
func (e *endpoint) expect(t *testing.T, status int, r request) answer {
	t.Helper()
	a := e.do(t, r)
	if a.status != status || a.err != nil {
		t.Fatalf("%s %s?%s: status %d, want %d; %v\n%.600s", r.method, r.key, r.query, a.status, status, a.err, a.body)
	}
	return a
}

// put stores body and returns the answer.
func (e *endpoint) put(t *testing.T, key string, body []byte, pairs ...string) answer {
	t.Helper()
	return e.expect(t, http.StatusOK, request{method: http.MethodPut, key: key, body: body, mode: sigv4.PayloadUnsigned, header: headers(pairs...)})
}

// get reads the object, or as much of it as the headers say.
func (e *endpoint) get(t *testing.T, status int, key string, pairs ...string) answer {
	t.Helper()
	return e.expect(t, status, request{method: http.MethodGet, key: key, header: headers(pairs...)})
}

func (e *endpoint) head(t *testing.T, status int, key string, pairs ...string) answer {
	t.Helper()
	return e.expect(t, status, request{method: http.MethodHead, key: key, header: headers(pairs...)})
}
