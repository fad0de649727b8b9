//go:build linux

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseHead(t *testing.T) {
	for _, tt := range []struct {
		in     string
		status int
		length int64
		fails  bool
	}{
		{in: "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", status: 200, length: 12},
		{in: "HTTP/1.1 206 Partial Content\r\nX-Content-Length: 9\r\nContent-Length:65536\r\n\r\n", status: 206, length: 65536},
		{in: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
		{in: "HTTP/1.1 304 Not Modified\r\n\r\n", status: 304},
		{in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fails: true},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", fails: true},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", fails: true},
		{in: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", fails: true},
		{in: "HTTP/1.1 xyz\r\nContent-Length: 1\r\n\r\n", fails: true},
		{in: "HTTP/1.1 20\r\n\r\n", fails: true},
		{in: "\r\n\r\n", fails: true},
	} {
		got, err := parseHead(tt.in)
		if (err != nil) != tt.fails {
			t.Errorf("%q: error %v, want failure %v", tt.in, err, tt.fails)
		}
		if err == nil && (got.status != tt.status || got.length != tt.length) {
			t.Errorf("%q: got %d, %d; want %d, %d", tt.in, got.status, got.length, tt.status, tt.length)
		}
	}
}

// TestConn sends and receives bodies around the sizes at which the client
// changes its ways, on one connection.
func TestConn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
	defer server.Close()
	c := newConn(server.Listener.Addr().String())
	defer c.close()
	for _, size := range []int{0, 1, 60 << 10, 64 << 10, 2 * lowWater, 2*lowWater + 1, 5 << 20} {
		content := randomBytes('t', int64(size))
		m := &message{
			head: []byte("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n"),
			body: content, status: 200, length: int64(size),
		}
		var echo bytes.Buffer
		for _, sink := range []io.Writer{&echo, nil, &comparer{want: content}} {
			if _, err := c.do(m, sink); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
		if !bytes.Equal(echo.Bytes(), content) {
			t.Errorf("%d bytes: other content came back", size)
		}
		m.length++
		if _, err := c.do(m, nil); err == nil {
			t.Errorf("%d bytes: a wrong length was accepted", size)
		}
	}
}

// TestConnFailures checks that what must not count as a result is an error.
func TestConnFailures(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/denied" {
			http.Error(w, "AccessDenied", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Length", "2000000")
		_, _ = w.Write(make([]byte, 1000000))
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	c := newConn(server.Listener.Addr().String())
	defer c.close()
	for _, tt := range []struct{ path, want string }{
		{"/denied", "status 403 instead of 200: AccessDenied"},
		{"/short", ""},
	} {
		m := &message{head: []byte("GET " + tt.path + " HTTP/1.1\r\nHost: x\r\n\r\n"), status: 200, length: -1}
		for _, sink := range []io.Writer{nil, io.Discard} {
			if _, err := c.do(m, sink); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.path, err)
			}
		}
	}
	server.Close()
	if _, err := c.do(&message{}, nil); err == nil {
		t.Error("nobody listens, yet no error")
	}
}

func TestCells(t *testing.T) {
	names := func(list []cell) (names []string) {
		for _, w := range list {
			names = append(names, w.String())
		}
		return names
	}
	if n := len(cells(nil, nil)); n != 14 {
		t.Errorf("%d cells, want 14", n)
	}
	want := []string{"GET 4 KiB", "GET 1 MiB", "GET 64 KiB of 1 MiB"}
	if diff := cmp.Diff(want, names(cells([]string{"get", "RANGE"}, []string{"4K", "1m"}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{"upload 64 MiB in parts of 8 MiB", "GET 64 KiB of 64 MiB in parts", "list 1000 objects"}
	if diff := cmp.Diff(want, names(cells([]string{"UPLOAD", "PARTS", "LIST"}, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := cells([]string{"none"}, nil); len(got) != 0 {
		t.Errorf("none: %v", got)
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-payload", "sometimes"}, {"-op", "DELETE"}, {"-size", "5T"}, {"-contestants", "nobody"}, {"-c", "0"}, {"surplus"},
	} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
	o, err := parseOptions([]string{"-quick", "-rounds", "5", "-payload", "both", "-contestants", "minio,gateway"})
	if err != nil {
		t.Fatal(err)
	}
	if o.rounds != 5 || o.turn >= 700e6 || len(o.payloads) != 2 || len(o.contestants) != 2 {
		t.Errorf("%+v", o)
	}
}
