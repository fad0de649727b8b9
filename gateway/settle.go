package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// settleAttempts bounds how often the metadata of one object are mended.
const settleAttempts = 8

// copyOntoItself gives the object o other metadata, those that after has and h,
// where the store has no other way than to copy it onto itself.
func (c *call) copyOntoItself(ctx context.Context, o, after *object, h http.Header) (*s3api.CopyResult, http.Header, error) {
	ctx = context.WithoutCancel(ctx) // the client may go, but another's upload must not suffer from it
	result, from, err := c.storeCopy(ctx, o, after.env, nil, h)
	return result, from, c.settle(ctx, o, after, err)
}

// settle looks whether the envelope that was just given to an object in place,
// for the body of before, is on that body. If an upload came in between, its
// body gets its own envelope back.
//
// given is the error of giving it, which settle returns. What the store has
// done is looked at all the same if that error does not tell.
//
// Of a version that nobody can overwrite there is nothing to settle.
func (c *call) settle(ctx context.Context, before, after *object, given error) error {
	if !before.replaceable() || changedNothing(given) {
		return given
	}
	err := c.mend(ctx, before, after)
	if given == nil {
		return err
	}
	if err != nil {
		c.logFailure("it is not known whether an object has the metadata of another body", err)
	}
	return given
}

// changedNothing reports whether err says that the store has left an object as
// it was.
func changedNothing(err error) bool {
	e, ok := errors.AsType[*s3api.Error](err)
	return errors.Is(err, errReplaced) || ok && e.Status < http.StatusInternalServerError
}

// mend is settle for an object that may have the metadata of another body.
func (c *call) mend(ctx context.Context, before, after *object) error {
	for range settleAttempts {
		found, from, err := c.mismatch(ctx, before, after)
		if err != nil || found == nil {
			return err
		}
		c.g.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "an upload and a change of metadata came together",
			slog.String("request_id", c.id), slog.String("bucket", found.bucket), slog.String("key", found.key))
		if err := c.giveBack(ctx, found, from); err != nil && !errors.Is(err, errReplaced) && !errors.Is(err, s3api.ErrNoSuchKey) {
			return err
		}
	}
	return nil // readers use the body's own envelope
}

// giveBack gives a body its own envelope back.
func (c *call) giveBack(ctx context.Context, found *object, from http.Header) error {
	h := make(http.Header, 16)
	keepHeaders(h, from)
	_, _, err := c.storeCopy(ctx, found, found.env, nil, h)
	return err
}

// mismatch returns the object of before as its body says it is, with what the
// store says of it, or nil if its metadata are the body's own.
func (c *call) mismatch(ctx context.Context, before, after *object) (*object, http.Header, error) {
	p, err := c.peek(ctx, before.source)
	if errors.Is(err, s3api.ErrNoSuchKey) || err == nil && p == nil {
		return nil, nil, nil // deleted or replaced since
	}
	if err != nil {
		return nil, nil, err
	}
	env, err := metadata.FromHeader(p.header)
	if err != nil || env == nil || env.Data.Commitment != before.env.Data.Commitment {
		return nil, nil, nil //nolint:nilerr // another upload's metadata, which came with its body
	}
	now := object{source: before.source, stored: p.stored, storeETag: unquote(p.header.Get("Etag")), versionID: before.versionID}
	tail, err := c.wholeFooter(ctx, &now, p.tail)
	if errors.Is(err, errReplaced) || errors.Is(err, s3api.ErrNoSuchKey) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err = encryptor.OpenFooter(before.keys, now.stored, tail); err == nil {
		return nil, nil, nil
	}
	if now.env, err = bodyEnvelope(tail); err != nil {
		return nil, nil, err
	}
	if now.env.Data.Commitment == before.env.Data.Commitment {
		return nil, nil, fmt.Errorf("the footer does not open: %w", encryptor.ErrNotAuthentic)
	}
	for _, as := range []*object{before, after} {
		now.customer = as.customer
		if found, err := c.openAs(ctx, &now, now.env, tail); err == nil {
			return found, p.header, nil
		}
	}
	// Who changed the one need not have the key of the other. Its envelope is
	// what the body says; whether that is true, its readers will see.
	return &now, p.header, nil
}

// keepHeaders puts everything that the store said of an object and takes back
// into the request that gives the object other metadata.
func keepHeaders(h, from http.Header) {
	addDescription(h, from)
	copyHeaders(h, from, []string{"X-Amz-Storage-Class", redirectMetadata})
}
