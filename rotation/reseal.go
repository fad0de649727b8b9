package rotation

import (
	"context"
	"errors"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// wraps remembers how key-encryption keys are wrapped anew, since objects can
// share one, and since many at once are quicker. Only get is safe for concurrent
// use.
type wraps struct {
	kms KeyService

	done   map[wrapID][]byte
	failed map[string]error // by KMS key
}

type wrapID struct{ key, wrapped, context string }

func idOf(env *metadata.Envelope) wrapID {
	return wrapID{env.KeyID, string(env.WrappedKEK), string(env.Context)}
}

// prepare wraps the key-encryption keys of envelopes anew, those under one KMS
// key together. It fails if the service does not work at all: with a key that
// cannot be used, only its objects fail.
func (w *wraps) prepare(ctx context.Context, envs []*metadata.Envelope) error {
	byKey := make(map[string][]wrapID)
	seen := make(map[wrapID]bool)
	for _, env := range envs {
		if id := idOf(env); !seen[id] {
			seen[id] = true
			byKey[env.KeyID] = append(byKey[env.KeyID], id)
		}
	}
	w.done, w.failed = make(map[wrapID][]byte, len(seen)), make(map[string]error)
	for key, ids := range byKey {
		items := make([]kms.Item, len(ids))
		for i, id := range ids {
			items[i] = kms.Item{Wrapped: []byte(id.wrapped), Context: []byte(id.context)}
		}
		out, err := w.kms.Rewrap(ctx, kms.Use{Operation: operation}, key, items)
		if away(err) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			w.failed[key] = err
		}
		for i, r := range out {
			if r.Err == nil {
				w.done[ids[i]] = r.Wrapped
			}
		}
	}
	return nil
}

// get returns the key-encryption key of an envelope wrapped anew.
func (w *wraps) get(ctx context.Context, n Name, env *metadata.Envelope) ([]byte, error) {
	wrapped, err := w.done[idOf(env)], w.failed[env.KeyID]
	if wrapped != nil || err != nil {
		return wrapped, err
	}
	out, err := w.kms.Rewrap(ctx, use(n), env.KeyID, []kms.Item{{Wrapped: env.WrappedKEK, Context: env.Context}})
	if err != nil {
		return nil, err
	}
	if len(out) != 1 {
		return nil, errors.New("the key management service returned no key")
	}
	return out[0].Wrapped, out[0].Err
}

// use is what the audit log says of an object.
func use(n Name) kms.Use { return kms.Use{Operation: operation, Bucket: n.Bucket, Object: n.Key} }

// reseal returns an envelope for the same body under the present root keys.
func (m *mover) reseal(ctx context.Context, n Name, env *metadata.Envelope, v verdict) (*metadata.Envelope, error) {
	next := env
	if v.wrap {
		wrapped, err := m.wraps.get(ctx, n, env)
		if err != nil {
			return nil, err
		}
		if next, err = env.WithWrappedKEK(wrapped); err != nil {
			return nil, err
		}
	}
	if !v.local {
		return next, nil
	}
	keks, err := m.keks(ctx, n, env)
	if err != nil {
		return nil, err
	}
	defer keks.Clear()
	keys, err := env.Open(keks, m.realm(n.Bucket), n.Key)
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	return m.seal(n, next, keks, keys)
}

// keks returns the key-encryption keys of an envelope.
func (o *Options) keks(ctx context.Context, n Name, env *metadata.Envelope) (keks metadata.KEKs, err error) {
	switch {
	case env.Mode == metadata.SSES3:
		keks.Data, err = o.Keys.KEK(env.KeyID, env.Salt)
		return keks, err
	case env.Mode == metadata.SSEC:
		return keks, errors.New("the key is a client's")
	case o.KMS == nil:
		return keks, errors.New("the config has no key management service")
	case env.Mode == metadata.DSSEKMS:
		if keks.Outer, err = o.Keys.OuterKEK(env.OuterKeyID, env.Salt); err != nil {
			return keks, err
		}
	}
	keks.Data, err = o.KMS.Unwrap(ctx, use(n), env.KeyID, env.WrappedKEK, env.Context)
	return keks, err
}

// seal returns an envelope like env, with the same data keys under the active
// master key. keks has the key-encryption key of the KMS, where there is one.
func (o *Options) seal(n Name, env *metadata.Envelope, keks metadata.KEKs, keys encryptor.Keys) (*metadata.Envelope, error) {
	var (
		next *metadata.Envelope
		err  error
	)
	active := o.Keys.Active()
	if env.Mode == metadata.SSES3 {
		next = metadata.NewSSES3(active, 0)
		keks.Data, err = o.Keys.KEK(active, next.Salt)
	} else {
		next = metadata.NewDSSEKMS(env.KeyID, env.WrappedKEK, active, 0)
		next.Context = env.Context
		keks.Outer, err = o.Keys.OuterKEK(active, next.Salt)
	}
	if err != nil {
		return nil, err
	}
	if err := next.Inherit(env); err != nil {
		return nil, err
	}
	return next, next.Seal(keks, keys, o.realm(n.Bucket), n.Key)
}
