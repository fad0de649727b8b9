package transport

import (
	"context"
	"errors"
	"io"
	"net"
)

// dialFunc is http.Transport.DialContext.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Uploads makes the plain TCP connections of dial take upload bodies in
// the large pieces that they are made in. Go's transport would copy them
// through a buffer of 32 KiB, with one system call each.
func Uploads(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			return uploadConn{tcp}, nil
		}
		return conn, err
	}
}

// uploadConn is a TCP connection that lets bodies write themselves.
type uploadConn struct{ *net.TCPConn }

// ReadFrom implements io.ReaderFrom. Go's transport calls it with the body
// limited to its Content-Length.
func (c uploadConn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if body, ok := limited.R.(io.WriterTo); ok {
			return body.WriteTo(&limitedWriter{c.TCPConn, limited})
		}
	}
	return c.TCPConn.ReadFrom(r)
}

// limitedWriter writes what a limit still allows.
type limitedWriter struct {
	w     io.Writer
	limit *io.LimitedReader
}

var errLongBody = errors.New("the body is longer than its Content-Length")

func (l *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > l.limit.N {
		return 0, errLongBody
	}
	n, err := l.w.Write(p)
	l.limit.N -= int64(n)
	return n, err
}
