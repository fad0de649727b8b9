package gateway

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// reading is a GetObject or HeadObject as the client asked for it.
type reading struct {
	src        source
	part       int // number of the part that is asked for, 0 for none
	rng        s3api.Range
	ranged     bool
	conditions s3api.Conditions
	checksum   bool // x-amz-checksum-mode: ENABLED

	customerMD5 string // of the customer key, as the client wrote it
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
	if sse.Mode == metadata.SSEC {
		if err := c.admitMode(metadata.SSEC); err != nil {
			return rd, err
		}
	}
	rd.src = c.self()
	rd.src.customer, rd.customerMD5 = sse.CustomerKey, sse.CustomerKeyMD5
	if rd.part, err = s3api.ParsePartNumber(c.query); err != nil {
		return rd, err
	}
	rd.src.query = c.query.Del("partNumber")
	if c.cred == nil {
		for _, p := range c.query {
			if strings.HasPrefix(p.Name, "response-") {
				return rd, s3api.ErrInvalidRequest.WithMessage("Request specific response headers cannot be used for anonymous GET requests.")
			}
		}
	}
	rd.rng, rd.ranged = s3api.ParseRange(c.header.Get("Range"))
	if rd.part != 0 && c.header["Range"] != nil {
		return rd, s3api.ErrInvalidRequest.WithMessage("Cannot specify both Range header and partNumber query parameter")
	}
	rd.conditions = s3api.ParseConditions(c.header)
	rd.checksum = strings.EqualFold(c.header.Get("X-Amz-Checksum-Mode"), "ENABLED")
	return rd, nil
}

// view is the part of an object that answers a request.
type view struct {
	status   int
	etag     string
	off, n   int64 // of the plaintext, in bytes
	complete bool  // all of the object
	parts    int   // of the object, where one of them was asked for
}

// view applies conditions and range to the object.
func (c *call) view(ctx context.Context, rd reading, o *object) (view, error) {
	etag, err := c.etag(ctx, o)
	if err != nil {
		return view{}, err
	}
	v := view{status: http.StatusOK, etag: etag, n: o.size, complete: true}
	if o.env == nil && !rd.src.customer.IsZero() {
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
	if rd.part != 0 {
		return v, c.viewPart(ctx, rd.part, o, &v)
	}
	return v, nil
}

// viewPart makes v the part with the given number. What was not uploaded in
// parts counts as one.
func (c *call) viewPart(ctx context.Context, number int, o *object, v *view) error {
	ok, parts := number == 1, 1
	if o.env != nil && o.env.Multipart {
		if err := c.complete(ctx, o); err != nil {
			return err
		}
		parts = o.layout.Parts()
		v.off, v.n, ok = o.layout.PartRange(uint32(number)) //nolint:gosec // at most 10,000
		v.parts = parts
	}
	if !ok {
		return s3api.NoSuchPart(number, parts)
	}
	if v.complete = v.n == o.size; o.size > 0 { // there is no range of nothing
		v.status = http.StatusPartialContent
	}
	return nil
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

// header200 fills in the header of a successful answer.
func (c *call) header200(ctx context.Context, rd reading, o *object, from http.Header, v view) error {
	h := c.w.Header()
	if rd.checksum && o.env != nil {
		if rd.part != 0 && o.digests.Checksum.Composite {
			setPartChecksum(h, o, rd.part)
		} else if v.complete {
			if err := c.setObjectChecksum(ctx, h, o); err != nil {
				return err
			}
		}
	}
	c.objectHeaders(from)
	if o.env != nil {
		o.env.SetResponse(h, metadata.Response{KeyIDs: &c.g.cfg.KMS.KeyIDs, CustomerKeyMD5: rd.customerMD5})
	}
	if v.parts != 0 {
		h["X-Amz-Mp-Parts-Count"] = []string{strconv.Itoa(v.parts)}
	}
	h["Accept-Ranges"] = []string{"bytes"}
	h["Etag"] = []string{quote(v.etag)}
	h["Content-Length"] = []string{strconv.FormatInt(v.n, 10)}
	if v.status == http.StatusPartialContent {
		h["Content-Range"] = []string{s3api.ContentRange(v.off, v.n, o.size)}
	}
	return nil
}

// setObjectChecksum puts the checksum of the whole object into the response
// header.
func (c *call) setObjectChecksum(ctx context.Context, h http.Header, o *object) error {
	if err := c.unlock(ctx, o); err != nil {
		return err
	}
	if o.digests.Checksum.Algorithm == 0 {
		if err := c.complete(ctx, o); err != nil {
			return err
		}
	}
	setChecksum(h, o.digests.Checksum, len(o.parts()))
	return nil
}

// setPartChecksum puts the checksum of a part into the response header, where
// that of the object is one of those of its parts.
func setPartChecksum(h http.Header, o *object, number int) {
	for _, p := range o.parts() {
		if int(p.Number) == number {
			h[s3api.Algorithm(o.digests.Checksum.Algorithm).Header()] = []string{base64.StdEncoding.EncodeToString(p.Checksum)}
			h["X-Amz-Checksum-Type"] = []string{"COMPOSITE"}
		}
	}
}

// notModified answers a condition that held, or returns err.
func (c *call) notModified(v view, from http.Header, err error) error {
	if err != nil {
		return err
	}
	h := c.w.Header()
	h["Etag"] = []string{quote(v.etag)}
	copyHeaders(h, from, []string{"Cache-Control", "Expires", "Last-Modified", "X-Amz-Version-Id"})
	c.start(http.StatusNotModified)
	return nil
}
