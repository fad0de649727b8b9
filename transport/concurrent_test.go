package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestConcurrent has many goroutines share a transport. Some requests are
// canceled and some bodies not read; every other response is the request's.
func TestConcurrent(t *testing.T) {
	before := runtime.NumGoroutine()
	store := httptest.NewServer(echo)
	u, _ := url.Parse(store.URL)
	base := newBase()
	base.MaxIdleConnsPerHost, base.IdleConnTimeout = 20, time.Minute
	s := &server{url: u}
	tr := s.to(t, base)
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 40 {
				body := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 1+(g*i)%500)
				req := s.request(t, "PUT", body)
				ctx, cancel := context.WithCancel(req.Context())
				switch i % 8 {
				case 3:
					go cancel()
					if resp, err := tr.RoundTrip(req.WithContext(ctx)); err == nil {
						_, _ = io.ReadAll(resp.Body)
						_ = resp.Body.Close()
					}
				case 5:
					if resp, err := tr.RoundTrip(req.WithContext(ctx)); err != nil {
						t.Error(err)
					} else {
						_ = resp.Body.Close()
					}
				default:
					if _, got, err := fetch(tr, req.WithContext(ctx)); err != nil || got != "PUT /bucket/key "+body {
						t.Errorf("got %.40q, %v", got, err)
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if n := tr.kept(); n == 0 || n > 20 {
		t.Errorf("%d connections are kept", n)
	}
	tr.CloseIdleConnections()
	store.Close()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// TestAnswerBeforeBody has servers that answer without reading the body.
func TestAnswerBeforeBody(t *testing.T) {
	answered := make(chan struct{})
	s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			if line, err := r.ReadString('\n'); err != nil {
				return
			} else if line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nConnection: close\r\n\r\nno!!!")
		<-answered
	})
	tr := s.to(t, newBase())
	resp, body, err := fetch(tr, s.request(t, "PUT", strings.Repeat("b", maxBody)))
	if err != nil || resp.StatusCode != 403 || body != "no!!!" {
		t.Errorf("got %q, %v", body, err)
	}
	close(answered)
	if tr.kept() != 0 {
		t.Error("the connection is kept")
	}
}
