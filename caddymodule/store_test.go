package caddymodule

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeStore is as much of an S3 store as single objects need. It checks
// nothing and keeps what it is sent, in files, under the path of the request.
type fakeStore struct {
	*httptest.Server
	dir string

	mu      sync.Mutex
	objects map[string]storedObject

	conns atomic.Int64 // open connections
}

type storedObject struct {
	file   string
	header http.Header
	host   string // that the upload was sent to
}

func newFakeStore(t *testing.T) *fakeStore {
	t.Helper()
	s := &fakeStore{dir: t.TempDir(), objects: make(map[string]storedObject)}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.conns.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *fakeStore) host() string { return s.Listener.Addr().String() }

// object returns the stored form of an object.
func (s *fakeStore) object(t *testing.T, path string) storedObject {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[path]
	if !ok {
		t.Fatalf("the store has no %s", path)
	}
	return o
}

func (s *fakeStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/minio/health/") {
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.put(w, r)
	case http.MethodGet, http.MethodHead:
		s.get(w, r)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *fakeStore) put(w http.ResponseWriter, r *http.Request) {
	f, err := os.CreateTemp(s.dir, "object")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	var body io.Reader = r.Body
	if strings.HasPrefix(r.Header.Get("Content-Encoding"), "aws-chunked") {
		body = &chunkedBody{r: bufio.NewReaderSize(r.Body, 64<<10)}
	}
	if _, err := io.Copy(f, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	header := make(http.Header)
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") || name == "Content-Type" {
			header[name] = values
		}
	}
	var etag [16]byte
	_, _ = rand.Read(etag[:])
	header.Set("ETag", `"`+hex.EncodeToString(etag[:])+`"`)
	s.mu.Lock()
	s.objects[r.URL.Path] = storedObject{file: f.Name(), header: header, host: r.Host}
	s.mu.Unlock()
	w.Header().Set("ETag", header.Get("ETag"))
}

func (s *fakeStore) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	o, ok := s.objects[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>")
		}
		return
	}
	f, err := os.Open(o.file)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	maps.Copy(w.Header(), o.header)
	http.ServeContent(w, r, "", time.Unix(1700000000, 0), f)
}

// chunkedBody reads the content of an aws-chunked body.
type chunkedBody struct {
	r    *bufio.Reader
	left int64
	err  error
}

func (c *chunkedBody) Read(p []byte) (int, error) {
	for c.left == 0 && c.err == nil {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.err = io.ErrUnexpectedEOF
			break
		}
		if line == "\r\n" {
			continue // after the data of a chunk
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		if c.left, err = strconv.ParseInt(size, 16, 64); err != nil {
			c.err = fmt.Errorf("bad chunk size: %w", err)
		} else if c.left == 0 {
			_, c.err = io.Copy(io.Discard, c.r) // the trailer
			if c.err == nil {
				c.err = io.EOF
			}
		}
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
