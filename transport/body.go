package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// body is the body of a response, which holds its connection until it has
// been read to its end or is closed. Close may be called while another
// goroutine reads.
type body struct {
	src      io.ReadCloser
	ctx      context.Context // of the request, whose end the body shares
	stop     func() bool     // ends the connection's being canceled with ctx
	conn     *conn
	idle     *pool
	reusable bool // as far as the response's header says
	done     atomic.Bool
	err      error // of the last read
}

// Read implements io.Reader. After the request's context is done, its errors
// are those of the context.
func (b *body) Read(p []byte) (int, error) {
	if b.done.Load() {
		if b.err != nil {
			return 0, b.err
		}
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.src.Read(p)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = canceledOr(b.ctx, err)
		}
		b.err = err
		b.finish(errors.Is(err, io.EOF))
	}
	return n, err
}

// Close implements io.Closer. A connection with some of the response still to
// come is closed: the rest may be long.
func (b *body) Close() error {
	b.finish(false)
	return nil
}

// finish gives up the connection, the first time that it is called. It is
// kept if the response is complete and nothing came after it.
func (b *body) finish(complete bool) {
	if !b.done.CompareAndSwap(false, true) {
		return
	}
	if b.stop() && complete && b.reusable && b.conn.r.Buffered() == 0 {
		b.idle.put(b.conn)
	} else {
		b.conn.close()
	}
}
