package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// getObject reads the object with one request to the store, of which exactly
// the chunks that cover the client's range are asked for.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (c *call) getObject() error { return c.untilSettled(c.getOnce) }

func (c *call) getOnce() error {
	ctx := c.r.Context()
	rd, err := c.parseReading()
	if err != nil {
		return err
	}
	if rd.part != 0 {
		return c.getPart(ctx, rd)
	}
	rng := ""
	if rd.ranged {
		rng = storedRange(rd.rng)
	}
	resp, err := c.read(ctx, http.MethodGet, rd.src, rng)
	if err != nil {
		return err
	}
	defer func() { discard(resp) }()

	start, stored := int64(0), resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		var ok bool
		if start, stored, ok = contentRange(resp.Header.Get("Content-Range")); !ok {
			return errors.New("the store answered with an unreadable Content-Range")
		}
	case http.StatusRequestedRangeNotSatisfiable:
		// Beyond everything stored, so beyond the plaintext of an encrypted
		// object. How long that is, the answer does not say in a way that could
		// be trusted.
		drain(resp.Body)
		return c.unsatisfiable(ctx, rd)
	default:
		return c.storeError(resp)
	}
	if stored < 0 {
		return errors.New("the store does not say how large the object is")
	}
	o, err := c.inspect(ctx, rd.src, resp.Header, stored)
	if err != nil {
		return err
	}
	if o.env == nil {
		return c.getPlaintext(ctx, rd, o, resp)
	}
	if err := c.prepareToRead(ctx, o); err != nil {
		return err
	}
	if rd.ranged && !c.ifRange(ctx, o) {
		// The object has changed since the client read the rest of it.
		_ = resp.Body.Close()
		if resp, err = c.again(ctx, o, o.query, ""); err != nil {
			return err
		}
		rd.ranged, start = false, 0
	}
	view, err := c.view(ctx, rd, o)
	if err != nil || view.status == http.StatusNotModified {
		return c.notModified(view, resp.Header, err)
	}
	if rd.ranged && !covers(o.layout, view, start, resp.ContentLength) {
		// Only a suffix of an object of many gigabytes in parts is not where
		// it was looked for.
		_ = resp.Body.Close()
		if resp, start, err = c.againRange(ctx, o, view); err != nil {
			return err
		}
	}
	return c.answer(ctx, rd, o, resp, start, view)
}

// prepareToRead gets what must be known before a byte of the object is
// released: its keys and, of a multipart object, which attempts of its parts
// are the accepted ones.
func (c *call) prepareToRead(ctx context.Context, o *object) error {
	if o.env.Multipart {
		return c.complete(ctx, o)
	}
	return c.unlock(ctx, o)
}

// answer sends what view describes of an encrypted object to the client. The
// body of the store's answer begins at the stored offset start.
func (c *call) answer(ctx context.Context, rd reading, o *object, resp *http.Response, start int64, v view) error {
	err := c.send200(ctx, rd, o, resp, start, v)
	if err != nil && !c.started && errors.Is(err, encryptor.ErrNotAuthentic) {
		return c.answerFromBody(ctx, rd, o, err)
	}
	return err
}

func (c *call) send200(ctx context.Context, rd reading, o *object, resp *http.Response, start int64, v view) error {
	var opener *encryptor.Opener
	if v.status == http.StatusOK {
		opener = encryptor.NewOpener(o.keys, o.layout, resp.Body)
	} else {
		var err error
		if opener, err = encryptor.NewRangeOpener(o.keys, o.layout, resp.Body, start, v.off, v.n); err != nil {
			return err
		}
	}
	defer func() { _ = opener.Close() }()
	if err := c.header200(ctx, rd, o, resp.Header, v); err != nil {
		return err
	}
	if err := c.stream(opener, v.status); err != nil {
		return err
	}
	drain(resp.Body) // of a range to the end: the footer
	return nil
}

// getPart answers a request for one part by its number: where that is, must be
// known before it can be asked for.
func (c *call) getPart(ctx context.Context, rd reading) error {
	o, header, err := c.stat(ctx, rd.src)
	if err != nil {
		return err
	}
	if o.env != nil {
		if err := c.prepareToRead(ctx, o); err != nil {
			return err
		}
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, header, err)
	}
	if o.env == nil {
		resp, err := c.again(ctx, o, o.query, "")
		if err != nil {
			return err
		}
		defer func() { discard(resp) }()
		if err := c.header200(ctx, rd, o, resp.Header, v); err != nil {
			return err
		}
		return c.stream(exactly{resp.Body, v.n}, v.status)
	}
	if v.status == http.StatusOK { // of an empty object
		resp, err := c.again(ctx, o, o.query, "")
		if err != nil {
			return err
		}
		defer func() { discard(resp) }()
		return c.answer(ctx, rd, o, resp, 0, v)
	}
	resp, start, err := c.againRange(ctx, o, v)
	if err != nil {
		return err
	}
	defer func() { discard(resp) }()
	return c.answer(ctx, rd, o, resp, start, v)
}

// againRange asks for exactly the stored bytes that hold what view describes.
func (c *call) againRange(ctx context.Context, o *object, v view) (resp *http.Response, start int64, err error) {
	start, n := o.layout.StoredRange(v.off, v.n)
	n = max(n, 1) // there is no range of nothing
	resp, err = c.again(ctx, o, o.query, s3api.Range{First: start, Last: start + n - 1}.String())
	if err != nil {
		return nil, 0, err
	}
	if got, _, ok := contentRange(resp.Header.Get("Content-Range")); !ok || got != start {
		_ = resp.Body.Close()
		return nil, 0, errors.New("the store answered with another range than asked for")
	}
	return resp, start, nil
}

// covers reports whether length stored bytes from start hold what v describes.
func covers(l encryptor.Layout, v view, start, length int64) bool {
	first, n := l.StoredRange(v.off, v.n)
	return start <= first && first+n <= start+length
}

// storedRange is the Range header for what the store must send so that the
// client's range can be read, before the object's size is known.
func storedRange(r s3api.Range) string {
	if r.IsSuffix() {
		return s3api.Range{First: -1, Suffix: encryptor.GuessStoredSuffix(r.Suffix)}.String()
	}
	first, last := encryptor.GuessStoredRange(r.First, r.Last)
	return s3api.Range{First: first, Last: last}.String()
}

// stream sends what r yields. The response header goes out with the first
// bytes, so that a body that is bad from the start still gives an S3 error.
func (c *call) stream(r io.WriterTo, status int) error {
	w := bodyWriter{c: c, status: status}
	if _, err := r.WriteTo(&w); err != nil {
		if w.err != nil {
			return context.Canceled // the client stopped reading
		}
		if !errors.Is(err, encryptor.ErrNotAuthentic) {
			err = &unreachableError{err} // the store stopped sending
		}
		return err
	}
	if !c.started {
		c.start(status)
	}
	return nil
}

// bodyWriter writes to the client.
type bodyWriter struct {
	c      *call
	status int
	err    error
}

func (w *bodyWriter) Write(p []byte) (int, error) {
	if !w.c.started {
		w.c.start(w.status)
	}
	n, err := w.c.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// read asks the store for an object.
func (c *call) read(ctx context.Context, method string, src source, rng string) (*http.Response, error) {
	sr := &storeRequest{method: method, bucket: src.bucket, key: src.key, query: src.query, header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Request-Payer"})
	if rng != "" {
		sr.header["Range"] = []string{rng}
	}
	return c.send(ctx, sr)
}

// unsatisfiable answers a request for a range that begins beyond the object:
// with an error, unless a condition makes it something else, or it is one of
// an object that is not encrypted.
func (c *call) unsatisfiable(ctx context.Context, rd reading) error {
	o, header, err := c.stat(ctx, rd.src)
	if err != nil {
		return err
	}
	if o.env == nil {
		return c.getPlaintextRange(ctx, rd, o, header) // which may begin before that of ciphertext
	}
	if !c.ifRange(ctx, o) {
		c.header = c.header.Clone()
		c.header.Del("Range")
		return c.getOnce()
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, header, err)
	}
	return errReplaced
}
