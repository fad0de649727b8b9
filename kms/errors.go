package kms

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Why a key could not be used, for errors.Is.
var (
	// ErrKeyNotFound: there is no key with that name.
	ErrKeyNotFound = errors.New("the key does not exist")

	// ErrKeyDisabled: the key was disabled and can be enabled again.
	ErrKeyDisabled = errors.New("the key is disabled")

	// ErrKeyState: the key exists but is not in a state for this: it is
	// scheduled for deletion, the version is too old, or it is of the wrong kind.
	ErrKeyState = errors.New("the key is not in a state that allows this")

	// ErrAccessDenied: the service does not let this program do it.
	ErrAccessDenied = errors.New("the key management service denied access")

	// ErrCiphertext: a wrapped KEK does not open under this key and context.
	ErrCiphertext = errors.New("the wrapped key is not valid")

	// ErrThrottled: the service wants fewer requests. Try again later.
	ErrThrottled = errors.New("the key management service is throttling requests")

	// ErrUnavailable: the service cannot be reached or does not work, or
	// refuses this program's own credentials. Try again later.
	ErrUnavailable = errors.New("the key management service is unavailable")
)

// defaultRetryAfter is for services that do not say when to try again.
const defaultRetryAfter = time.Second

// retryError is an error that knows when trying again makes sense.
type retryError struct {
	error
	after time.Duration
}

// Unwrap returns the error itself.
func (e *retryError) Unwrap() error { return e.error }

// WithRetryAfter returns err saying that it makes sense to try again after d.
func WithRetryAfter(err error, d time.Duration) error { return &retryError{err, d} }

// RetryAfter returns how long a client should wait before it tries again: what
// WithRetryAfter said, otherwise one second for ErrThrottled and
// ErrUnavailable, and zero for errors that trying again does not cure.
func RetryAfter(err error) time.Duration {
	if !errors.Is(err, ErrThrottled) && !errors.Is(err, ErrUnavailable) {
		return 0
	}
	if e, ok := errors.AsType[*retryError](err); ok && e.after > 0 {
		return e.after
	}
	return defaultRetryAfter
}

// classes are the errors that a provider's error wraps one of.
var classes = []error{ErrKeyNotFound, ErrKeyDisabled, ErrKeyState, ErrAccessDenied, ErrCiphertext, ErrThrottled, ErrUnavailable}

// classify returns a provider's error as one that wraps an error of this
// package. A caller that has gone gets its context's error; everything else
// that a provider says in words of its own means that the service does not work.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, class := range classes {
		if errors.Is(err, class) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
