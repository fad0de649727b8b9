package vault

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// open makes the proxy listen at s.URL. Restart wants the port it had before:
// somebody else's connection may have it for a moment.
func (s *Server) open(t testing.TB) {
	t.Helper()
	addr := s.frontAddr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var l net.Listener
	for tick := time.NewTicker(50 * time.Millisecond); l == nil; {
		var err error
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err == nil {
			tick.Stop()
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("listening in front of Vault: %v", err)
		case <-tick.C:
		}
	}
	s.front = &httptest.Server{
		Listener: l, TLS: s.tls,
		Config: &http.Server{
			Handler: s.Proxy, ReadHeaderTimeout: time.Minute,
			ErrorLog: log.New(io.Discard, "", 0), // clients that are refused are what some tests want
		},
	}
	if s.tls != nil {
		s.front.StartTLS()
	} else {
		s.front.Start()
	}
	if s.frontAddr == "" { // clients may be reading URL when it comes back
		s.frontAddr, s.URL = l.Addr().String(), s.front.URL
	}
}

func (s *Server) close() {
	s.front.Listener.Close()
	s.front.CloseClientConnections()
	s.front.Close()
}

// Delay makes every request to come wait for d before it reaches Vault. 0 ends
// that. Delay, Hold and [store.Proxy.Inject] replace one another.
func (s *Server) Delay(d time.Duration) {
	if d == 0 {
		s.Proxy.Inject(nil)
		return
	}
	s.Proxy.Inject(func(*http.Request) *store.Fault {
		wait := make(chan struct{})
		time.AfterFunc(d, func() { close(wait) })
		return &store.Fault{Wait: wait}
	})
}

// Hold makes every request to come wait until release is called, once.
func (s *Server) Hold() (release func()) {
	wait := make(chan struct{})
	s.Proxy.Inject(store.Always("", store.Fault{Wait: wait}))
	return func() {
		s.Proxy.Inject(nil)
		close(wait)
	}
}

// Count returns the number of requests whose path begins with that one, written
// without /v1/, since the proxy's last Reset; "" counts all. It waits until no
// request is in flight.
func (s *Server) Count(path string) int {
	n := 0
	for _, e := range s.Proxy.Exchanges() {
		if strings.HasPrefix(e.Target, "/v1/"+path) {
			n++
		}
	}
	return n
}
