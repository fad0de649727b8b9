package kms_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

func TestCallsWithBucketKeys(t *testing.T) {
	f := newFixture(t, nil)
	keks := make([]kms.KEK, 1000)
	for i := range keks {
		keks[i] = f.generate(t, true)
	}
	for _, kek := range keks {
		f.unwraps(t, kek)
	}
	f.called(t, 1, 0)
}

func TestCallsWithoutBucketKeys(t *testing.T) {
	f := newFixture(t, nil)
	keks := make([]kms.KEK, 100)
	seen := make(map[encryptor.Key]bool)
	for i := range keks {
		keks[i] = f.generate(t, false)
		seen[keks[i].Key] = true
	}
	if len(seen) != len(keks) {
		t.Errorf("%d keys for %d objects", len(seen), len(keks))
	}
	for range 2 {
		for _, kek := range keks {
			f.unwraps(t, kek)
		}
	}
	f.called(t, len(keks), len(keks))
}

func TestBucketKeyIsForOneBucketKeyAndContext(t *testing.T) {
	f := newFixture(t, nil)
	seen := make(map[encryptor.Key]bool)
	for range 3 {
		for _, bucket := range []string{"b", "bk", ""} {
			for _, key := range []string{"key", "other"} {
				for _, encContext := range []string{"", `{"a":"1"}`, `{"a":"2"}`} {
					kek, err := f.Generate(t.Context(), kms.Use{Bucket: bucket}, key, []byte(encContext), true)
					if err != nil {
						t.Fatal(err)
					}
					seen[kek.Key] = true
				}
			}
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d bucket keys, want 18", len(seen))
	}
	f.called(t, 18, 0)
}

func TestBucketKeyEnds(t *testing.T) {
	const uses = 5
	f := newFixture(t, func(o *kms.Options) { o.BucketKeyUses, o.BucketKeyTTL = uses, time.Minute })
	count := make(map[encryptor.Key]int)
	for range 3 * uses {
		count[f.generate(t, true).Key]++
	}
	for _, n := range count {
		if n != uses {
			t.Errorf("a bucket key served %d objects, want %d", n, uses)
		}
	}
	f.called(t, 3, 0)

	first := f.generate(t, true)
	f.advance(time.Minute - 1)
	if !f.generate(t, true).Key.Equal(first.Key) {
		t.Error("another key before the time is over")
	}
	f.advance(1)
	if f.generate(t, true).Key.Equal(first.Key) {
		t.Error("the same key after the time is over")
	}
}

// However many come at the same time, none exceeds the count.
func TestBucketKeyUsesConcurrently(t *testing.T) {
	const uses, callers = 7, 100
	f := newFixture(t, func(o *kms.Options) { o.BucketKeyUses = uses })
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		count = make(map[encryptor.Key]int)
	)
	for range callers {
		wg.Go(func() {
			kek, err := f.Generate(t.Context(), kms.Use{Bucket: "b"}, "key", nil, true)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[kek.Key]++
		})
	}
	wg.Wait()
	for _, n := range count {
		if n > uses {
			t.Errorf("a bucket key served %d objects, at most %d allowed", n, uses)
		}
	}
}

func TestCacheEnds(t *testing.T) {
	f := newFixture(t, func(o *kms.Options) { o.CacheTTL, o.BucketKeyTTL = time.Minute, time.Hour })
	for _, bucketKey := range []bool{true, false} {
		t.Run(fmt.Sprintf("bucketKey=%v", bucketKey), func(t *testing.T) {
			kek := f.generate(t, bucketKey)
			f.unwraps(t, kek)
			calls := f.memory.Calls("Unwrap")
			f.memory.SetState("key", kms.ErrKeyDisabled)
			defer f.memory.SetState("key", nil)
			for range 3 { // uses do not prolong it
				f.advance(time.Minute/3 - 1)
				f.unwraps(t, kek)
			}
			f.advance(3)
			for range 2 { // errors are not remembered
				if _, err := f.Unwrap(t.Context(), kms.Use{}, "key", kek.Wrapped, nil); !errors.Is(err, kms.ErrKeyDisabled) {
					t.Errorf("after the time is over: %v", err)
				}
			}
			f.memory.SetState("key", nil)
			f.unwraps(t, kek)
			if n := f.memory.Calls("Unwrap") - calls; n != 3 {
				t.Errorf("%d calls, want 3", n)
			}
		})
	}
}

func TestCacheKnowsKeyAndContext(t *testing.T) {
	f := newFixture(t, nil)
	kek := f.generate(t, true)
	f.unwraps(t, kek)
	for _, tt := range []struct{ key, encContext string }{{"other", ""}, {"key", "{}"}} {
		if _, err := f.Unwrap(t.Context(), kms.Use{}, tt.key, kek.Wrapped, []byte(tt.encContext)); !errors.Is(err, kms.ErrCiphertext) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestWithoutCache(t *testing.T) {
	f := newFixture(t, func(o *kms.Options) { o.CacheTTL = -1 })
	kek := f.generate(t, true)
	f.unwraps(t, kek)
	f.unwraps(t, kek)
	f.called(t, 1, 2)
}

func TestClose(t *testing.T) {
	f := newFixture(t, nil)
	kek := f.generate(t, true)
	blocked := make(chan struct{})
	f.memory.Before = func(ctx context.Context, _, _ string) error {
		close(blocked)
		<-ctx.Done()
		return ctx.Err()
	}
	done := make(chan error)
	go func() {
		_, err := f.Unwrap(t.Context(), kms.Use{}, "other", kek.Wrapped, nil)
		done <- err
	}()
	<-blocked
	f.Close()
	if err := <-done; !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("a call under way: %v", err)
	}
	calls := f.memory.TotalCalls()
	_, err := f.Unwrap(t.Context(), kms.Use{}, "key", kek.Wrapped, nil)
	if !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Unwrap: %v", err)
	}
	for _, bucketKey := range []bool{true, false} {
		if _, err = f.Generate(t.Context(), kms.Use{}, "key", nil, bucketKey); !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("Generate: %v", err)
		}
	}
	if _, err = f.Rewrap(t.Context(), kms.Use{}, "key", nil); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Rewrap: %v", err)
	}
	if _, err = f.Describe(t.Context(), kms.Use{}, "key"); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Describe: %v", err)
	}
	if f.memory.TotalCalls() != calls {
		t.Error("the provider was called")
	}
	f.Close() // again
}

func TestOptions(t *testing.T) {
	for name, set := range map[string]func(*kms.Options){
		"no provider":         func(o *kms.Options) { o.Provider = nil },
		"negative size":       func(o *kms.Options) { o.CacheSize = -1 },
		"negative bucket TTL": func(o *kms.Options) { o.BucketKeyTTL = -1 },
		"negative timeout":    func(o *kms.Options) { o.Timeout = -1 },
		"negative uses":       func(o *kms.Options) { o.BucketKeyUses = -1 },
		"too many uses":       func(o *kms.Options) { o.BucketKeyUses = kms.MaxBucketKeyUses + 1 },
	} {
		opts := kms.Options{Provider: newFixture(t, nil).memory}
		set(&opts)
		if s, err := kms.New(opts); err == nil {
			s.Close()
			t.Errorf("%s is accepted", name)
		}
	}
	s, err := kms.New(kms.Options{Provider: newFixture(t, nil).memory, BucketKeyUses: kms.MaxBucketKeyUses})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestAudit(t *testing.T) {
	f := newFixture(t, nil)
	use := kms.Use{RequestID: "1", AccessKey: "AK", Operation: "PutObject", Bucket: "b", Object: "o"}
	check := func(want ...kms.Event) {
		t.Helper()
		for i := range want {
			want[i].Use, want[i].Time, want[i].Key = use, f.time(), "key"
		}
		if diff := cmp.Diff(want, f.takeEvents(), cmpopts.EquateErrors()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
	shared, err := f.Generate(t.Context(), use, "key", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	check(kms.Event{Action: kms.ActionGenerate, Version: 1, VaultRequestID: "memory-Wrap-1"})
	f.advance(time.Second)
	_, _ = f.Generate(t.Context(), use, "key", nil, true)
	_, _ = f.Unwrap(t.Context(), use, "key", shared.Wrapped, nil)
	check(
		kms.Event{Action: kms.ActionGenerate, Version: 1, CacheHit: true, VaultRequestID: "memory-Wrap-1"},
		kms.Event{Action: kms.ActionUnwrap, Version: 1, CacheHit: true, VaultRequestID: "memory-Wrap-1"},
	)
	own, err := f.Generate(t.Context(), use, "key", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	f.memory.Rotate("key")
	_, _ = f.Unwrap(t.Context(), use, "key", own.Wrapped, nil)
	_, _ = f.Unwrap(t.Context(), use, "key", []byte("bad"), nil)
	check(
		kms.Event{Action: kms.ActionGenerate, Version: 1, VaultRequestID: "memory-Wrap-2"},
		kms.Event{Action: kms.ActionUnwrap, Version: 1, VaultRequestID: "memory-Unwrap-1"},
		kms.Event{Action: kms.ActionUnwrap, Err: kms.ErrCiphertext},
	)
	out, err := f.Rewrap(t.Context(), use, "key", []kms.Item{{Wrapped: []byte("bad")}, {Wrapped: own.Wrapped}})
	if err != nil || !errors.Is(out[0].Err, kms.ErrCiphertext) || out[1].Version != 2 {
		t.Fatalf("Rewrap: %+v, %v", out, err)
	}
	if info, err := f.Describe(t.Context(), use, "key"); err != nil || info.LatestVersion != 2 {
		t.Errorf("Describe: %+v, %v", info, err)
	}
	check(
		kms.Event{Action: kms.ActionRewrap, Version: 2, Items: 2, Failed: 1},
		kms.Event{Action: kms.ActionDescribe, Version: 2},
	)
	f.memory.SetState("key", nil)
	f.memory.Before = func(context.Context, string, string) error { return kms.ErrThrottled }
	_, _ = f.Generate(t.Context(), use, "key", nil, false)
	_, _ = f.Rewrap(t.Context(), use, "key", []kms.Item{{Wrapped: own.Wrapped}})
	_, _ = f.Describe(t.Context(), use, "key")
	check(
		kms.Event{Action: kms.ActionGenerate, Err: kms.ErrThrottled},
		kms.Event{Action: kms.ActionRewrap, Items: 1, Failed: 1, Err: kms.ErrThrottled},
		kms.Event{Action: kms.ActionDescribe, Err: kms.ErrThrottled},
	)
}
