package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// errNotAnswered means that nothing in the route answered a request to the
// store. Caddy would answer it with an empty 200, as if it had been stored.
var errNotAnswered = errors.New("no handler answered: s3_sse without an upstream needs a reverse_proxy after it")

// nextTransport sends requests to the store down the rest of the handler
// chain, so that the site's reverse_proxy chooses the upstream, connects, and
// checks its health. It serves one client request and is safe for concurrent
// use.
type nextTransport struct {
	next   caddyhttp.Handler
	client *http.Request // whose address is forwarded
	server *caddyhttp.Server
	logger *zap.Logger
}

func newNextTransport(next caddyhttp.Handler, client *http.Request, logger *zap.Logger) *nextTransport {
	server, _ := client.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return &nextTransport{next: next, client: client, server: server, logger: logger}
}

// nextError is the error of a handler that was to reach the store.
type nextError struct {
	// Status is what the handler wanted to answer, such as 502, 503 or 504.
	Status int
	Err    error
}

func (e *nextError) Error() string { return fmt.Sprintf("reaching the store: %v", e.Err) }
func (e *nextError) Unwrap() error { return e.Err }

// RoundTrip implements http.RoundTripper. The body of the response must be
// closed; closing it early cancels the request.
func (t *nextTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	pr, pw := io.Pipe()
	w := &pipeWriter{header: make(http.Header), pipe: pw, ready: make(chan struct{})}
	body := &onceBody{body: req.Body}
	sub := t.subrequest(ctx, req, body, w)
	failed := make(chan error, 1)
	go func() {
		err := t.serve(w, sub)
		body.closeIfUnread()
		cancel()
		if err == nil && !w.started() {
			err = &nextError{Status: http.StatusBadGateway, Err: errNotAnswered}
		}
		_ = pw.CloseWithError(err) // nil means io.EOF; it never fails
		failed <- err
	}()
	select {
	case <-w.ready:
	case err := <-failed:
		if !w.started() {
			return nil, orContext(req, err)
		}
	}
	if err := req.Context().Err(); err != nil {
		// reverse_proxy answers 499 itself when the client is gone.
		cancel()
		_ = pr.CloseWithError(err)
		return nil, err
	}
	return &http.Response{
		Status:        strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.answer,
		Body:          &pipeBody{PipeReader: pr, cancel: cancel},
		ContentLength: contentLength(w.status, w.answer),
		Request:       req,
	}, nil
}

// serve runs the handlers. What they panic with must not leave this
// goroutine, where nobody would recover it.
func (t *nextTransport) serve(w http.ResponseWriter, sub *http.Request) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			err = io.ErrUnexpectedEOF // the store's answer ended too early
			return
		}
		t.logger.Error("panic in a handler after s3_sse", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
		err = &nextError{Status: http.StatusInternalServerError, Err: errors.New("a handler panicked")}
	}()
	err = t.next.ServeHTTP(w, sub)
	if he, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
		return &nextError{Status: he.StatusCode, Err: err}
	}
	return err
}

// subrequest makes a request as a server would have received it out of req.
// Nothing is shared with the client's request that handlers could write to.
func (t *nextTransport) subrequest(ctx context.Context, req *http.Request, body *onceBody, w http.ResponseWriter) *http.Request {
	sub := req.Clone(caddyhttp.ContextWithIdleTimeouts(ctx, nil, nil)) // those are the client's
	// A URL with a scheme would override that of the proxy's upstream.
	sub.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	sub.RequestURI = sub.URL.RequestURI()
	if sub.Host == "" {
		sub.Host = req.URL.Host
	}
	sub.Proto, sub.ProtoMajor, sub.ProtoMinor = "HTTP/1.1", 1, 1
	sub.RemoteAddr, sub.TLS = t.client.RemoteAddr, t.client.TLS
	if _, ok := sub.Header["Accept-Encoding"]; !ok {
		sub.Header.Set("Accept-Encoding", "identity") // or Go asks for gzip and unpacks it
	}
	sub.Body = http.NoBody
	if req.Body != nil && req.Body != http.NoBody {
		sub.Body = body
	}
	return caddyhttp.PrepareRequest(sub, caddy.NewReplacer(), w, t.server)
}

// orContext prefers the reason that the client's request ended.
func orContext(req *http.Request, err error) error {
	if ctxErr := req.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	return err
}

// contentLength is what net/http makes of a response's Content-Length: -1 if
// it is not known.
func contentLength(status int, h http.Header) int64 {
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return 0
	}
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// pipeWriter is the response writer of a request to the store. The body goes
// into the pipe.
type pipeWriter struct {
	header http.Header
	pipe   *io.PipeWriter

	once   sync.Once
	ready  chan struct{} // closed when the following are set
	status int
	answer http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader publishes the first final status. Informational ones are for
// the hop to the store only.
func (w *pipeWriter) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.once.Do(func() {
		w.status, w.answer = status, w.header.Clone()
		close(w.ready)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// FlushError implements what http.ResponseController calls: nothing is held.
func (w *pipeWriter) FlushError() error { return nil }

func (w *pipeWriter) started() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

// pipeBody is the body of a response.
type pipeBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the request if it has not ended by itself.
func (b *pipeBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// onceBody is the body of a request to the store. It is closed exactly once
// and never while it is being read, whoever of the handlers and the transports
// under them closes it, since its buffers go back to a pool.
type onceBody struct {
	body io.ReadCloser

	mu                    sync.Mutex
	read, reading, closed bool
}

func (b *onceBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	b.read, b.reading = true, true
	b.mu.Unlock()

	n, err := b.body.Read(p)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if b.closed {
		_ = b.body.Close() // Close has returned: nobody to tell
	}
	return n, err
}

func (b *onceBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	if b.reading {
		return nil // by Read
	}
	return b.body.Close()
}

// closeIfUnread closes a body that no transport has taken.
func (b *onceBody) closeIfUnread() {
	b.mu.Lock()
	unread := b.body != nil && !b.read
	b.mu.Unlock()
	if unread {
		_ = b.Close()
	}
}

var (
	_ http.RoundTripper   = (*nextTransport)(nil)
	_ http.ResponseWriter = (*pipeWriter)(nil)
)
