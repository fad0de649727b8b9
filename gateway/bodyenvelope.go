package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// The metadata of an object can come to be that of its predecessor: a store
// that copies an object onto itself without a lock, as MinIO does, may put
// the metadata it was given on a body that was written meanwhile. The body has
// a copy of its own envelope in its footer, and is opened with that if it names
// no other root key: to choose another is nothing that a store may bring about.

// recoverBody takes the envelope in the body's footer for that of the object
// if cause, which came up before anything of the object was released, can be
// that its metadata are another object's. Otherwise it returns cause.
func (c *call) recoverBody(ctx context.Context, o *object, cause error) error {
	if o.env == nil || !errors.Is(cause, encryptor.ErrNotAuthentic) {
		return cause
	}
	tail, err := c.wholeFooter(ctx, o, nil)
	if err != nil {
		return cause
	}
	return c.useBodyEnvelope(ctx, o, tail, cause)
}

// answerFromBody answers a read of which cause ended the first attempt, before
// any of the answer was sent.
func (c *call) answerFromBody(ctx context.Context, rd reading, o *object, cause error) error {
	if err := c.recoverBody(ctx, o, cause); err != nil {
		return err
	}
	v, err := c.view(ctx, rd, o)
	if err != nil || v.status == http.StatusNotModified {
		return c.notModified(v, nil, err)
	}
	for name := range c.w.Header() {
		if strings.HasPrefix(name, "X-Amz-Checksum-") { // of the other body
			c.w.Header().Del(name)
		}
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
	return c.send200(ctx, rd, o, resp, start, v)
}

// useBodyEnvelope is recoverBody for who has the end of the object already.
func (c *call) useBodyEnvelope(ctx context.Context, o *object, tail []byte, cause error) error {
	found, err := c.openBodyEnvelope(ctx, o, tail)
	switch {
	case errors.Is(err, encryptor.ErrNotAuthentic), errors.Is(err, errOtherRoot), errors.Is(err, metadata.ErrMalformed):
		return cause
	case err != nil:
		return err // the key could not be asked for
	case found.env.Data.Commitment == o.env.Data.Commitment:
		return cause // the metadata are the body's own
	}
	c.out.BodyEnvelope = true
	c.g.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "metadata of another body",
		slog.String("request_id", c.id),
		slog.String("operation", c.out.Operation),
		slog.String("bucket", o.bucket),
		slog.String("key", o.key),
		slog.String("mode", found.env.Mode.String()),
		slog.String("cause", cause.Error()))
	*o = *found
	return nil
}

var errOtherRoot = errors.New("the envelope in the footer names another mode or root key")

// openBodyEnvelope opens the object with the envelope in its footer, which
// must name the mode and root key of the one in its metadata.
func (c *call) openBodyEnvelope(ctx context.Context, o *object, tail []byte) (*object, error) {
	raw, err := encryptor.FooterEnvelope(tail)
	if err != nil {
		return nil, err
	}
	env, err := metadata.DecodeFooterCopy(raw)
	if err != nil {
		return nil, err
	}
	if !sameRoots(env, o.env, o.customer) {
		return nil, errOtherRoot
	}
	found := *o
	found.env, found.unlocked, found.record = env, false, nil
	size, ok := encryptor.PlaintextSize(o.stored)
	if !ok {
		return nil, encryptor.ErrNotAuthentic
	}
	found.size = size
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
