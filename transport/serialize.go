package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

// serialize writes req into raw. It reads its body and closes it.
func serialize(raw *bytes.Buffer, req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Write(raw)
	}
	body := &requestBody{ReadCloser: req.Body}
	sent := *req
	sent.Body = body
	err := sent.Write(raw)
	if err != nil && body.err != nil {
		return body.err // which net/http wraps so that it cannot be recognized
	}
	return err
}

// requestBody remembers why reading failed.
type requestBody struct {
	io.ReadCloser
	err error
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// buffers hold requests while they are sent.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func freeBuffer(b *bytes.Buffer) {
	if b.Cap() <= 2*maxBody {
		b.Reset()
		buffers.Put(b)
	}
}
