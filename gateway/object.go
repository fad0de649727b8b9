package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// source says which object of the store is meant, and with what it opens.
type source struct {
	bucket, key string
	query       s3api.Query   // versionId and, of a GetObject, response-*
	customer    encryptor.Key // the customer key that came with the request, zero if none
}

// self is the object that the request itself names.
func (c *call) self() source {
	return source{bucket: c.bucket, key: c.key, query: c.query}
}

// object is what is known of a stored object from one answer of the store.
type object struct {
	source
	env       *metadata.Envelope // nil for an object that is not encrypted
	unlocked  bool               // keys, layout and digests are known
	strayed   bool               // the metadata in the store are another body's
	keys      encryptor.Keys
	layout    encryptor.Layout // of a multipart object only with its record
	record    *encryptor.Record
	digests   encryptor.Digests
	size      int64 // of the plaintext, in bytes
	stored    int64 // in the store, in bytes
	storeETag string
	versionID string
	modified  time.Time
}

// Errors of objects that the store returned and that cannot be given out. None
// of them is worth a retry, so they are not server errors to a client.
var (
	errTampered = s3api.ErrInvalidObjectState.WithMessage(
		"The object in the store is not what was written through the gateway: it was altered, truncated, or moved to another name. It cannot be read.")
	errLostEnvelope = s3api.ErrInvalidObjectState.WithMessage(
		"The object is encrypted, but the store has lost its metadata. The data can be recovered from the object itself, not through this request.")
	errPlaintext = s3api.ErrInvalidObjectState.WithMessage(
		"The object is not encrypted. To read such objects of a bucket, list the bucket under plaintext_reads in the gateway's configuration.")
)

// errReplaced is not about the client's own conditions, so it must not look
// like one that failed; the client tries again.
var errReplaced = errors.New("the object was replaced while it was being read")

// inspect reads the envelope in the header of a store's answer about an object
// of the given stored size. An object without an envelope comes back with a
// nil env; whether it may be read is not decided here.
//
// Where that costs nothing, it unlocks the object. Otherwise what it says of
// the object is what the store says, until unlock has verified it.
func (c *call) inspect(ctx context.Context, src source, h http.Header, stored int64) (*object, error) {
	o := &object{
		source:    src,
		stored:    stored,
		size:      stored,
		storeETag: unquote(h.Get("Etag")),
		versionID: h.Get("X-Amz-Version-Id"),
	}
	if o.versionID == "" {
		o.versionID = src.query.Get("versionId") // MinIO does not always call "null" by its name
	}
	o.modified, _ = http.ParseTime(h.Get("Last-Modified")) // a zero time fails no condition
	env, err := metadata.FromHeader(h)
	if err != nil {
		return nil, fmt.Errorf("reading the envelope: %w", errors.Join(err, encryptor.ErrNotAuthentic))
	}
	if env == nil {
		c.out.Mode = "plaintext"
		return o, nil
	}
	c.out.Mode = env.Mode.String()
	return o, c.accept(ctx, o, env)
}

// accept takes env for the object's envelope.
func (c *call) accept(ctx context.Context, o *object, env *metadata.Envelope) error {
	o.env = env
	size, ok := encryptor.PlaintextSize(o.stored)
	if !ok || !env.Multipart && size != env.Length {
		return c.recoverBody(ctx, o, fmt.Errorf("the store holds %d bytes for an object of %d: %w", o.stored, env.Length, encryptor.ErrNotAuthentic))
	}
	o.size = size
	if env.Mode == metadata.SSES3 {
		return c.unlock(ctx, o)
	}
	return nil
}

// unlock unseals the data keys and what is known of the plaintext.
func (c *call) unlock(ctx context.Context, o *object) (err error) {
	if o.unlocked {
		return nil
	}
	if o.keys, err = c.openEnvelope(ctx, o.env, o.source); err != nil {
		return err
	}
	if !o.env.Multipart {
		if o.layout, err = encryptor.SingleLayout(o.stored); err != nil {
			return err
		}
	}
	if o.digests, err = o.env.OpenDigests(o.keys); err != nil {
		return err
	}
	o.unlocked = true
	return nil
}

// realm is the name that the envelopes of a bucket are bound to.
func (c *call) realm(bucket string) string {
	if realm, ok := c.g.cfg.Realms[bucket]; ok {
		return realm
	}
	return bucket
}

// admitPlaintext decides about an object without an envelope whose body
// starts with prefix.
func (c *call) admitPlaintext(bucket string, prefix []byte) error {
	if encryptor.IsEncrypted(prefix) {
		return errLostEnvelope
	}
	if !matchAny(c.g.cfg.PlaintextReads, bucket) {
		return errPlaintext
	}
	return nil
}

// again asks for the very same object once more, with another range.
func (c *call) again(ctx context.Context, o *object, q s3api.Query, rng string) (*http.Response, error) {
	sr := &storeRequest{method: http.MethodGet, bucket: o.bucket, key: o.key, query: q, header: http.Header{
		"If-Match": {quote(o.storeETag)},
	}}
	if rng != "" {
		sr.header["Range"] = []string{rng}
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return resp, nil
	case http.StatusPreconditionFailed:
		drain(resp.Body)
		return nil, errReplaced
	default:
		err := c.storeError(resp)
		if errors.Is(err, s3api.ErrNoSuchVersion) && !o.query.Has("versionId") {
			err = errReplaced // the client asked for the latest, which is another by now
		}
		return nil, err
	}
}

// readRange reads up to limit bytes of exactly the object o from the store.
func (c *call) readRange(ctx context.Context, o *object, rng string, limit int64) ([]byte, error) {
	resp, err := c.again(ctx, o, versionQuery(o.versionID), rng)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return nil, &unreachableError{err}
	}
	drain(resp.Body)
	return b, nil
}

// complete reads the object's footer: what only that knows of the plaintext
// and, of a multipart object, where its parts are. It costs one request to the
// store, the first time.
func (c *call) complete(ctx context.Context, o *object) error {
	if o.record != nil {
		return nil
	}
	if err := c.unlock(ctx, o); err != nil {
		return err
	}
	rec, known := c.g.records.get(o.recordID())
	if !known {
		n := min(encryptor.FooterBound(o.stored), o.stored)
		tail, err := c.readRange(ctx, o, "bytes=-"+strconv.FormatInt(n, 10), n)
		if err != nil {
			return err
		}
		if rec, err = encryptor.OpenFooter(o.keys, o.stored, tail); err != nil {
			return c.useBodyEnvelope(ctx, o, tail, err)
		}
	}
	if err := o.adopt(rec); err != nil {
		return err
	}
	c.g.records.put(o.recordID(), rec)
	return nil
}

func (o *object) recordID() recordID { return recordID{o.env.Data.Commitment, o.storeETag, o.stored} }

// adopt takes rec for the record of the object, if it can be.
func (o *object) adopt(rec *encryptor.Record) (err error) {
	if rec.Length != o.size {
		return fmt.Errorf("the footer is of an object of %d bytes, not %d: %w", rec.Length, o.size, encryptor.ErrNotAuthentic)
	}
	if o.env.Multipart {
		if o.layout, err = encryptor.MultipartLayout(o.stored, rec); err != nil {
			return err
		}
	} else if rec.Parts != nil {
		return fmt.Errorf("parts in an object that was uploaded whole: %w", encryptor.ErrNotAuthentic)
	}
	o.record, o.digests = rec, rec.Digests
	return nil
}

// parts are those of a multipart object, if they are known.
func (o *object) parts() []encryptor.Part {
	if o.record == nil {
		return nil
	}
	return o.record.Parts
}

// contentRange reads the header of a partial answer: where it starts and how
// large the stored object is.
func contentRange(v string) (start, size int64, ok bool) {
	rng, found := strings.CutPrefix(v, "bytes ")
	if !found {
		return 0, 0, false
	}
	span, total, _ := strings.Cut(rng, "/")
	first, _, _ := strings.Cut(span, "-")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return 0, 0, false
	}
	if span == "*" || size == 0 { // MinIO calls the suffix of nothing "0--1"
		return 0, size, true
	}
	start, err = strconv.ParseInt(first, 10, 64)
	return start, size, err == nil && start >= 0 && start < size
}
