package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// reading is a GetObject or HeadObject as the client asked for it.
type reading struct {
	rng        s3api.Range
	ranged     bool
	conditions s3api.Conditions
	checksum   bool // x-amz-checksum-mode: ENABLED
	customer   bool // brings a customer key
}

// parseReading reads the headers and parameters of GetObject and HeadObject.
func (c *call) parseReading() (reading, error) {
	var rd reading
	if err := metadata.RefuseSSE(c.header); err != nil {
		return rd, err
	}
	sse, err := metadata.ParseSSE(c.header)
	if err != nil {
		return rd, err
	}
	rd.customer = sse.Mode == metadata.SSEC
	if c.query.Has("partNumber") {
		return rd, s3api.ErrNotImplemented.WithMessage("Reading by part number is not supported by this version of the gateway.")
	}
	if c.cred == nil {
		for _, p := range c.query {
			if strings.HasPrefix(p.Name, "response-") {
				return rd, s3api.ErrInvalidRequest.WithMessage("Request specific response headers cannot be used for anonymous GET requests.")
			}
		}
	}
	rd.rng, rd.ranged = s3api.ParseRange(c.header.Get("Range"))
	rd.conditions = s3api.ParseConditions(c.header)
	rd.checksum = strings.EqualFold(c.header.Get("X-Amz-Checksum-Mode"), "ENABLED")
	return rd, nil
}

// getObject reads the object with one request to the store, of which exactly
// the chunks that cover the client's range are asked for.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (c *call) getObject() error {
	ctx := c.r.Context()
	rd, err := c.parseReading()
	if err != nil {
		return err
	}
	rng := ""
	if rd.ranged {
		rng = storedRange(rd.rng)
	}
	resp, err := c.read(ctx, http.MethodGet, rng)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()

	start, stored := int64(0), resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		var ok bool
		if start, stored, ok = contentRange(resp.Header.Get("Content-Range")); !ok {
			return errors.New("the store answered with an unreadable Content-Range")
		}
	case http.StatusRequestedRangeNotSatisfiable:
		// Beyond everything stored, so beyond the plaintext too. How long that
		// is, the answer does not say in a way that could be trusted.
		drain(resp.Body)
		return c.unsatisfiable(ctx, rd)
	default:
		return c.storeError(resp)
	}
	if stored < 0 {
		return errors.New("the store does not say how large the object is")
	}
	o, err := c.inspect(resp.Header, stored)
	if err != nil {
		return err
	}
	if o.env == nil {
		return c.getPlaintext(ctx, rd, o, resp)
	}
	if rd.ranged && !c.ifRange(ctx, o) {
		// The object has changed since the client read the rest of it.
		_ = resp.Body.Close()
		if resp, err = c.again(ctx, o, ""); err != nil {
			return err
		}
		rd.ranged, start = false, 0
	}
	view, err := c.view(ctx, rd, o)
	if err != nil || view.status == http.StatusNotModified {
		return c.notModified(view, o, resp, err)
	}
	opener, err := c.opener(rd, o, resp, start, view)
	if err != nil {
		return err
	}
	defer func() { _ = opener.Close() }()
	if err := c.header200(ctx, rd, o, resp.Header, view); err != nil {
		return err
	}
	if err := c.stream(opener, view.status); err != nil {
		return err
	}
	drain(resp.Body)
	return nil
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

// view is the part of an object that answers a request.
type view struct {
	status   int
	etag     string
	off, n   int64 // of the plaintext, in bytes
	complete bool  // all of the object
}

// view applies conditions and range to the object.
func (c *call) view(ctx context.Context, rd reading, o *object) (view, error) {
	etag, err := c.etag(ctx, o)
	if err != nil {
		return view{}, err
	}
	v := view{status: http.StatusOK, etag: etag, n: o.size, complete: true}
	if rd.customer {
		return v, s3api.ErrSSECNotApplicable
	}
	switch status, condition := rd.conditions.Evaluate(etag, o.modified); status {
	case http.StatusNotModified:
		v.status = status
		return v, nil
	case http.StatusPreconditionFailed:
		return v, s3api.ErrPreconditionFailed.With("Condition", condition)
	}
	if rd.ranged {
		var ok bool
		if v.off, v.n, ok = rd.rng.Resolve(o.size); !ok {
			return v, s3api.ErrInvalidRange.
				With("RangeRequested", c.header.Get("Range")).
				With("ActualObjectSize", strconv.FormatInt(o.size, 10))
		}
		v.status, v.complete = http.StatusPartialContent, v.n == o.size
	}
	return v, nil
}

// ifRange reports whether the client's range may be served: without If-Range
// always, else only if it names the object that is there now (RFC 9110,
// section 13.1.5).
func (c *call) ifRange(ctx context.Context, o *object) bool {
	want := c.header.Get("If-Range")
	if want == "" {
		return true
	}
	if t, err := http.ParseTime(want); err == nil {
		return t.Equal(o.modified)
	}
	etag, err := c.etag(ctx, o)
	return err == nil && want == quote(etag)
}

// opener returns the reader of the plaintext that view describes. The
// response body begins at the stored offset start.
func (c *call) opener(rd reading, o *object, resp *http.Response, start int64, v view) (*encryptor.Opener, error) {
	if !rd.ranged {
		return encryptor.NewOpener(o.keys, o.layout, resp.Body), nil
	}
	return encryptor.NewRangeOpener(o.keys, o.layout, resp.Body, start, v.off, v.n)
}

// header200 fills in the header of a successful answer.
func (c *call) header200(ctx context.Context, rd reading, o *object, from http.Header, v view) error {
	if rd.checksum && v.complete && o.env != nil {
		if o.digests.Checksum.Algorithm == 0 {
			if err := c.complete(ctx, o); err != nil {
				return err
			}
		}
		setChecksum(c.w.Header(), o.digests.Checksum)
	}
	h := c.w.Header()
	c.objectHeaders(from)
	if o.env != nil {
		o.env.SetResponse(h)
	}
	h["Accept-Ranges"] = []string{"bytes"}
	h["Etag"] = []string{quote(v.etag)}
	h["Content-Length"] = []string{strconv.FormatInt(v.n, 10)}
	if v.status == http.StatusPartialContent {
		h["Content-Range"] = []string{s3api.ContentRange(v.off, v.n, o.size)}
	}
	return nil
}

// notModified answers a condition that held, or returns err.
func (c *call) notModified(v view, o *object, resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	h := c.w.Header()
	h["Etag"] = []string{quote(v.etag)}
	copyHeaders(h, resp.Header, []string{"Cache-Control", "Expires", "Last-Modified", "X-Amz-Version-Id"})
	if o.stored <= 256<<10 {
		drain(resp.Body)
	}
	c.start(http.StatusNotModified)
	return nil
}

// stream sends what r yields. The response header goes out with the first
// bytes, so that a body that is bad from the start still gives an S3 error.
func (c *call) stream(r io.WriterTo, status int) error {
	w := bodyWriter{c: c, status: status}
	if _, err := r.WriteTo(&w); err != nil {
		if w.err != nil {
			return context.Canceled // the client stopped reading
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

// read asks the store for the object of the call.
func (c *call) read(ctx context.Context, method, rng string) (*http.Response, error) {
	sr := &storeRequest{method: method, bucket: c.bucket, key: c.key, query: c.query.Del("x-id"), header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Request-Payer"})
	if rng != "" {
		sr.header["Range"] = []string{rng}
	}
	return c.send(ctx, sr)
}

// unsatisfiable answers a request for a range that begins beyond the object:
// with an error, unless a condition makes it something else.
func (c *call) unsatisfiable(ctx context.Context, rd reading) error {
	resp, err := c.read(ctx, http.MethodHead, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.storeError(resp)
	}
	drain(resp.Body)
	o, err := c.inspect(resp.Header, resp.ContentLength)
	if err != nil {
		return err
	}
	if o.env == nil {
		if err := c.admit(ctx, o); err != nil {
			return err
		}
	}
	if !c.ifRange(ctx, o) {
		c.header = c.header.Clone()
		c.header.Del("Range")
		return c.getObject()
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, o, resp, err)
	}
	return errReplaced
}
