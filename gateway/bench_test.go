package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// memoryStore keeps one object and answers as a store would, at no cost.
type memoryStore struct {
	t      testing.TB
	header http.Header
	body   []byte
	keep   bool
}

func (m *memoryStore) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
	if strings.HasPrefix(r.URL.Path, "/"+defaultSystem) {
		return fakeError(s3api.ErrNoSuchBucket), nil
	}
	if r.Method == http.MethodPut {
		if !m.keep {
			n, err := io.Copy(io.Discard, r.Body)
			resp.ContentLength = n
			_ = r.Body.Close()
			resp.Header["Etag"] = []string{`"0123456789abcdef0123456789abcdef"`}
			return resp, err
		}
		var err error
		m.body, err = io.ReadAll(r.Body)
		m.header = http.Header{"Etag": {`"0123456789abcdef0123456789abcdef"`}, "Last-Modified": {"Sat, 21 Nov 2026 10:00:00 GMT"}}
		for name, values := range r.Header {
			if hasMetaPrefix(name) || name == "Content-Type" {
				m.header[name] = values
			}
		}
		_ = r.Body.Close()
		if !arrived(r, m.body) {
			m.t.Errorf("%d bytes are not what was announced", len(m.body))
		}
		resp.Header = m.header
		return resp, err
	}
	resp.Header = m.header.Clone()
	resp.ContentLength = int64(len(m.body))
	b := m.body
	if rng := r.Header.Get("Range"); rng != "" {
		var first, last int64
		if _, err := fmt.Sscanf(rng, "bytes=%d-%d", &first, &last); err != nil {
			return nil, err
		}
		last = min(last, int64(len(b))-1)
		resp.StatusCode = http.StatusPartialContent
		resp.Header["Content-Range"] = []string{fmt.Sprintf("bytes %d-%d/%d", first, last, len(b))}
		b = b[first : last+1]
		resp.ContentLength = int64(len(b))
	}
	if r.Method == http.MethodGet {
		resp.Body = io.NopCloser(bytes.NewReader(b))
	}
	return resp, nil
}

// nullWriter is a client that reads at no cost.
type nullWriter struct {
	h      http.Header
	status int
	n      int64
}

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) { w.n += int64(len(p)); return len(p), nil }

type oneCredential struct{ c Credential }

func (o *oneCredential) Lookup(accessKey string) (*Credential, bool) {
	return &o.c, accessKey == o.c.AccessKey
}

// BenchmarkServe measures what the gateway itself adds to a request: signature
// verification, envelope, encryption and its own signature, without sockets.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 64 << 20} {
		for _, op := range []string{"PUT", "GET", "RANGE", "HEAD"} {
			b.Run(fmt.Sprintf("%s/size=%d", op, size), func(b *testing.B) { benchmarkServe(b, op, size) })
		}
	}
}

func benchmarkServe(b *testing.B, op string, size int) {
	store := &memoryStore{t: b, keep: true}
	g, err := New(benchConfig(b, store))
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	body := make([]byte, size)
	benchRequest(b, g, "PUT", body)
	store.keep = false
	transferred := int64(size)
	switch op {
	case "RANGE":
		transferred = int64(min(size, 64<<10))
	case "HEAD":
		transferred = 0
	}
	b.SetBytes(transferred)
	b.ReportAllocs()
	for b.Loop() {
		if w := benchRequest(b, g, op, body); op != "PUT" && w.n != transferred {
			b.Fatalf("%d bytes", w.n)
		}
	}
}

func benchConfig(b testing.TB, store http.RoundTripper) Config {
	secret, err := sigv4.NewSecret("secret")
	if err != nil {
		b.Fatal(err)
	}
	master := sha256.Sum256([]byte("master"))
	key, err := localkeys.ParseKey(base64.StdEncoding.EncodeToString(master[:]))
	if err != nil {
		b.Fatal(err)
	}
	keys, err := localkeys.New([]localkeys.Key{{ID: "k1", Key: key}}, "k1")
	if err != nil {
		b.Fatal(err)
	}
	return Config{
		Keys:        keys,
		Credentials: &oneCredential{Credential{AccessKey: "client", Secret: secret}},
		Upstream: Upstream{
			Endpoint:   &url.URL{Scheme: "http", Host: "store:9000"},
			Transport:  store,
			Credential: sigv4.Credential{AccessKey: "service", Secret: secret},
		},
	}
}

var benchSigner sigv4.Signer

func benchRequest(b testing.TB, g *Gateway, op string, body []byte) *nullWriter {
	secret, _ := sigv4.NewSecret("secret")
	r, err := http.NewRequest(op, "http://gateway/bucket/object", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Host = "gateway"
	switch op {
	case "RANGE":
		r.Method = "GET"
		off := len(body) / 2
		if len(body) <= 64<<10 {
			off = 0
		}
		r.Header.Set("Range", "bytes="+strconv.Itoa(off)+"-"+strconv.Itoa(off+64<<10-1))
	case "PUT":
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	benchSigner.Sign(r, sigv4.Credential{AccessKey: "client", Secret: secret}, "us-east-1", sigv4.UnsignedPayload, time.Now())
	w := &nullWriter{h: http.Header{}}
	g.Serve(w, r, Inbound{Target: "/bucket/object"})
	if w.status/100 != 2 {
		b.Fatalf("status %d", w.status)
	}
	return w
}
