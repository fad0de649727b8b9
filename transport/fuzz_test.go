package transport

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
)

// FuzzResponse has a server answer with any bytes. A connection is kept only
// after a complete response with nothing behind it.
func FuzzResponse(f *testing.F) {
	for _, raw := range []string{
		"", hello, hello + "x", "HTTP/1.1 200 OK\r\n\r\nrest", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n" + hello, "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\x00\xff",
	} {
		f.Add([]byte(raw), uint8(0))
		f.Add([]byte(raw), uint8(1))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = ln.Close() })
	s := &server{url: &url.URL{Scheme: "http", Host: ln.Addr().String()}}
	f.Fuzz(func(t *testing.T, raw []byte, method uint8) {
		if len(raw) > 16<<10 {
			return // more than fits into the buffers of the sockets unread
		}
		base := newBase()
		base.MaxResponseHeaderBytes = 1000
		tr := s.to(t, base)
		req := s.request(t, []string{http.MethodGet, http.MethodHead}[method%2], "")
		c, err := tr.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.tcp.SetLinger(0) // or else the system runs out of ports
		peer, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if _, err := peer.Write(raw); err != nil {
			t.Fatal(err)
		}
		_ = peer.(*net.TCPConn).CloseWrite()
		resp, err := tr.exchange(c, req, []byte("GET / HTTP/1.1\r\n\r\n"))
		var n int64
		if err == nil {
			n, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if tr.kept() == 0 {
			return
		}
		if err != nil {
			t.Errorf("kept after %v", err)
		}
		if resp.ContentLength > 0 && n != resp.ContentLength && req.Method == http.MethodGet && resp.StatusCode != http.StatusNotModified && resp.StatusCode != http.StatusNoContent {
			t.Errorf("kept after %d of %d bytes", n, resp.ContentLength)
		}
		if c.r.Buffered() != 0 {
			t.Error("kept with bytes that were not read")
		}
		if !bytes.HasPrefix(raw, []byte("HTTP/1.")) {
			t.Error("kept after another protocol")
		}
		if tr.idle.get() != nil {
			t.Error("a connection at its end is usable")
		}
	})
}
