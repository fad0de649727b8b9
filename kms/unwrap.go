package kms

import (
	"context"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Unwrap returns the KEK of an object. One that was unwrapped within
// Options.CacheTTL, or generated as a bucket key, needs no call to the
// provider; callers that want the same one at the same time share a call.
// Errors are not remembered.
//
// Errors wrap one of the errors of this package, or the context's.
func (s *Service) Unwrap(ctx context.Context, u Use, key string, wrapped, encContext []byte) (encryptor.Key, error) {
	kek, hit, err := s.unwrap(ctx, key, wrapped, encContext)
	if err != nil {
		kek, err = secret{}, fmt.Errorf("kms: unwrap with key %q: %w", key, err)
	}
	s.audit(Event{
		Use: u, Key: key, Version: kek.Version, Action: ActionUnwrap, CacheHit: hit, VaultRequestID: kek.requestID, Err: err,
	})
	return kek.Key, err
}

// unwrap returns the KEK and whether it was remembered.
func (s *Service) unwrap(ctx context.Context, key string, wrapped, encContext []byte) (secret, bool, error) {
	if err := s.closed(); err != nil {
		return secret{}, false, err
	}
	if len(wrapped) == 0 || len(wrapped) > MaxWrapped {
		return secret{}, false, fmt.Errorf("%w: it has %d bytes", ErrCiphertext, len(wrapped))
	}
	id := unwrapID(key, wrapped, encContext)
	if kek, ok := s.unwrapped.get(id); ok {
		return kek, true, nil
	}
	kek, err := s.share(ctx, "unwrap"+string(id[:]), func(ctx context.Context) (secret, error) {
		if kek, ok := s.unwrapped.get(id); ok {
			return kek, nil // of a call that has ended in between
		}
		kek, call, err := s.opts.Provider.Unwrap(ctx, key, wrapped, encContext)
		if err != nil {
			return secret{}, classify(context.Background(), err)
		}
		if kek.IsZero() {
			return secret{}, fmt.Errorf("%w: it holds no key", ErrCiphertext)
		}
		found := secret{KEK: KEK{Key: kek, Version: call.Version}, requestID: call.RequestID}
		s.unwrapped.put(id, found)
		return found, nil
	})
	return kek, false, err
}

// unwrapID is what an unwrapped KEK is remembered by.
func unwrapID(key string, wrapped, encContext []byte) cacheID {
	return newCacheID([]byte(key), wrapped, encContext)
}
