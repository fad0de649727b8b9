package kms

import (
	"context"
	"fmt"
)

// Rewrap wraps KEKs again under the latest version of the named key, as
// Provider.Rewrap does. Nothing is remembered, and the call is not bounded by
// Options.Timeout: a provider may need several requests for many items.
func (s *Service) Rewrap(ctx context.Context, u Use, key string, items []Item) ([]Rewrapped, error) {
	out, err := s.rewrap(ctx, key, items)
	e := Event{Use: u, Key: key, Action: ActionRewrap, Items: len(items)}
	if err != nil {
		err = fmt.Errorf("kms: rewrap under key %q: %w", key, err)
		out, e.Failed = nil, len(items)
	}
	for i, r := range out {
		if r.Err != nil {
			e.Failed++
			out[i] = Rewrapped{Err: fmt.Errorf("kms: rewrap under key %q: %w", key, classify(ctx, r.Err))}
		} else {
			e.Version = r.Version
		}
	}
	e.Err = err
	s.audit(e)
	return out, err
}

func (s *Service) rewrap(ctx context.Context, key string, items []Item) ([]Rewrapped, error) {
	if err := s.closed(); err != nil {
		return nil, err
	}
	out, err := s.opts.Provider.Rewrap(ctx, key, items)
	if err != nil {
		return nil, classify(ctx, err)
	}
	if len(out) != len(items) {
		return nil, fmt.Errorf("%w: %d results for %d items", ErrUnavailable, len(out), len(items))
	}
	for i, r := range out {
		if n := len(r.Wrapped); r.Err == nil && (n == 0 || n > MaxWrapped) {
			out[i] = Rewrapped{Err: fmt.Errorf("%w: a wrapped key of %d bytes, at most %d can be stored", ErrKeyState, n, MaxWrapped)}
		}
	}
	return out, nil
}

// Describe returns the state of the named key, as Provider.Describe does.
func (s *Service) Describe(ctx context.Context, u Use, key string) (KeyInfo, error) {
	info, err := s.describe(ctx, key)
	if err != nil {
		err = fmt.Errorf("kms: describe key %q: %w", key, err)
	}
	s.audit(Event{Use: u, Key: key, Version: info.LatestVersion, Action: ActionDescribe, Err: err})
	return info, err
}

func (s *Service) describe(ctx context.Context, key string) (KeyInfo, error) {
	if err := s.closed(); err != nil {
		return KeyInfo{}, err
	}
	callCtx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	info, err := s.opts.Provider.Describe(callCtx, key)
	if err != nil {
		return KeyInfo{}, classify(ctx, err)
	}
	return info, nil
}
