package gateway

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// blockingReader blocks in Read until it is let go.
type blockingReader struct{ entered, proceed chan struct{} }

func (b *blockingReader) Read(p []byte) (int, error) {
	close(b.entered)
	<-b.proceed
	return len(p), nil
}

// TestStoreBodyFreedOnce checks that what a body stands on is not freed while
// the transport still reads it, and exactly once afterwards.
func TestStoreBodyFreedOnce(t *testing.T) {
	r := &blockingReader{make(chan struct{}), make(chan struct{})}
	var freed atomic.Int32
	b := &storeBody{r: r, size: 10, free: func() { freed.Add(1) }}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = b.Read(make([]byte, 5)) })
	<-r.entered
	_ = b.Close()
	b.release()
	if freed.Load() != 0 {
		t.Error("freed during a read")
	}
	close(r.proceed)
	wg.Wait()
	_ = b.Close()
	if n := freed.Load(); n != 1 {
		t.Errorf("freed %d times", n)
	}
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, errBodyClosed) {
		t.Errorf("reading after the end: %v", err)
	}
}

// TestStoreBodyAgain checks that a stream is sent again only if nothing of it
// was sent before.
func TestStoreBodyAgain(t *testing.T) {
	b := &storeBody{r: bytes.NewReader([]byte("abc")), size: 3, free: func() {}}
	_ = b.Close() // by a transport that found the connection dead
	again, err := b.again()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(again); err != nil || string(got) != "abc" {
		t.Errorf("got %q, %v", got, err)
	}
	if !b.sent() {
		t.Error("not known to be sent")
	}
	if _, err := b.again(); !errors.Is(err, errBodyUsed) {
		t.Errorf("the second time: %v", err)
	}
}

// TestStoreBodyFailure checks whose fault a failed upload is.
func TestStoreBodyFailure(t *testing.T) {
	bad := s3api.ErrBadDigest
	client := &storeBody{r: iotest.ErrReader(bad), free: func() {}}
	if _, err := client.WriteTo(io.Discard); !errors.Is(err, bad) || !errors.Is(client.failure(), bad) {
		t.Errorf("bad body: %v, %v", err, client.failure())
	}
	broken := errors.New("connection reset")
	store := &storeBody{r: bytes.NewReader([]byte("abc")), size: 3, free: func() {}}
	if _, err := store.WriteTo(failingWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("broken connection: %v", err)
	}
	if err := store.failure(); err != nil {
		t.Errorf("a broken connection to the store counts as the client's fault: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestBufferedUploadCanBeSentAgain checks that a sealed buffer outlives every
// body made of it and goes back to its pool after the last.
func TestBufferedUploadCanBeSentAgain(t *testing.T) {
	u := &upload{buffered: getBuffer(5000), length: 5000}
	for i := range u.buffered.b {
		u.buffered.b[i] = byte(i)
	}
	want := bytes.Clone(u.buffered.b)
	sr := &storeRequest{header: map[string][]string{}}
	u.attach(sr)
	for range 3 {
		body, err := sr.getBody()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = body.Close()
		_ = body.Close()
	}
	if n := u.users.Load(); n != 2 { // the handler and the first body
		t.Errorf("%d users", n)
	}
	_ = sr.body.Close()
	u.release()
	if n := u.users.Load(); n != 0 {
		t.Errorf("%d users at the end", n)
	}
}
