package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestResponses compares responses with those of http.Transport, field by
// field, and says after which ones the connection is used again.
func TestResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct {
		name, method, raw string
		kept, fails       bool
	}{
		{name: "length", method: "GET", raw: hello, kept: true},
		{name: "large", method: "GET", raw: ok + "Content-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000), kept: true},
		{name: "empty", method: "GET", raw: ok + "Content-Length: 0\r\n\r\n", kept: true},
		{name: "head", method: "HEAD", raw: ok + "Content-Length: 5\r\nEtag: \"e\"\r\n\r\n", kept: true},
		{name: "head without length", method: "HEAD", raw: ok + "\r\n", kept: true},
		{name: "no content", method: "DELETE", raw: "HTTP/1.1 204 No Content\r\n\r\n", kept: true},
		{name: "not modified", method: "GET", raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", kept: true},
		{name: "chunked", method: "GET", raw: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", kept: true},
		{name: "trailer", method: "GET", raw: ok + "Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n1\r\na\r\n0\r\nX-End: z\r\n\r\n", kept: true},
		{name: "error with a body", method: "PUT", raw: "HTTP/1.1 503 Slow Down\r\nContent-Length: 3\r\n\r\nno!", kept: true},
		{name: "repeated header", method: "GET", raw: ok + "X-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n", kept: true},
		{name: "interim", method: "PUT", raw: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + hello, kept: true},
		{name: "close", method: "GET", raw: ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi"},
		{name: "until the end", method: "GET", raw: ok + "\r\nto the end"},
		{name: "http 1.0", method: "GET", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		{name: "http 1.0 without length", method: "GET", raw: "HTTP/1.0 200 OK\r\n\r\nhi"},
		{name: "http 1.0 head", method: "HEAD", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{name: "more than the length", method: "GET", raw: hello + "HTTP/1.1 200 OK\r\n\r\n"},
		{name: "more than the header", method: "HEAD", raw: ok + "Content-Length: 5\r\n\r\nhello"},
		{name: "short", method: "GET", raw: ok + "Content-Length: 9\r\n\r\nhello", fails: true},
		{name: "short chunk", method: "GET", raw: ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nhello", fails: true},
		{name: "bad chunk", method: "GET", raw: ok + "Transfer-Encoding: chunked\r\n\r\nx\r\nhello", fails: true},
		{name: "nothing", method: "PUT", raw: "", fails: true},
		{name: "cut header", method: "GET", raw: ok + "Content-Le", fails: true},
		{name: "two lengths", method: "GET", raw: ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi", fails: true},
		{name: "another protocol", method: "GET", raw: "SSH-2.0-OpenSSH\r\n", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
				if _, _, ok := read(r); ok {
					_, _ = io.WriteString(c, tt.raw)
					if tt.kept {
						_, _ = r.Peek(1) // until the peer closes
					}
				}
			})
			body := ""
			if tt.method == http.MethodPut {
				body = "a body"
			}
			other := newBase()
			defer other.CloseIdleConnections()
			want, wantBody, wantErr := fetch(other, s.request(t, tt.method, body))
			tr := s.to(t, newBase())
			req := s.request(t, tt.method, body)
			got, gotBody, err := fetch(tr, req)
			if (err != nil) != tt.fails || (wantErr != nil) != tt.fails {
				t.Fatalf("got error %v, the other transport %v", err, wantErr)
			}
			if errors.Is(wantErr, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got error %v, the other transport %v", err, wantErr)
			}
			if gotBody != wantBody {
				t.Errorf("got body %q, the other transport %q", gotBody, wantBody)
			}
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(http.Response{}, "Body", "Request"), cmpopts.IgnoreUnexported(http.Response{})); d != "" {
				t.Errorf("the other transport's response (-), ours (+):\n%s", d)
			}
			if got != nil && got.Request != req {
				t.Error("the response is not of the request")
			}
			if kept := tr.kept() == 1; kept != tt.kept {
				t.Errorf("connection kept: %v", kept)
			}
		})
	}
}

// TestRefusedResponses has responses that are taken for errors.
func TestRefusedResponses(t *testing.T) {
	for name, raw := range map[string]string{
		"long header":         "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 4000) + "\r\nContent-Length: 0\r\n\r\n",
		"many headers":        "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1000) + "\r\n",
		"endless line":        strings.Repeat("x", 100_000),
		"too many interim":    strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxInterim+1) + hello,
		"long interim":        "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 4000) + "\r\n\r\n" + hello,
		"switching protocols": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/2":              "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/0 first":        "HTTP/0.0 100 Continue\r\n\r\n" + hello,
		"status 99":           "HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answering(raw))
			base := newBase()
			base.MaxResponseHeaderBytes = 2000
			tr := s.to(t, base)
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
				if _, _, err := fetch(tr, s.request(t, method, "")); err == nil {
					t.Errorf("%s succeeded", method)
				}
				if tr.kept() != 0 {
					t.Errorf("the connection is kept")
				}
			}
			if n := s.accepted.Load(); n != 3 {
				t.Errorf("%d connections", n)
			}
		})
	}
	t.Run("at the limit", func(t *testing.T) {
		header := "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-Long: " + strings.Repeat("x", 1000) + "\r\n\r\n"
		s := serve(t, answering(header+strings.Repeat("b", 5000)))
		for _, d := range []int{-1, 0, 1} {
			base := newBase()
			base.MaxResponseHeaderBytes = int64(len(header) + d)
			tr := s.to(t, base)
			for range 2 { // the second time, on the same connection
				if _, body, err := fetch(tr, s.request(t, "GET", "")); (err == nil) != (d >= 0) || err == nil && len(body) != 5000 {
					t.Errorf("limit %+d: %d bytes, %v", d, len(body), err)
				}
			}
		}
	})
}

// TestRequests looks at what arrives at the server.
func TestRequests(t *testing.T) {
	type arrival struct {
		Method, Target, Host, Body string
		Header                     http.Header
	}
	arrivals := make(chan arrival, 1)
	s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			req, body, ok := read(r)
			if !ok {
				return
			}
			arrivals <- arrival{req.Method, req.RequestURI, req.Host, string(body), req.Header}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	tr, other := s.to(t, newBase()), newBase()
	defer other.CloseIdleConnections()
	for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
		for _, size := range []int{0, 1, 5000, maxBody} {
			if size > 0 && (method == "GET" || method == "HEAD") {
				continue
			}
			build := func() *http.Request {
				req := s.request(t, method, strings.Repeat("b", size))
				req.URL.Path, req.URL.RawPath, req.URL.RawQuery = "/bucket/a/b+c", "/bucket/a%2Fb%2Bc", "x-id=1&list-type=2"
				req.Host = "store.example.net:9000"
				req.Header["User-Agent"] = nil
				req.Header["X-Amz-Meta-A"] = []string{"1", "tab\tand ä"}
				return req
			}
			mustFetch(t, other, build())
			want := <-arrivals
			mustFetch(t, tr, build())
			if d := cmp.Diff(want, <-arrivals); d != "" {
				t.Errorf("%s of %d bytes: the other transport's request (-), ours (+):\n%s", method, size, d)
			}
		}
	}
	if tr.kept() != 1 {
		t.Errorf("%d connections", tr.kept())
	}
}
