package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// copyReader yields plaintext of an object that is copied. It ends in io.EOF
// only when all of it has been authenticated.
type copyReader struct {
	r    io.Reader
	resp *http.Response
	done func() error
	last func() error // if set, it may refuse the end

	mu     sync.Mutex // the transport may read while the handler looks
	failed error
}

// openCopy opens the plaintext [off, off+n) of a located object.
func (c *call) openCopy(ctx context.Context, o *object, off, n int64) (*copyReader, error) {
	if o.env == nil {
		return c.openPlaintext(ctx, o, off, n)
	}
	if off == 0 && n == o.size {
		resp, err := c.again(ctx, o, o.query, "") //nolint:bodyclose // copyReader.Close does
		if err != nil {
			return nil, err
		}
		opener := encryptor.NewOpener(o.keys, o.layout, resp.Body)
		return &copyReader{r: opener, resp: resp, done: opener.Close}, nil
	}
	resp, start, err := c.againRange(ctx, o, view{off: off, n: n})
	if err != nil {
		return nil, err
	}
	opener, err := encryptor.NewRangeOpener(o.keys, o.layout, resp.Body, start, off, n)
	if err != nil {
		discard(resp)
		return nil, err
	}
	return &copyReader{r: opener, resp: resp, done: opener.Close}, nil
}

// openPlaintext opens an object that is not encrypted, where such may be read.
func (c *call) openPlaintext(ctx context.Context, o *object, off, n int64) (*copyReader, error) {
	whole, rng := off == 0 && n == o.size, ""
	if !whole {
		if err := c.admit(ctx, o); err != nil {
			return nil, err
		}
		rng = s3api.Range{First: off, Last: off + n - 1}.String()
	}
	resp, err := c.again(ctx, o, o.query, rng)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength != n {
		discard(resp)
		return nil, errReplaced
	}
	rd := &copyReader{r: resp.Body, resp: resp, done: func() error { return nil }}
	if !whole {
		return rd, nil
	}
	prefix := make([]byte, min(n, plaintextPrefix))
	if _, err = readFull(resp.Body, prefix); err != nil {
		err = &unreachableError{err}
	} else {
		err = c.admitPlaintext(o.bucket, prefix)
	}
	if err != nil {
		discard(resp)
		return nil, err
	}
	rd.r = io.MultiReader(bytes.NewReader(prefix), resp.Body)
	return rd, nil
}

// readFull is io.ReadFull for a body whose length was declared: that it ends
// too early is not its end.
func readFull(r io.Reader, p []byte) (int, error) {
	n, err := io.ReadFull(r, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// errSourceFailed ends the upload that a source feeds. What the matter is, the
// source knows.
var errSourceFailed = errors.New("the object to copy could not be read to its end")

// Read implements io.Reader.
func (rd *copyReader) Read(p []byte) (int, error) {
	n, err := rd.r.Read(p)
	if err == io.EOF && rd.last != nil {
		if refused := rd.last(); refused != nil {
			err = refused
		}
	}
	if err != nil && err != io.EOF {
		rd.mu.Lock()
		defer rd.mu.Unlock()
		rd.failed, err = err, errSourceFailed
	}
	return n, err
}

// Trailer implements verifiedBody.
func (rd *copyReader) Trailer() string { return "" }

// failure returns why the source could not be read, else err.
func (rd *copyReader) failure(err error) error {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	switch {
	case rd.failed == nil:
		return err
	case errors.Is(rd.failed, encryptor.ErrNotAuthentic), errors.Is(rd.failed, errReplaced):
		return rd.failed
	default:
		return &unreachableError{rd.failed}
	}
}

// Close ends reading.
func (rd *copyReader) Close() {
	_ = rd.done() // gives buffers back
	discard(rd.resp)
}
