// Package transport sends HTTP/1.1 requests to one plain-HTTP server with
// little CPU time. A request that is small is written by the goroutine that
// makes it, which then also reads the response, instead of being handed to two
// goroutines of the connection as [http.Transport] does: for small objects the
// hand-offs cost more than anything else about a request.
//
// Requests are written and responses parsed by net/http itself. Only the
// connections and their lives are this package's own. Whatever does not suit
// it goes through the http.Transport that it was made from.
package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Defaults of what an http.Transport leaves at zero.
const (
	defaultBufferSize  = 4 << 10
	defaultHeaderLimit = 1 << 20
)

// Transport is an [http.RoundTripper] for requests to one server. It is safe
// for concurrent use. Make one with [New].
//
// It differs from [http.Transport] in this: a request body of at most 64 KiB
// that can be had again (Request.GetBody) is read before a connection is
// chosen; after a canceled context the error is that of [context.Context.Err];
// response headers are limited to 1 MiB unless MaxResponseHeaderBytes says
// otherwise; and the deprecated Request.Cancel is not heeded.
type Transport struct {
	base *http.Transport
	dial dialFunc
	host string // of the endpoint, as in URLs
	addr string // to dial

	bufferSize    int
	headerLimit   int64
	headerTimeout time.Duration
	idle          pool

	// handsOff says that everything goes through base: from the start, or
	// since a forward proxy or a connection of an unknown kind turned up.
	handsOff atomic.Bool
}

// New returns a transport to the endpoint with the settings of base, which
// must not be changed afterwards. Requests to any other scheme or host, and
// those that need more than base does for small ones, are passed to base.
//
// Of base, all requests are passed to it if it uses TLS, compression, HTTP/2,
// a limit of connections or no keep-alive; and from the first time that its
// Proxy returns a proxy, or its DialContext something else than a
// *[net.TCPConn]. New wraps DialContext, so that uploads through base may
// write themselves; see [Uploads].
func New(base *http.Transport, endpoint *url.URL) *Transport {
	t := &Transport{
		base:          base,
		dial:          base.DialContext,
		host:          endpoint.Host,
		bufferSize:    base.ReadBufferSize,
		headerLimit:   base.MaxResponseHeaderBytes,
		headerTimeout: base.ResponseHeaderTimeout,
	}
	t.handsOff.Store(!suitable(base, endpoint))
	if t.dial == nil {
		t.dial = new(net.Dialer).DialContext
	}
	base.DialContext = Uploads(t.dial)
	port := endpoint.Port()
	if port == "" {
		port = "80"
	}
	t.addr = net.JoinHostPort(endpoint.Hostname(), port)
	if t.bufferSize <= 0 {
		t.bufferSize = defaultBufferSize
	}
	if t.headerLimit <= 0 {
		t.headerLimit = defaultHeaderLimit
	}
	t.idle.timeout = base.IdleConnTimeout
	t.idle.size = max(base.MaxIdleConnsPerHost, 0)
	if base.MaxIdleConnsPerHost == 0 {
		t.idle.size = http.DefaultMaxIdleConnsPerHost
	}
	if n := base.MaxIdleConns; n > 0 {
		t.idle.size = min(t.idle.size, n)
	}
	return t
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.handsOff.Load() || !t.lean(req) {
		return t.base.RoundTrip(req)
	}
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // nothing was read of it
		}
		return nil, err
	}
	// The request is complete before any of it is sent: a body that fails
	// leaves no connection behind in the middle of a request, and the same
	// bytes can be sent again.
	raw := newBuffer()
	defer freeBuffer(raw)
	if err := serialize(raw, req); err != nil {
		return nil, canceledOr(ctx, fmt.Errorf("writing the request: %w", err))
	}
	resp, err := t.send(req, raw.Bytes())
	if errors.Is(err, errUnknownConn) {
		t.handsOff.Store(true)
		return t.handOff(req, raw.Bytes())
	}
	return resp, err
}

// send sends the raw bytes of req over an idle connection, or else over a new
// one. What an idle connection failed to do is tried again over a new one, if
// that can do no harm.
func (t *Transport) send(req *http.Request, raw []byte) (*http.Response, error) {
	if c := t.idle.get(); c != nil {
		resp, err := t.exchange(c, req, raw)
		if failed, ok := errors.AsType[*unansweredError](err); !ok || failed.written && !repeatable(req.Method) {
			return resp, err
		}
	}
	ctx := req.Context()
	c, err := t.connect(ctx)
	if err != nil {
		return nil, canceledOr(ctx, err)
	}
	return t.exchange(c, req, raw)
}

// repeatable reports whether a request may be sent again although the server
// may have carried it out.
func repeatable(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}

// handOff passes on a request whose body has been read already.
func (t *Transport) handOff(req *http.Request, raw []byte) (*http.Response, error) {
	again := req.WithContext(req.Context())
	if n := req.ContentLength; n > 0 {
		body := bytes.Clone(raw[int64(len(raw))-n:])
		again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		again.Body, _ = again.GetBody() // never fails
	}
	resp, err := t.base.RoundTrip(again)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// CloseIdleConnections closes the connections that no request uses now, and
// is the end of keeping any: from then on, each is closed after its request.
// Requests in progress are not disturbed, and new ones still work.
func (t *Transport) CloseIdleConnections() {
	t.idle.close()
	t.base.CloseIdleConnections()
}

// canceledOr returns the reason why ctx is done, and err while it is not.
func canceledOr(ctx context.Context, err error) error {
	if done := ctx.Err(); done != nil {
		return done
	}
	return err
}
