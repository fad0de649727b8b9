//go:build unix

package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// gone waits until the idle connection shows that the server has closed it,
// or has sent something.
func (t *Transport) gone() {
	c := t.idle.pop()
	defer t.idle.push(c)
	one := make([]byte, 1)
	_ = c.raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), one, syscall.MSG_PEEK)
		return !errors.Is(err, syscall.EAGAIN)
	})
}

// pruning reports whether a timer is set.
func (t *Transport) pruning() bool {
	t.idle.mu.Lock()
	defer t.idle.mu.Unlock()
	return t.idle.prune != nil
}

func TestReuse(t *testing.T) {
	s := serve(t, answering(hello))
	tr := s.to(t, newBase())
	for range 10 {
		for _, method := range []string{"GET", "PUT", "POST"} {
			if body := mustFetch(t, tr, s.request(t, method, "body")); body != "hello" {
				t.Errorf("got %q", body)
			}
		}
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestStaleConnections has servers that end an idle connection, or say
// something on it that nobody asked for. No request may notice.
func TestStaleConnections(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"closed":     func(c *net.TCPConn) { _ = c.Close() },
		"reset":      func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"half open":  func(c *net.TCPConn) { _ = c.CloseWrite(); _, _ = io.ReadAll(c) },
		"timeout":    func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n"); _ = c.Close() },
		"unasked":    func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil") },
		"stray byte": func(c *net.TCPConn) { _, _ = io.WriteString(c, "\n"); _, _ = io.ReadAll(c) },
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				received := make(chan struct{}) // the first response is
				s := serve(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
					if n > 1 {
						answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(n, c, r)
						return
					}
					_, _, _ = read(r)
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					<-received
					end(c)
				})
				tr := s.to(t, newBase())
				mustFetch(t, tr, s.request(t, method, ""))
				if tr.kept() != 1 {
					t.Fatal("the connection is not kept")
				}
				close(received)
				tr.gone()
				if body := mustFetch(t, tr, s.request(t, method, "")); body != "" {
					t.Errorf("got %q", body)
				}
				if n := s.accepted.Load(); n != 2 {
					t.Errorf("%d connections", n)
				}
			})
		}
	}
}

// TestRepeating has a server that receives a request over a connection that
// was used before, and goes away. Only what changes nothing is sent again.
func TestRepeating(t *testing.T) {
	for method, repeated := range map[string]bool{"GET": true, "HEAD": true, "PUT": false, "POST": false, "DELETE": false} {
		t.Run(method, func(t *testing.T) {
			requests := make(chan string, 10)
			s := serve(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
				for i := 1; ; i++ {
					req, _, ok := read(r)
					if !ok {
						return
					}
					requests <- req.Method
					if n == 1 && i == 2 {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			tr := s.to(t, newBase())
			mustFetch(t, tr, s.request(t, method, ""))
			_, _, err := fetch(tr, s.request(t, method, ""))
			if repeated != (err == nil) {
				t.Errorf("got error %v", err)
			}
			want := 2
			if repeated {
				want = 3
			}
			if n := len(requests); n != want {
				t.Errorf("%d requests, not %d", n, want)
			}
			if kept := tr.kept() == 1; kept != repeated {
				t.Errorf("kept: %v", kept)
			}
		})
	}
	t.Run("only once", func(t *testing.T) {
		s := serve(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
			if _, _, ok := read(r); ok && n == 1 {
				_, _ = io.WriteString(c, hello)
				_, _, _ = read(r)
			}
		})
		tr := s.to(t, newBase())
		mustFetch(t, tr, s.request(t, "GET", ""))
		if _, _, err := fetch(tr, s.request(t, "GET", "")); err == nil {
			t.Error("no error")
		}
		if n := s.accepted.Load(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
	t.Run("never in the middle of a response", func(t *testing.T) {
		s := serve(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
			_, _, _ = read(r)
			_, _ = io.WriteString(c, hello)
			_, _, _ = read(r)
			_, _ = io.WriteString(c, "HTTP/1.1 2")
		})
		tr := s.to(t, newBase())
		mustFetch(t, tr, s.request(t, "GET", ""))
		if _, _, err := fetch(tr, s.request(t, "GET", "")); err == nil {
			t.Error("no error")
		}
		if n := s.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestIdleLimits(t *testing.T) {
	s := serve(t, answering(hello))
	for _, tt := range []struct{ perHost, all, want int }{
		{0, 0, http.DefaultMaxIdleConnsPerHost}, {3, 0, 3}, {3, 1, 1}, {3, 9, 3}, {-1, 0, 0},
	} {
		base := newBase()
		base.MaxIdleConnsPerHost, base.MaxIdleConns = tt.perHost, tt.all
		tr := s.to(t, base)
		finish(t, hold(t, tr, s, 5)...)
		if n := tr.kept(); n != tt.want {
			t.Errorf("%+v: %d", tt, n)
		}
	}
}

func TestIdleTimeout(t *testing.T) {
	s := serve(t, answering(hello))
	synctest.Test(t, func(t *testing.T) {
		base := newBase()
		base.IdleConnTimeout = time.Minute
		tr := s.to(t, base)
		responses := hold(t, tr, s, 4)
		check := func(after time.Duration, want int, timer bool) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if n := tr.kept(); n != want {
				t.Errorf("%d connections, not %d", n, want)
			}
			if set := tr.pruning(); set != timer {
				t.Errorf("timer: %v", set)
			}
		}
		check(time.Hour, 0, false) // busy ones stay
		finish(t, responses[0], responses[1])
		check(20*time.Second, 2, true)
		finish(t, responses[2])
		check(20*time.Second, 3, true)
		mustFetch(t, tr, s.request(t, "GET", "")) // makes one of them young
		check(19*time.Second, 3, true)
		check(2*time.Second, 1, true)
		check(38*time.Second, 1, true)
		check(2*time.Second, 0, false)
		finish(t, responses[3]) // and again from the start
		check(59*time.Second, 1, true)
		check(2*time.Second, 0, false)
	})
	if n := s.accepted.Load(); n != 4 {
		t.Errorf("%d connections", n)
	}
}

func TestCloseIdleConnections(t *testing.T) {
	s := serve(t, answering(hello))
	base := newBase()
	base.IdleConnTimeout = time.Minute
	tr := s.to(t, base)
	responses := hold(t, tr, s, 3)
	finish(t, responses[:2]...)
	if tr.kept() != 2 || !tr.pruning() {
		t.Fatal("nothing is kept")
	}
	tr.CloseIdleConnections()
	if tr.kept() != 0 || tr.pruning() {
		t.Error("something is left")
	}
	finish(t, responses[2])
	mustFetch(t, tr, s.request(t, "GET", ""))
	if tr.kept() != 0 || tr.pruning() {
		t.Error("a connection is kept afterwards")
	}
	tr.idle.expire() // as a timer that had just fired
}
