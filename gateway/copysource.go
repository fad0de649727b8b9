package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// copySource is what a request says of the object that it copies from.
type copySource struct {
	s3api.CopySource
	customer   encryptor.Key // zero if the request brings none for the source
	conditions s3api.CopyConditions
}

// parseCopySource reads which object is to be copied and checks that the
// client may read objects of its bucket.
func (c *call) parseCopySource() (cs copySource, err error) {
	if cs.CopySource, err = s3api.ParseCopySource(c.header); err != nil {
		return cs, err
	}
	if c.isSystem(cs.Bucket) || !c.cred.mayUse(cs.Bucket) {
		return cs, s3api.ErrAccessDenied
	}
	sse, err := metadata.ParseCopySourceSSE(c.header)
	if err != nil {
		return cs, err
	}
	if sse.Mode == metadata.SSEC {
		if err := c.admitMode(metadata.SSEC); err != nil {
			return cs, err
		}
	}
	cs.customer = sse.CustomerKey
	cs.conditions, err = s3api.ParseCopyConditions(c.header)
	return cs, err
}

// locate finds the object to copy from and checks the client's conditions on
// it. Of an encrypted object it reads the footer, so that all of its digests
// are known, and so that no copy is made of a body whose envelope is lost: the
// one in the footer is good under the source's own name only.
func (c *call) locate(ctx context.Context, cs copySource) (*object, http.Header, error) {
	mode := c.out.Mode // of what is written
	o, header, err := c.look(ctx, source{cs.Bucket, cs.Key, versionQuery(cs.VersionID), cs.customer})
	c.out.Mode = mode
	if err != nil {
		return nil, nil, err
	}
	if o.env == nil && !cs.customer.IsZero() {
		return nil, nil, s3api.ErrSSECNotApplicable
	}
	etag, err := c.etag(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return o, header, cs.conditions.Check(etag, o.modified)
}

// look asks the store for an object and makes sure that its metadata and its
// body belong together.
func (c *call) look(ctx context.Context, src source) (*object, http.Header, error) {
	p, err := c.peek(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		return c.stat(ctx, src) // an empty object, which is not encrypted
	}
	o, err := c.inspect(ctx, src, p.header, p.stored)
	if err != nil || o.env == nil {
		return o, p.header, err
	}
	return o, p.header, c.verifyFooter(ctx, o, p.tail)
}

// peeked is an object's metadata together with its end, which of nearly every
// encrypted object is the whole footer.
type peeked struct {
	header http.Header
	stored int64
	tail   []byte
}

// peek asks for both at once. The answer about an empty object is nil.
func (c *call) peek(ctx context.Context, src source) (*peeked, error) {
	suffix := encryptor.FooterSuffix()
	sr := &storeRequest{method: http.MethodGet, bucket: src.bucket, key: src.key, query: src.query, header: http.Header{
		"Range": {"bytes=-" + strconv.FormatInt(suffix, 10)},
	}}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Request-Payer"})
	if owner := c.header["X-Amz-Source-Expected-Bucket-Owner"]; owner != nil {
		sr.header["X-Amz-Expected-Bucket-Owner"] = owner
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, err
	}
	p := &peeked{header: resp.Header, stored: resp.ContentLength}
	switch resp.StatusCode {
	case http.StatusOK: // from a store that knows no suffixes
		discard(resp)
	case http.StatusPartialContent:
		var ok bool
		if _, p.stored, ok = contentRange(resp.Header.Get("Content-Range")); !ok {
			_ = resp.Body.Close()
			return nil, errors.New("the store answered with an unreadable Content-Range")
		}
		if p.tail, err = readTail(resp, suffix); err != nil {
			return nil, err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		drain(resp.Body)
		return nil, nil
	default:
		return nil, c.storeError(resp)
	}
	if p.stored < 0 {
		return nil, errors.New("the store does not say how large the object is")
	}
	return p, nil
}

// readTail reads the answer to a request for the last n bytes of an object,
// or for all of a smaller one.
func readTail(resp *http.Response, n int64) ([]byte, error) {
	defer resp.Body.Close() //nolint:errcheck // read only
	tail := make([]byte, min(n, max(resp.ContentLength, 0)))
	if _, err := readFull(resp.Body, tail); err != nil {
		return nil, &unreachableError{err}
	}
	return tail, nil
}

// verifyFooter checks that the envelope and the body belong together, whatever
// is remembered of the object, and completes what is known of it. tail is some
// of the object's end.
func (c *call) verifyFooter(ctx context.Context, o *object, tail []byte) error {
	if o.record != nil { // it was opened with the body's own envelope just now
		return nil
	}
	if err := c.unlock(ctx, o); err != nil {
		return err
	}
	tail, err := c.wholeFooter(ctx, o, tail)
	if err != nil {
		return err
	}
	rec, err := encryptor.OpenFooter(o.keys, o.stored, tail)
	if err != nil {
		return c.useBodyEnvelope(ctx, o, tail, err)
	}
	if err := o.adopt(rec); err != nil {
		return err
	}
	c.g.records.put(o.recordID(), rec)
	return nil
}

// wholeFooter returns the end of the object o with all of its footer, of which
// tail is some.
func (c *call) wholeFooter(ctx context.Context, o *object, tail []byte) ([]byte, error) {
	if n, err := encryptor.FooterSize(tail); err == nil && n <= int64(len(tail)) {
		return tail, nil
	}
	n := min(encryptor.FooterBound(o.stored), o.stored)
	return c.readRange(ctx, o, "bytes=-"+strconv.FormatInt(n, 10), n)
}
