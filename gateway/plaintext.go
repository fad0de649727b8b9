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
	if rd.ranged {
		_ = resp.Body.Close()
		if err := c.admit(ctx, o); err != nil {
			return err
		}
		return c.getPlaintextRange(ctx, rd, o, resp.Header)
	}
	prefix := make([]byte, plaintextPrefix)
	n, err := io.ReadFull(resp.Body, prefix)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return &unreachableError{err}
	}
	if err := c.admitPlaintext(o.bucket, prefix[:n]); err != nil {
		return err
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, resp.Header, err)
	}
	return c.sendPlaintext(ctx, rd, o, resp, io.MultiReader(bytes.NewReader(prefix[:n]), resp.Body), v)
}

// getPlaintextRange answers with a range of an object that may be read without
// being encrypted. header is what the store says of it.
func (c *call) getPlaintextRange(ctx context.Context, rd reading, o *object, header http.Header) error {
	rng := rd.rng.String()
	if rd.ranged = c.ifRange(ctx, o); !rd.ranged {
		rng = ""
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, header, err)
	}
	resp, err := c.again(ctx, o, o.query, rng)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return c.sendPlaintext(ctx, rd, o, resp, resp.Body, v)
}

// sendPlaintext sends what v describes, which is all of body, to the client.
func (c *call) sendPlaintext(ctx context.Context, rd reading, o *object, resp *http.Response, body io.Reader, v view) error {
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
