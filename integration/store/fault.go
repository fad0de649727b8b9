package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Fault is how a store misbehaves for one request. Faults combine.
type Fault struct {
	// Wait holds the request back until the channel is closed.
	Wait <-chan struct{}
	// CutRequest breaks both connections once that many bytes of the request
	// body have been read. 0 means never.
	CutRequest int64
	// Replace answers instead of the store, after reading the whole request.
	Replace func(*http.Request) *http.Response
	// Header changes the header of the answer. A Content-Length set here is
	// the size the store reports.
	Header func(http.Header)
	// Body changes the body of the answer. What exceeds the Content-Length is
	// not sent; when there is less the connection breaks.
	Body func(io.Reader) io.Reader
	// CutResponse breaks the connection to the gateway after that many bytes
	// of the answer's body. 0 means never.
	CutResponse int64
}

// Always returns a choice that injects f into every request with that method;
// an empty method stands for all.
func Always(method string, f Fault) func(*http.Request) *Fault {
	return func(r *http.Request) *Fault {
		if method != "" && r.Method != method {
			return nil
		}
		return &f
	}
}

// Response builds an answer for Fault.Replace.
func Response(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{
		StatusCode: status, Header: header.Clone(), ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}
}

// FlipByte returns a Fault.Body that inverts the byte at offset.
func FlipByte(offset int64) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader { return &flipper{r: r, left: offset} }
}

type flipper struct {
	r    io.Reader
	left int64 // bytes before the one to invert; negative once past
}

func (f *flipper) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.left >= 0 && f.left < int64(n) {
		p[f.left] ^= 0xff
	}
	f.left -= int64(n)
	return n, err
}

// SetSize returns a Fault.Header that reports another size.
func SetSize(n int64) func(http.Header) {
	return func(h http.Header) { h.Set("Content-Length", itoa(n)) }
}

var errCut = errors.New("connection cut on purpose")

// countedBody records a request body on its way to the store.
type countedBody struct {
	p     *Proxy
	e     *Exchange
	body  io.ReadCloser
	keep  bool
	fault *Fault
	cut   context.CancelCauseFunc
}

func (b *countedBody) Read(buf []byte) (int, error) {
	if limit := b.fault.CutRequest; limit > 0 {
		left := limit - b.e.Received // only this reader writes it
		if left <= 0 {
			b.cut(errCut)
			return 0, errCut
		}
		buf = buf[:min(int64(len(buf)), left)]
	}
	n, err := b.body.Read(buf)
	b.p.update(func() {
		b.e.Received += int64(n)
		b.e.Complete = b.e.Complete || errors.Is(err, io.EOF) || b.e.Received == b.e.ContentLength
		if b.keep {
			b.e.Body = append(b.e.Body, buf[:n]...)
		}
	})
	return n, err
}

func (b *countedBody) Close() error { return b.body.Close() }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
