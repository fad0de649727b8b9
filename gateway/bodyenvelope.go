package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// The metadata of an object can come to be that of its predecessor: a store
// that copies an object onto itself without a lock, as MinIO does, may put
// the metadata it was given on a body that was written meanwhile. The body has
// a copy of its own envelope in its footer, and is opened with that if it names
// no other root key: to choose another is nothing that a store may bring about.

// errOtherBody is for an object that only another root key than the one in its
// metadata could open.
var errOtherBody = s3api.ErrInvalidObjectState.WithMessage(
	"The object's metadata in the store belong to another body. The data can be recovered from the object itself, not through this request.")

// recoverBody takes the envelope in the body's footer for that of the object
// if cause, which came up before anything of the object was released, can be
// that its metadata are another object's. Otherwise it returns cause.
func (c *call) recoverBody(ctx context.Context, o *object, cause error) error {
	size, ok := encryptor.PlaintextSize(o.stored)
	if !ok || o.env == nil || !errors.Is(cause, encryptor.ErrNotAuthentic) {
		return cause
	}
	o.size = size
	// Only metadata that were this object's once can be on another body by
	// accident.
	if err := c.unlock(ctx, o); errors.Is(err, encryptor.ErrNotAuthentic) {
		return cause
	} else if err != nil {
		return err
	}
	tail, err := c.wholeFooter(ctx, o, nil)
	if err != nil {
		return err
	}
	return c.useBodyEnvelope(ctx, o, tail, cause)
}

// answerFromBody answers a read of which cause ended the first attempt, before
// any of the answer was sent.
func (c *call) answerFromBody(ctx context.Context, rd reading, o *object, cause error) error {
	was := o.env
	if err := c.recoverBody(ctx, o, cause); err != nil {
		return err
	}
	c.clearHeader() // of what was said of the other body
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, nil, err)
	}
	var resp *http.Response
	start := int64(0)
	if v.status == http.StatusOK {
		resp, err = c.again(ctx, o, o.query, "")
	} else {
		resp, start, err = c.againRange(ctx, o, v)
	}
	if err != nil {
		return err
	}
	defer func() { discard(resp) }()
	err = c.send200(ctx, rd, o, resp, start, v)
	if err != nil && !c.started && errors.Is(err, encryptor.ErrNotAuthentic) {
		return c.verdict(ctx, o, was, err)
	}
	return err
}

// useBodyEnvelope is recoverBody for who has the end of the object already.
func (c *call) useBodyEnvelope(ctx context.Context, o *object, tail []byte, cause error) error {
	env, err := bodyEnvelope(tail)
	if err != nil || env.Data.Commitment == o.env.Data.Commitment {
		return c.verdict(ctx, o, o.env, cause)
	}
	if !sameRoots(env, o.env, o.customer) {
		return c.verdict(ctx, o, o.env, &causedError{errOtherBody, cause})
	}
	found, err := c.openAs(ctx, o, env, tail)
	if errors.Is(err, encryptor.ErrNotAuthentic) {
		return c.verdict(ctx, o, o.env, cause)
	}
	if err != nil {
		return err // the key could not be asked for
	}
	c.out.BodyEnvelope = true
	c.g.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "metadata of another body",
		slog.String("request_id", c.id),
		slog.String("operation", c.out.Operation),
		slog.String("bucket", o.bucket),
		slog.String("key", o.key),
		slog.String("mode", found.env.Mode.String()),
		slog.String("cause", cause.Error()))
	found.strayed = true
	*o = *found
	return nil
}

// verdict returns cause if the store still gives the object the metadata was,
// else errReplaced: then metadata and body are of different moments.
func (c *call) verdict(ctx context.Context, o *object, was *metadata.Envelope, cause error) error {
	value, err := was.Encode()
	if err != nil {
		return cause
	}
	resp, err := c.send(ctx, &storeRequest{method: http.MethodHead, bucket: o.bucket, key: o.key, query: o.query})
	if err != nil {
		return cause
	}
	_ = resp.Body.Close() // empty
	if resp.StatusCode == http.StatusOK && resp.Header.Get(metadata.Header) == value {
		return cause
	}
	return errReplaced
}

// bodyEnvelope returns the envelope in the footer at the end of an object. It
// is not authentic before the footer has been opened with it.
func bodyEnvelope(tail []byte) (*metadata.Envelope, error) {
	raw, err := encryptor.FooterEnvelope(tail)
	if err != nil {
		return nil, err
	}
	return metadata.DecodeFooterCopy(raw)
}

// openAs opens the object that ends with tail with the envelope env from there.
func (c *call) openAs(ctx context.Context, o *object, env *metadata.Envelope, tail []byte) (*object, error) {
	size, ok := encryptor.PlaintextSize(o.stored)
	if !ok {
		return nil, encryptor.ErrNotAuthentic
	}
	found := *o
	found.env, found.size, found.unlocked, found.record = env, size, false, nil
	if err := c.unlock(ctx, &found); err != nil {
		return nil, err
	}
	rec, err := encryptor.OpenFooter(found.keys, o.stored, tail)
	if err != nil {
		return nil, err
	}
	// The copy is without them, and the object's ETag may be among them.
	if err := env.SealDigests(found.keys, rec.Digests); err != nil {
		return nil, err
	}
	return &found, found.adopt(rec)
}

// sameRoots reports whether two envelopes are of one mode and under the same
// root key, which for SSE-C is the given customer key.
func sameRoots(a, b *metadata.Envelope, customer encryptor.Key) bool {
	if a.Mode != b.Mode || a.KeyID != b.KeyID || a.OuterKeyID != b.OuterKeyID {
		return false
	}
	return a.Mode != metadata.SSEC || a.CheckCustomerKey(customer) && b.CheckCustomerKey(customer)
}

// readAttempts is how often an object is read because it was replaced in the
// meantime.
const readAttempts = 4

// untilSettled does what reads an object again if that was replaced before
// anything of it was released.
func (c *call) untilSettled(read func() error) error {
	for attempt := 1; ; attempt++ {
		if err := read(); c.started || attempt == readAttempts || !errors.Is(err, errReplaced) {
			return err
		}
		c.clearHeader() // of what was said of the other object
		c.errorHeader = nil
	}
}
