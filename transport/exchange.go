package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxInterim bounds the interim responses (1xx) before the final one.
const maxInterim = 5

// unansweredError says that a connection failed before any of the response
// came.
type unansweredError struct {
	written bool // at least some of the request was sent
	err     error
}

func (e *unansweredError) Error() string { return e.err.Error() }
func (e *unansweredError) Unwrap() error { return e.err }

// exchange sends a request over c and returns its response. It gives c up: to
// the pool, to the body of the response, or closed.
func (t *Transport) exchange(c *conn, req *http.Request, raw []byte) (*http.Response, error) {
	ctx := req.Context()
	stop := neverCanceled
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, c.cancel)
	}
	resp, err := t.converse(c, req, raw)
	if err != nil {
		stop()
		c.close()
		return nil, canceledOr(ctx, err)
	}
	b := &body{src: resp.Body, ctx: ctx, stop: stop, conn: c, idle: &t.idle, reusable: !resp.Close && resp.ProtoAtLeast(1, 1)}
	if resp.Body == http.NoBody {
		b.finish(true)
		return resp, nil
	}
	resp.Body = b
	return resp, nil
}

// neverCanceled stands for stopping what has not been started.
func neverCanceled() bool { return true }

// converse writes a request and reads the header of its response.
func (t *Transport) converse(c *conn, req *http.Request, raw []byte) (*http.Response, error) {
	if n, err := c.tcp.Write(raw); err != nil {
		return nil, &unansweredError{n > 0, fmt.Errorf("sending the request: %w", err)}
	}
	c.limit = t.headerLimit
	if t.headerTimeout > 0 {
		if err := c.setReadDeadline(time.Now().Add(t.headerTimeout)); err != nil {
			return nil, fmt.Errorf("waiting for the response: %w", err)
		}
	}
	if _, err := c.r.Peek(1); err != nil {
		err = fmt.Errorf("waiting for the response: %w", cutShort(err))
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return nil, err // trying again would only double the time
		}
		return nil, &unansweredError{true, err}
	}
	resp, err := readResponse(c, req)
	if err != nil {
		return nil, fmt.Errorf("reading the response: %w", cutShort(err))
	}
	c.unlimited()
	if t.headerTimeout > 0 {
		if err := c.setReadDeadline(time.Time{}); err != nil {
			return nil, fmt.Errorf("reading the response: %w", err)
		}
	}
	return resp, nil
}

// readResponse reads the header of the final response.
func readResponse(c *conn, req *http.Request) (*http.Response, error) {
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil:
			if c.limit <= 0 {
				return nil, errLongHeader // however parsing failed at its end
			}
			return nil, err
		case resp.ProtoMajor != 1:
			return nil, fmt.Errorf("the protocol is %s", resp.Proto)
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the server changes the protocol")
		case resp.StatusCode < 100:
			return nil, fmt.Errorf("the status is %d", resp.StatusCode)
		case resp.StatusCode >= 200:
			return resp, nil
		}
	}
	return nil, errors.New("too many interim responses")
}

// cutShort turns the end of a connection into an error where there must be
// more to come.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
