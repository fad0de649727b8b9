package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// echo answers with the method, the target and the body.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
})

// TestHandOff has settings and requests that are left to http.Transport.
func TestHandOff(t *testing.T) {
	store := httptest.NewServer(echo)
	t.Cleanup(store.Close)
	tlsStore := httptest.NewTLSServer(echo)
	t.Cleanup(tlsStore.Close)
	storeURL, _ := url.Parse(store.URL)

	for name, set := range map[string]func(*http.Transport){
		"TLS": func(b *http.Transport) {
			b.TLSClientConfig = tlsStore.Client().Transport.(*http.Transport).TLSClientConfig
		},
		"limit of connections":   func(b *http.Transport) { b.MaxConnsPerHost = 1 },
		"no keep-alive":          func(b *http.Transport) { b.DisableKeepAlives = true },
		"compression":            func(b *http.Transport) { b.DisableCompression = false },
		"proxy":                  func(b *http.Transport) { b.Proxy = http.ProxyURL(storeURL) },
		"HTTP/2 without TLS too": func(b *http.Transport) { b.Protocols = protocols(true) },
	} {
		t.Run("setting/"+name, func(t *testing.T) {
			base, u := newBase(), storeURL
			set(base)
			if base.TLSClientConfig != nil {
				u, _ = url.Parse(tlsStore.URL)
			}
			tr := New(base, u)
			t.Cleanup(tr.CloseIdleConnections)
			tr.dial = noDial(t)
			for range 2 {
				req, _ := http.NewRequestWithContext(t.Context(), "PUT", u.String()+"/a", strings.NewReader("body"))
				if body := mustFetch(t, tr, req); !strings.HasSuffix(body, "/a body") {
					t.Errorf("got %q", body)
				}
			}
		})
	}
	t.Run("setting/HTTP/1.1 only", func(t *testing.T) {
		base := newBase()
		base.Protocols = protocols(false)
		if !suitable(base, storeURL) {
			t.Error("handed off")
		}
	})
	t.Run("setting/no proxy for the store", func(t *testing.T) {
		s := serve(t, answering(hello))
		base := newBase()
		base.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
		mustFetch(t, s.to(t, base), s.request(t, "GET", ""))
	})

	for name, set := range map[string]func(*http.Request){
		"method":         func(r *http.Request) { r.Method = "PATCH" },
		"no method":      func(r *http.Request) { r.Method = "" },
		"host":           func(r *http.Request) { r.URL.Host = strings.Replace(r.URL.Host, "127.0.0.1", "localhost", 1) },
		"stream":         func(r *http.Request) { r.GetBody = nil },
		"unknown length": func(r *http.Request) { r.ContentLength = -1 },
		"large body":     func(r *http.Request) { setBody(r, strings.Repeat("b", maxBody+1)) },
		"chunked":        func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"trailer":        func(r *http.Request) { r.ContentLength, r.Trailer = -1, http.Header{"X-End": {"1"}} },
		"expect":         func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"close":          func(r *http.Request) { r.Close = true },
		"connection":     func(r *http.Request) { r.Header.Set("Connection", "close") },
		"trace": func(r *http.Request) {
			*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), new(httptrace.ClientTrace)))
		},
	} {
		t.Run("request/"+name, func(t *testing.T) {
			tr := New(newBase(), storeURL)
			t.Cleanup(tr.CloseIdleConnections)
			tr.dial = noDial(t)
			req, _ := http.NewRequestWithContext(t.Context(), "PUT", store.URL+"/a", strings.NewReader("body"))
			set(req)
			mustFetch(t, tr, req)
		})
	}
	for name, set := range map[string]func(*http.Request){
		"URL":          func(r *http.Request) { r.URL = nil },
		"header":       func(r *http.Request) { r.Header = nil },
		"header name":  func(r *http.Request) { r.Header["X-Amz-Meta-a b"] = []string{""} },
		"empty name":   func(r *http.Request) { r.Header[""] = []string{""} },
		"header value": func(r *http.Request) { r.Header["X-Amz-Meta-A"] = []string{"a\r\nX-B: c"} },
		"scheme":       func(r *http.Request) { r.URL.Scheme = "ftp" },
		"method":       func(r *http.Request) { r.Method = "PUT /b" },
		"length":       func(r *http.Request) { r.Body, r.ContentLength = nil, 4 },
	} {
		t.Run("not valid/"+name, func(t *testing.T) {
			tr := New(newBase(), storeURL)
			t.Cleanup(tr.CloseIdleConnections)
			tr.dial = noDial(t)
			req, _ := http.NewRequestWithContext(t.Context(), "PUT", store.URL+"/a", strings.NewReader("body"))
			set(req)
			if _, _, err := fetch(tr, req); err == nil {
				t.Error("no error")
			}
		})
	}
	t.Run("other connections", func(t *testing.T) {
		base := newBase()
		dials := 0
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials++
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return struct{ net.Conn }{c}, err
		}
		tr := New(base, storeURL)
		t.Cleanup(tr.CloseIdleConnections)
		for range 3 {
			req, _ := http.NewRequestWithContext(t.Context(), "PUT", store.URL+"/a", strings.NewReader("body"))
			resp, body, err := fetch(tr, req)
			if err != nil || body != "PUT /a body" || resp.Request != req {
				t.Errorf("got %q, %v", body, err)
			}
		}
		if dials != 2 {
			t.Errorf("dialed %d times", dials)
		}
	})
}

func protocols(h2c bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(h2c)
	return p
}

func setBody(r *http.Request, s string) {
	r.ContentLength = int64(len(s))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
	r.Body, _ = r.GetBody()
}

func noDial(t *testing.T) dialFunc {
	return func(context.Context, string, string) (net.Conn, error) {
		t.Error("not handed off")
		return nil, net.ErrClosed
	}
}

// countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closed atomic.Int32
}

func (b *countedBody) Close() error { b.closed.Add(1); return nil }

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// TestRequestBody checks that bodies are closed whatever happens, and that one
// that fails does not cost a connection.
func TestRequestBody(t *testing.T) {
	s := serve(t, answering(hello))
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		reader  io.Reader
		set     func(*Transport, *http.Request) *http.Request
		want    error
		invalid bool
	}{
		"sent":   {reader: strings.NewReader("body")},
		"broken": {reader: io.MultiReader(strings.NewReader("bo"), failingReader{broken}), want: broken},
		"short":  {reader: strings.NewReader("bod"), invalid: true},
		"long":   {reader: strings.NewReader("body!"), invalid: true},
		"control characters": {
			reader:  strings.NewReader("body"),
			set:     func(_ *Transport, r *http.Request) *http.Request { r.URL.RawQuery = "a\nb"; return r },
			invalid: true,
		},
		"canceled": {
			reader: failingReader{errors.New("was read")},
			set: func(_ *Transport, r *http.Request) *http.Request {
				ctx, cancel := context.WithCancel(r.Context())
				cancel()
				return r.WithContext(ctx)
			},
			want: context.Canceled,
		},
		"no server": {
			reader: strings.NewReader("body"),
			set: func(tr *Transport, r *http.Request) *http.Request {
				tr.idle.close()
				tr.dial = func(context.Context, string, string) (net.Conn, error) { return nil, broken }
				return r
			},
			want: broken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := s.to(t, newBase())
			mustFetch(t, tr, s.request(t, "GET", ""))
			before := s.accepted.Load()
			body := &countedBody{Reader: tt.reader}
			req := s.request(t, "PUT", "body")
			req.Body = body
			if tt.set != nil {
				req = tt.set(tr, req)
			}
			_, _, err := fetch(tr, req)
			if (err != nil) != (tt.want != nil || tt.invalid) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			if n := body.closed.Load(); n != 1 {
				t.Errorf("closed %d times", n)
			}
			if name != "no server" && tr.kept() != 1 || s.accepted.Load() != before {
				t.Error("the connection was not left alone")
			}
		})
	}
}
