package security_test

import (
	"bytes"
	cryptotls "crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestLateFailure damages the middle of a large object. What is before reaches
// the client, and the end of the connection tells it that this is not all.
func TestLateFailure(t *testing.T) {
	const size, damaged = 8 << 20, 4<<20 + 5
	content := body(size, 1)
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		e.damage(t, content, damaged)
		e.lateFailures(t, content, damaged)
	})
}

// TestLateFailureTLS is TestLateFailure over HTTPS, with HTTP/1.1 and HTTP/2.
func TestLateFailureTLS(t *testing.T) {
	const size, damaged = 8 << 20, 4<<20 + 5
	content := body(size, 2)
	e := start(t, store.MinIO(t), site.Options{})
	e.damage(t, content, damaged)
	e.load(t, site.Options{}, tls...)
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(strings.ReplaceAll(proto, "/", " "), func(t *testing.T) {
			transport := &http.Transport{
				TLSClientConfig:    &cryptotls.Config{InsecureSkipVerify: true, ServerName: "127.0.0.1"},
				DisableCompression: true,
				ForceAttemptHTTP2:  proto == "HTTP/2.0",
			}
			defer transport.CloseIdleConnections()
			e.HTTP = &http.Client{Transport: transport}
			e.waitReady(t, proto)
			e.lateFailures(t, content, damaged)
		})
	}
}

// damage stores content as the object k and changes the stored byte at offset
// at.
func (e *endpoint) damage(t *testing.T, content []byte, at int) {
	t.Helper()
	e.Put(t, e.bucket, "k", content)
	o := e.store.Read(t, e.bucket, "k")
	o.Body[at] ^= 1
	e.store.Write(t, e.bucket, "k", o.Body, o.Info.UserMetadata)
}

// waitReady waits for the site's certificate.
func (e *endpoint) waitReady(t *testing.T, proto string) {
	t.Helper()
	for range 300 {
		resp, err := e.HTTP.Get(e.URL)
		if err == nil {
			resp.Body.Close()
			if resp.Proto != proto {
				t.Fatalf("speaks %s", resp.Proto)
			}
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("no TLS")
}

// lateFailures reads the object k, of which the store's byte at offset damaged
// is wrong.
func (e *endpoint) lateFailures(t *testing.T, content []byte, damaged int) {
	t.Helper()
	bad := (damaged - headerSize) / sealedChunk // the chunk
	for _, rd := range [][2]int{{0, len(content)}, {100, len(content) - 100}, {bad*chunk - 70_000, 200_000}} {
		off, n := rd[0], rd[1]
		a := e.Get(t, e.bucket, "k", "Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
		if a.Status != http.StatusPartialContent || a.Length != int64(n) || a.Err == nil {
			t.Errorf("[%d, %d): status %d, length %d, %v", off, off+n, a.Status, a.Length, a.Err)
		}
		if len(a.Body) > bad*chunk-off || !bytes.HasPrefix(content[off:], a.Body) {
			t.Errorf("[%d, %d): %d bytes that are not those before the damage", off, off+n, len(a.Body))
		}
	}
	a := e.Get(t, e.bucket, "k")
	if a.Status != http.StatusOK || a.Length != int64(len(content)) || a.Err == nil {
		t.Errorf("status %d, length %d, %v", a.Status, a.Length, a.Err)
	}
	if len(a.Body) > bad*chunk || !bytes.HasPrefix(content, a.Body) {
		t.Errorf("%d bytes that are not those before the damage", len(a.Body))
	}
	// Ranges that do not touch the chunk are whole.
	for _, off := range []int{0, bad*chunk - 10, (bad + 1) * chunk} {
		a := e.Get(t, e.bucket, "k", "Range", fmt.Sprintf("bytes=%d-%d", off, off+9))
		if a.Status != http.StatusPartialContent || a.Err != nil || !bytes.Equal(a.Body, content[off:off+10]) {
			t.Errorf("10 bytes at %d: status %d, %d bytes, %v", off, a.Status, len(a.Body), a.Err)
		}
	}
	// A range that begins in it is an error from the start.
	a = e.Get(t, e.bucket, "k", "Range", fmt.Sprintf("bytes=%d-", bad*chunk+1))
	checkError(t, a, http.StatusForbidden, "InvalidObjectState")

	log := e.logged(t)
	if !strings.Contains(log, `"msg":"response aborted"`) || !strings.Contains(log, `"bucket":"`+e.bucket+`","key":"k"`) {
		t.Error("the log does not say that responses were aborted")
	}
}
