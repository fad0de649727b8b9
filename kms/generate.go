package kms

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Generate returns a KEK for a new object, wrapped under the latest version of
// the named key.
//
// With bucketKey it is the one that the objects of u.Bucket with the same key
// and context share, for at most Options.BucketKeyTTL and BucketKeyUses; the
// caller draws a data key of its own for every object in any case. Without, it
// is a fresh one, which costs one call to the provider.
//
// Errors wrap one of the errors of this package, or the context's.
func (s *Service) Generate(ctx context.Context, u Use, key string, encContext []byte, bucketKey bool) (KEK, error) {
	var (
		kek secret
		hit bool
		err error
	)
	if bucketKey {
		kek, hit, err = s.bucketKey(ctx, u.Bucket, key, encContext)
	} else if err = s.closed(); err == nil {
		callCtx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
		defer cancel()
		kek, err = s.newKEK(callCtx, key, encContext)
		err = classify(ctx, err)
	}
	if err != nil {
		kek, err = secret{}, fmt.Errorf("kms: generate under key %q: %w", key, err)
	}
	s.audit(Event{
		Use: u, Key: key, Version: kek.Version, Action: ActionGenerate, CacheHit: hit, VaultRequestID: kek.requestID, Err: err,
	})
	return kek.KEK, err
}

// bucketKey returns the KEK that the objects of a bucket share at present, and
// whether it was there already.
func (s *Service) bucketKey(ctx context.Context, bucket, key string, encContext []byte) (secret, bool, error) {
	id := newCacheID([]byte(bucket), []byte(key), encContext)
	for {
		if err := s.closed(); err != nil {
			return secret{}, false, err
		}
		if kek, ok := s.bucketKeys.get(id); ok && kek.take(s.opts.BucketKeyUses) {
			return kek, true, nil
		}
		// Whoever comes while the call is under way shares its result, and those
		// for whom there are no uses left begin again.
		kek, err := s.share(ctx, "generate"+string(id[:]), func(ctx context.Context) (secret, error) {
			if kek, ok := s.bucketKeys.get(id); ok && kek.uses.Load() < s.opts.BucketKeyUses {
				return kek, nil // of a call that has ended in between
			}
			kek, err := s.newKEK(ctx, key, encContext)
			if err != nil {
				return secret{}, classify(context.Background(), err)
			}
			s.bucketKeys.put(id, kek)
			s.unwrapped.put(unwrapID(key, kek.Wrapped, encContext), kek)
			return kek, nil
		})
		if err != nil {
			return secret{}, false, err
		}
		if kek.take(s.opts.BucketKeyUses) {
			return kek, false, nil
		}
	}
}

// newKEK draws a KEK and has it wrapped.
func (s *Service) newKEK(ctx context.Context, key string, encContext []byte) (secret, error) {
	kek := encryptor.NewKey()
	w, err := s.opts.Provider.Wrap(ctx, key, kek, encContext)
	if err != nil {
		return secret{}, err
	}
	if len(w.Ciphertext) == 0 || len(w.Ciphertext) > MaxWrapped {
		return secret{}, fmt.Errorf("%w: a wrapped key of %d bytes, at most %d can be stored", ErrKeyState, len(w.Ciphertext), MaxWrapped)
	}
	return secret{KEK{kek, w.Ciphertext, w.Version}, w.RequestID, new(atomic.Int64)}, nil
}
