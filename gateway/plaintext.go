package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// plaintextPrefix is how much of a body tells an encrypted object from one
// that is not, in bytes.
const plaintextPrefix = 4

// admit decides whether an object without an envelope may be read, and looks
// at the start of its body for that.
func (c *call) admit(ctx context.Context, o *object) error {
	if o.stored == 0 {
		return c.admitPlaintext(o.bucket, nil)
	}
	prefix, err := c.readRange(ctx, o, "bytes=0-3", plaintextPrefix)
	if err != nil {
		return err
	}
	return c.admitPlaintext(o.bucket, prefix)
}

// getPlaintext answers with an object that is not encrypted, where that is
// allowed. resp is the store's answer to a request that was made for an
// encrypted object: a range in it is one of ciphertext and of no use.
func (c *call) getPlaintext(ctx context.Context, rd reading, o *object, resp *http.Response) error {
	var body io.Reader
	wasRanged := rd.ranged
	if wasRanged {
		_ = resp.Body.Close()
		if err := c.admit(ctx, o); err != nil {
			return err
		}
		rd.ranged = c.ifRange(ctx, o)
	} else {
		prefix := make([]byte, plaintextPrefix)
		n, err := io.ReadFull(resp.Body, prefix)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return &unreachableError{err}
		}
		if err := c.admitPlaintext(o.bucket, prefix[:n]); err != nil {
			return err
		}
		body = io.MultiReader(bytes.NewReader(prefix[:n]), resp.Body)
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, resp.Header, err)
	}
	if wasRanged {
		rng := ""
		if rd.ranged {
			rng = rd.rng.String()
		}
		if resp, err = c.again(ctx, o, o.query, rng); err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		body = resp.Body
	}
	if resp.ContentLength != v.n {
		return errReplaced
	}
	if err := c.header200(ctx, rd, o, resp.Header, v); err != nil {
		return err
	}
	return c.stream(exactly{body, v.n}, v.status)
}

// exactly writes n bytes of r and takes fewer for an error.
type exactly struct {
	r io.Reader
	n int64
}

func (e exactly) WriteTo(w io.Writer) (int64, error) {
	buf := getBuffer(64 << 10)
	defer buf.wipe()
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(e.r, e.n), buf.b)
	if err == nil && n < e.n {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
