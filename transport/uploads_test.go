package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// pipe returns a connection as Uploads makes them, and what its peer has
// received once the connection is closed.
func pipe(t *testing.T) (net.Conn, func() []byte) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan []byte, 1)
	go func() {
		defer ln.Close()
		peer, err := ln.Accept()
		if err != nil {
			received <- nil
			return
		}
		defer peer.Close()
		b, _ := io.ReadAll(peer)
		received <- b
	}()
	conn, err := Uploads(new(net.Dialer).DialContext)(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn, func() []byte {
		_ = conn.Close()
		return <-received
	}
}

// selfWriter is a body that writes itself and must not be read.
type selfWriter struct {
	t      *testing.T
	pieces [][]byte
}

func (s selfWriter) Read([]byte) (int, error) {
	s.t.Error("the body was read")
	return 0, io.EOF
}

func (s selfWriter) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for _, p := range s.pieces {
		m, err := w.Write(p)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func TestUploadConn(t *testing.T) {
	pieces := [][]byte{bytes.Repeat([]byte("a"), 100_000), []byte("bc"), bytes.Repeat([]byte("d"), 300_000)}
	all := bytes.Join(pieces, nil)

	t.Run("body writes itself", func(t *testing.T) {
		conn, received := pipe(t)
		limited := &io.LimitedReader{R: selfWriter{t, pieces}, N: int64(len(all))}
		if n, err := io.Copy(conn, limited); err != nil || n != int64(len(all)) {
			t.Errorf("%d bytes, %v", n, err)
		}
		if limited.N != 0 {
			t.Errorf("%d bytes are still expected", limited.N)
		}
		if !bytes.Equal(received(), all) {
			t.Error("other bytes arrived")
		}
	})
	for name, limit := range map[string]int{"write": 99_999, "several buffers": 100_001} {
		t.Run("longer than its length/"+name, func(t *testing.T) {
			conn, received := pipe(t)
			limited := &io.LimitedReader{R: selfWriter{t, pieces}, N: int64(limit)}
			if _, err := io.Copy(conn, limited); !errors.Is(err, errLongBody) {
				t.Errorf("got %v", err)
			}
			if n := len(received()); n > limit {
				t.Errorf("%d bytes went out of at most %d", n, limit)
			}
		})
	}
	t.Run("any other reader", func(t *testing.T) {
		conn, received := pipe(t)
		if _, err := io.Copy(conn, io.LimitReader(struct{ io.Reader }{bytes.NewReader(all)}, int64(len(all)))); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(received(), all) {
			t.Error("other bytes arrived")
		}
	})
	t.Run("no connection", func(t *testing.T) {
		refused := errors.New("refused")
		_, err := Uploads(func(context.Context, string, string) (net.Conn, error) { return nil, refused })(t.Context(), "tcp", "")
		if !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
	})
}
