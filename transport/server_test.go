package transport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// server is a TCP server whose connections are served by a function.
type server struct {
	url      *url.URL
	accepted atomic.Int32
}

// serve starts a server. Each connection, numbered from 1, is closed when
// handle returns.
func serve(t testing.TB, handle func(n int, c *net.TCPConn, r *bufio.Reader)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{url: &url.URL{Scheme: "http", Host: ln.Addr().String()}}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := int(s.accepted.Add(1))
			finished := make(chan struct{})
			wg.Go(func() {
				defer close(finished)
				defer c.Close()
				handle(n, c.(*net.TCPConn), bufio.NewReader(c))
			})
			wg.Go(func() { // handlers that wait for more do not outlive the test
				select {
				case <-done:
					_ = c.Close()
				case <-finished:
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		close(done)
		wg.Wait()
	})
	return s
}

// read reads one request with its body. It reports whether there was one.
func read(r *bufio.Reader) (*http.Request, []byte, bool) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, nil, false
	}
	body, err := io.ReadAll(req.Body)
	return req, body, err == nil
}

// answering returns a handler that answers every request of a connection with
// the same bytes.
func answering(raw string) func(int, *net.TCPConn, *bufio.Reader) {
	return func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			if _, _, ok := read(r); !ok {
				return
			}
			if _, err := io.WriteString(c, raw); err != nil {
				return
			}
		}
	}
}

// newBase returns settings that leave small requests to this package.
func newBase() *http.Transport {
	return &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
}

// to returns a transport to s. Requests that it hands to base fail the test.
func (s *server) to(t testing.TB, base *http.Transport) *Transport {
	t.Helper()
	if !canProbe {
		t.Skip("not on this system")
	}
	tr := New(base, s.url)
	base.DialContext = func(context.Context, string, string) (net.Conn, error) {
		t.Error("a request went through the other transport")
		return nil, net.ErrClosed
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// request returns a request to s.
func (s *server) request(t testing.TB, method, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url.String()+"/bucket/key", r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// fetch makes a request and reads the response to its end.
func fetch(rt http.RoundTripper, req *http.Request) (*http.Response, string, error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return resp, b.String(), err
}

// mustFetch is fetch for what has to succeed with status 200.
func mustFetch(t testing.TB, rt http.RoundTripper, req *http.Request) string {
	t.Helper()
	resp, body, err := fetch(rt, req)
	if err != nil {
		t.Fatalf("%s: %v", req.Method, err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", req.Method, resp.Status)
	}
	return body
}

// hold makes n requests at a time and returns their unread responses.
func hold(t *testing.T, tr *Transport, s *server, n int) []*http.Response {
	t.Helper()
	responses := make([]*http.Response, n)
	for i := range responses {
		resp, err := tr.RoundTrip(s.request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		responses[i] = resp
	}
	return responses
}

func finish(t *testing.T, responses ...*http.Response) {
	t.Helper()
	for _, resp := range responses {
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close()
	}
}

// kept returns how many idle connections there are.
func (t *Transport) kept() int {
	t.idle.mu.Lock()
	defer t.idle.mu.Unlock()
	return len(t.idle.conns)
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
