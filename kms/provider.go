package kms

import (
	"context"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// MaxWrapped is the largest wrapped KEK in bytes: what an envelope holds.
const MaxWrapped = 256

// Provider is a key management service: named keys that wrap and unwrap
// key-encryption keys. Implementations are safe for concurrent use and return
// when the context ends.
//
// An encryption context is the canonical JSON of a map of strings, or empty. A
// provider whose keys authenticate it must refuse to unwrap with another
// context than the KEK was wrapped with; a provider whose keys cannot ignores
// it. Callers bind what they seal under a KEK to the context in any case.
//
// Errors wrap one of the errors of this package, or are the context's. A provider fails closed: it
// never creates a key because somebody uses its name, and never falls back to
// another key.
type Provider interface {
	// Wrap encrypts kek under the latest version of the named key. The
	// ciphertext is 1 to MaxWrapped bytes.
	Wrap(ctx context.Context, key string, kek encryptor.Key, encContext []byte) (Wrapped, error)

	// Unwrap decrypts what Wrap or Rewrap returned for the same key and context.
	Unwrap(ctx context.Context, key string, wrapped, encContext []byte) (encryptor.Key, Call, error)

	// Rewrap re-encrypts KEKs under the latest version of the named key
	// without showing them to the caller. There is one result per item, in the
	// same order, each with an error of its own; the error of the whole is for
	// failures that concern every item.
	Rewrap(ctx context.Context, key string, items []Item) ([]Rewrapped, error)

	// Describe returns the state of the named key. Providers may need a
	// permission for it that the other methods do not.
	Describe(ctx context.Context, key string) (KeyInfo, error)
}

// Wrapped is a wrapped KEK and the call that made it.
type Wrapped struct {
	// Ciphertext is the wrapped KEK, 1 to MaxWrapped bytes.
	Ciphertext []byte

	// Version is the version of the key that it is wrapped under, from 1; 0 if
	// the provider does not say.
	Version int

	// RequestID is what the service's own audit log calls the request; empty
	// if it has no name.
	RequestID string
}

// Call says how a call to the service went.
type Call struct {
	Version   int    // version of the key that was used, from 1; 0 if unknown
	RequestID string // name of the request in the service's audit log, or empty
}

// Item is a wrapped KEK to be wrapped again, with its encryption context.
type Item struct {
	Wrapped, Context []byte
}

// Rewrapped is the result for one Item.
type Rewrapped struct {
	Wrapped []byte // 1 to MaxWrapped bytes; nil if Err is not
	Version int    // version of the key that it is wrapped under now; 0 if unknown
	Err     error  // why this item failed
}

// KeyInfo is the state of a key.
type KeyInfo struct {
	// LatestVersion is the version that Wrap uses, from 1.
	LatestVersion int

	// MinDecryptionVersion is the oldest version that Unwrap accepts.
	MinDecryptionVersion int

	// Derived says that the encryption context is part of the key.
	Derived bool

	// Deleted says that the key is scheduled for deletion, or deleted in a way
	// that can still be undone. Such a key cannot be used.
	Deleted bool
}
