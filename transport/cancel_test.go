package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCancel(t *testing.T) {
	const partial = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
	received := make(chan struct{}, 1)
	s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			req, _, ok := read(r)
			if !ok {
				return
			}
			switch req.URL.RawQuery {
			case "silent":
				received <- struct{}{}
			case "partial":
				_, _ = io.WriteString(c, partial)
			default:
				_, _ = io.WriteString(c, hello)
			}
		}
	})
	with := func(ctx context.Context, method, query string) *http.Request {
		req := s.request(t, method, "").WithContext(ctx)
		req.URL.RawQuery = query
		return req
	}
	for _, method := range []string{"GET", "PUT"} {
		for _, used := range []bool{false, true} {
			t.Run("waiting/"+method, func(t *testing.T) {
				tr := s.to(t, newBase())
				if used {
					mustFetch(t, tr, s.request(t, method, ""))
				}
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-received; cancel() }()
				if _, err := tr.RoundTrip(with(ctx, method, "silent")); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				if tr.kept() != 0 {
					t.Error("the connection is kept")
				}
				mustFetch(t, tr, s.request(t, method, ""))
			})
		}
	}
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.to(t, newBase()).RoundTrip(with(ctx, "GET", "silent")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("in the body", func(t *testing.T) {
		tr := s.to(t, newBase())
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := tr.RoundTrip(with(ctx, "GET", "partial"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
			t.Error(err)
		}
		time.AfterFunc(time.Millisecond, cancel)
		for range 2 {
			if _, err := resp.Body.Read(make([]byte, 5)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		_ = resp.Body.Close()
		if tr.kept() != 0 {
			t.Error("the connection is kept")
		}
	})
	t.Run("before the end is seen", func(t *testing.T) {
		tr := s.to(t, newBase())
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := tr.RoundTrip(with(ctx, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_, _ = io.ReadAll(resp.Body) // may have arrived, or not
		if tr.kept() != 0 {
			t.Error("the connection is kept")
		}
	})
	t.Run("afterwards", func(t *testing.T) {
		before := s.accepted.Load()
		tr := s.to(t, newBase())
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			mustFetch(t, tr, with(ctx, "GET", ""))
			cancel()
		}
		if n := s.accepted.Load() - before; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
	t.Run("dialing", func(t *testing.T) {
		tr := s.to(t, newBase())
		ctx, cancel := context.WithCancel(t.Context())
		tr.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, errors.New("dialing failed")
		}
		if _, err := tr.RoundTrip(with(ctx, "GET", "")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestHeaderTimeout(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			req, _, ok := read(r)
			switch {
			case !ok:
				return
			case req.Method == http.MethodPut:
				_, _ = io.WriteString(c, "HTTP/1.1 200") // and no more
			case req.Method == http.MethodGet:
				_, _ = io.WriteString(c, hello[:len(hello)-5])
				<-release
				_, _ = io.WriteString(c, "hello")
			}
		}
	})
	base := newBase()
	base.ResponseHeaderTimeout = 20 * time.Millisecond
	tr := s.to(t, base)
	for range 2 { // the second time, over a connection that was used before
		for _, method := range []string{"HEAD", "PUT"} {
			_, err := tr.RoundTrip(s.request(t, method, ""))
			if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
				t.Errorf("%s: got %v", method, err)
			}
			if tr.kept() != 0 {
				t.Error("the connection is kept")
			}
		}
		resp, err := tr.RoundTrip(s.request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*base.ResponseHeaderTimeout, func() { release <- struct{}{} }) // bodies may take longer
		finish(t, resp)
		if tr.kept() != 1 {
			t.Error("the connection is not kept")
		}
	}
}

// TestEarlyClose closes bodies before their end.
func TestEarlyClose(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			req, _, ok := read(r)
			if !ok {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
			if req.Method == http.MethodPost {
				_, _ = r.Peek(1) // the body never comes
				return
			}
			_, _ = io.WriteString(c, strings.Repeat("x", 10_000_000))
		}
	})
	t.Run("large", func(t *testing.T) {
		tr := s.to(t, newBase())
		resp, err := tr.RoundTrip(s.request(t, "GET", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("got %v", err)
			}
		}
		if tr.kept() != 0 {
			t.Error("the connection is kept")
		}
	})
	t.Run("while reading", func(t *testing.T) {
		tr := s.to(t, newBase())
		resp, err := tr.RoundTrip(s.request(t, "POST", ""))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Millisecond, func() { _ = resp.Body.Close() })
		if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
			t.Error("no error")
		}
		if tr.kept() != 0 {
			t.Error("the connection is kept")
		}
	})
}
