package kms_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want time.Duration
	}{
		{nil, 0},
		{io.EOF, 0},
		{kms.ErrKeyDisabled, 0},
		{kms.WithRetryAfter(kms.ErrKeyDisabled, time.Minute), 0},
		{kms.ErrThrottled, time.Second},
		{fmt.Errorf("x: %w", kms.ErrUnavailable), time.Second},
		{kms.WithRetryAfter(kms.ErrUnavailable, 0), time.Second},
		{fmt.Errorf("x: %w", kms.WithRetryAfter(fmt.Errorf("y: %w", kms.ErrThrottled), time.Minute)), time.Minute},
	} {
		if got := kms.RetryAfter(tt.err); got != tt.want {
			t.Errorf("RetryAfter(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// Errors that a provider does not classify mean that it does not work, whatever
// they look like.
func TestUnknownErrors(t *testing.T) {
	f := newFixture(t, nil)
	kek := f.generate(t, false)
	for _, cause := range []error{io.EOF, context.Canceled, context.DeadlineExceeded} {
		f.memory.Before = func(context.Context, string, string) error { return cause }
		for name, call := range map[string]func() error{
			"Generate":  func() error { _, err := f.Generate(t.Context(), kms.Use{}, "key", nil, false); return err },
			"BucketKey": func() error { _, err := f.Generate(t.Context(), kms.Use{}, "key", nil, true); return err },
			"Unwrap":    func() error { _, err := f.Unwrap(t.Context(), kms.Use{}, "key", kek.Wrapped, nil); return err },
			"Rewrap":    func() error { _, err := f.Rewrap(t.Context(), kms.Use{}, "key", nil); return err },
			"Describe":  func() error { _, err := f.Describe(t.Context(), kms.Use{}, "key"); return err },
		} {
			if err := call(); !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, cause) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// careless is a provider that does not do what it promises.
type careless struct {
	kms.Provider
	wrapped   []byte
	rewrapped []kms.Rewrapped
}

func (c careless) Wrap(context.Context, string, encryptor.Key, []byte) (kms.Wrapped, error) {
	return kms.Wrapped{Ciphertext: c.wrapped}, nil
}

func (careless) Unwrap(context.Context, string, []byte, []byte) (encryptor.Key, kms.Call, error) {
	return encryptor.Key{}, kms.Call{}, nil
}

func (c careless) Rewrap(context.Context, string, []kms.Item) ([]kms.Rewrapped, error) {
	return c.rewrapped, nil
}

func TestCarelessProvider(t *testing.T) {
	p := new(careless)
	s, err := kms.New(kms.Options{Provider: p})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, size := range []int{0, kms.MaxWrapped + 1} {
		p.wrapped = make([]byte, size)
		for _, bucketKey := range []bool{true, false} {
			if kek, err := s.Generate(t.Context(), kms.Use{}, "key", nil, bucketKey); !errors.Is(err, kms.ErrKeyState) || !kek.Key.IsZero() {
				t.Errorf("a wrapped key of %d bytes: %v", size, err)
			}
		}
		p.rewrapped = []kms.Rewrapped{{Wrapped: p.wrapped}}
		if out, err := s.Rewrap(t.Context(), kms.Use{}, "key", make([]kms.Item, 1)); err != nil || !errors.Is(out[0].Err, kms.ErrKeyState) {
			t.Errorf("wrapped again to %d bytes: %v", size, err)
		}
		for _, wrapped := range [][]byte{p.wrapped, []byte("x")} { // the latter unwraps to zeros
			if _, err := s.Unwrap(t.Context(), kms.Use{}, "key", wrapped, nil); !errors.Is(err, kms.ErrCiphertext) {
				t.Errorf("unwrap %d bytes: %v", len(wrapped), err)
			}
		}
	}
	if _, err := s.Rewrap(t.Context(), kms.Use{}, "key", make([]kms.Item, 2)); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("a result too few: %v", err)
	}
}
