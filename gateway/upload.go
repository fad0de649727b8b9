package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// upload is the ciphertext of one object on its way to the store: either
// sealed already, or sealed as it is read.
type upload struct {
	env      *metadata.Envelope
	length   int64  // of the ciphertext, in bytes
	crc32c   uint32 // of the ciphertext, if compare is set
	compare  bool   // the store is told crc32c, to compare
	buffered *buffer
	stream   *storeBody
	users    atomic.Int32 // of buffered, besides the handler
}

// envelopeHeader returns the metadata header of the object.
func (u *upload) envelopeHeader() ([]string, error) {
	v, err := u.env.Encode()
	return []string{v}, err
}

// StoreChecksum is the header that tells the store what to compare an upload with.
const StoreChecksum = "X-Amz-Checksum-Crc32c"

// FormatStoreChecksum returns a CRC-32C as the value of StoreChecksum.
func FormatStoreChecksum(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// compares reports whether the store is told what uploads are to be compared with.
func (c *call) compares() bool { return c.g.cfg.Upstream.Integrity == IntegrityChecksum }

// streamed is the upload of the size bytes that a sealer makes. The sealer sees
// to it that they have the CRC-32C that the store is told, if it is told.
func streamed(s *encryptor.Sealer, size int64, crc32c uint32, compare bool) *upload {
	if compare {
		s.ComputeCheck()
	}
	return &upload{stream: newStreamBody(s, size), length: size, crc32c: crc32c, compare: compare}
}

// attach makes the ciphertext the body of sr.
func (u *upload) attach(sr *storeRequest) {
	sr.length, sr.payloadHash = u.length, sigv4.UnsignedPayload
	if u.compare {
		sr.header[StoreChecksum] = []string{FormatStoreChecksum(u.crc32c)}
	}
	if u.buffered != nil {
		u.users.Store(1)
		sr.getBody = u.rewound
		sr.body, _ = u.rewound() // never fails
		return
	}
	sr.body, sr.getBody = u.stream, u.stream.again
}

// rewound returns a body with the same sealed bytes from their start, which
// makes it safe for the transport to send them again.
func (u *upload) rewound() (io.ReadCloser, error) {
	u.users.Add(1)
	return &storeBody{r: bytes.NewReader(u.buffered.b), free: u.unuse, size: u.length, started: true}, nil
}

func (u *upload) unuse() {
	if u.users.Add(-1) == 0 {
		u.buffered.release()
	}
}

// release ends the handler's use of the upload. The transport may still hold
// a body for a moment; the buffers are reused only after that.
func (u *upload) release() {
	if u.buffered != nil {
		if u.users.Load() == 0 { // never attached
			u.buffered.release()
			return
		}
		u.unuse()
		return
	}
	u.stream.release()
}

// clientError returns what was wrong with the client's body, if that is why
// the upload failed.
func (u *upload) clientError() error {
	if u.stream == nil {
		return nil
	}
	return u.stream.failure()
}

// sent reports whether all of the ciphertext was read for the store.
func (u *upload) sent() bool { return u.stream == nil || u.stream.sent() }

// storeBody is a request body for the store. A transport may close it while
// another of its goroutines is still reading, so what the body stands on is
// freed by whichever comes last.
type storeBody struct {
	mu      sync.Mutex
	r       io.Reader
	free    func()
	size    int64 // bytes to come
	started bool
	reading bool
	closed  bool
	freed   bool
	err     error
}

// newStreamBody returns the body for what the sealer makes.
func newStreamBody(s *encryptor.Sealer, size int64) *storeBody {
	return &storeBody{r: s, size: size, free: func() { _ = s.Close() }}
}

var errBodyClosed = errors.New("read from a closed body")

// Read implements io.Reader.
func (b *storeBody) Read(p []byte) (int, error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.leave(int64(n), err)
	return n, err
}

// WriteTo implements io.WriterTo, for connections that take the ciphertext in
// the pieces it is made in.
func (b *storeBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	tw := trackedWriter{w: w}
	n, err := io.Copy(&tw, b.r)
	if tw.err != nil {
		b.leave(n, nil) // the connection failed, not the body
	} else {
		b.leave(n, err)
	}
	return n, err
}

// trackedWriter tells errors of a writer from those of what is written.
type trackedWriter struct {
	w   io.Writer
	err error
}

func (t *trackedWriter) Write(p []byte) (n int, err error) {
	n, err = t.w.Write(p)
	t.err = err
	return n, err
}

func (b *storeBody) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errBodyClosed
	}
	b.started, b.reading = true, true
	return nil
}

func (b *storeBody) leave(n int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.size -= n
	if err != nil && err != io.EOF && b.err == nil {
		b.err = err
	}
	b.freeIfDone()
}

// Close ends reading. A body of which nothing was read survives it, so that a
// request over a connection that turned out to be dead can be sent again.
func (b *storeBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		b.closed = true
		b.freeIfDone()
	}
	return nil
}

func (b *storeBody) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.freeIfDone()
}

func (b *storeBody) freeIfDone() {
	if b.closed && !b.reading && !b.freed {
		b.freed = true
		b.free()
	}
}

var errBodyUsed = errors.New("the body is a stream and was read already")

// again returns the body for another attempt, if nothing was read of it.
func (b *storeBody) again() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started || b.closed {
		return nil, errBodyUsed
	}
	return b, nil
}

func (b *storeBody) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return nil
	}
	return bodyError(b.err)
}

func (b *storeBody) sent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size == 0
}
