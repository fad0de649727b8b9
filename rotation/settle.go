package rotation

import (
	"context"
	"errors"
	"log/slog"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// peek describes an object and returns its footer, if it has one.
func (m *mover) peek(ctx context.Context, n Name) (*Object, []byte, error) {
	size := encryptor.FooterSuffix()
	for {
		o, tail, err := m.Store.Peek(ctx, n, size)
		if err != nil {
			return nil, nil, err
		}
		footer, err := encryptor.FooterSize(tail)
		if err != nil {
			return o, nil, nil //nolint:nilerr // the body has none
		}
		if footer <= int64(len(tail)) {
			return o, tail, nil
		}
		if size >= footer {
			return nil, nil, errors.New("the store returned less than the end of the object")
		}
		size = footer
	}
}

// bodyEnvelope returns the envelope in a footer, nil if there is none.
func bodyEnvelope(tail []byte) *metadata.Envelope {
	raw, err := encryptor.FooterEnvelope(tail)
	if err != nil {
		return nil
	}
	env, err := metadata.DecodeFooterCopy(raw)
	if err != nil {
		return nil
	}
	return env
}

var errOtherBody = errors.New("its metadata are those of another body, which has no envelope of its own")

// settle gives a body its own envelope back that has the metadata of another:
// an upload came while MinIO changed the metadata of the object before it in
// place. Until then, readers use the body's own envelope if it is under the same
// root key. The object is written again, under the condition that it is still the
// same, because it has the ETag of the other one, too.
//
// What else clients said of the object, such as its content type, is lost: it
// is that of the object before.
func (m *mover) settle(ctx context.Context, it item, now *Object, tail []byte, body *metadata.Envelope) error {
	if body == nil || !mutable(it.VersionID) {
		return errOtherBody
	}
	next, err := m.ownEnvelope(ctx, it.Name, now, tail, body)
	if err != nil {
		return errors.Join(errOtherBody, err)
	}
	m.Logger.LogAttrs(ctx, slog.LevelWarn, "an upload and a change of metadata came together; the object has the user metadata of the one before",
		slog.String("bucket", it.Bucket), slog.String("key", it.Key))
	h, err := metadataHeaders(now, next)
	if err != nil {
		return err
	}
	// The time of the object before would hide the upload from who compares times.
	if err := m.rebuild(ctx, it.Name, m.Now(), now, h); err != nil && !replaced(err) && !gone(err) {
		return errors.Join(errOtherBody, err)
	}
	m.tally.race()
	return errAgain
}

// ownEnvelope returns the envelope in a body's footer as that of the object,
// verified and completed by what else the footer knows.
func (m *mover) ownEnvelope(ctx context.Context, n Name, now *Object, tail []byte, body *metadata.Envelope) (*metadata.Envelope, error) {
	keks, err := m.keks(ctx, n, body)
	if err != nil {
		return nil, err
	}
	defer keks.Clear()
	keys, err := body.Open(keks, m.realm(n.Bucket), n.Key)
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	rec, err := encryptor.OpenFooter(keys, now.Size, tail)
	if err != nil {
		return nil, err
	}
	next := *body
	return &next, next.SealDigests(keys, rec.Digests)
}
