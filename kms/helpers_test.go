package kms_test

import (
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
)

// fixture is a service before a provider in memory with the keys "key" and
// "other", a clock that stands still, and a record of events.
type fixture struct {
	*kms.Service
	memory *kmstest.Memory

	mu     sync.Mutex
	now    time.Time
	events []kms.Event
}

func newFixture(t *testing.T, set func(*kms.Options)) *fixture {
	t.Helper()
	f := &fixture{memory: kmstest.NewMemory("key", "other"), now: time.Unix(1e9, 0)}
	opts := kms.Options{Provider: f.memory, Now: f.time, Audit: f.record}
	if set != nil {
		set(&opts)
	}
	s, err := kms.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	f.Service = s
	return f
}

func (f *fixture) time() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func (f *fixture) record(e kms.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

// takeEvents returns the events since the last time.
func (f *fixture) takeEvents() []kms.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

// generate returns a KEK for an object of bucket b.
func (f *fixture) generate(t *testing.T, bucketKey bool) kms.KEK {
	t.Helper()
	kek, err := f.Generate(t.Context(), kms.Use{Bucket: "b"}, "key", nil, bucketKey)
	if err != nil {
		t.Error(err)
	}
	return kek
}

// unwraps checks that the service unwraps what it generated.
func (f *fixture) unwraps(t *testing.T, kek kms.KEK) {
	t.Helper()
	got, err := f.Unwrap(t.Context(), kms.Use{Bucket: "b"}, "key", kek.Wrapped, nil)
	if err != nil || !got.Equal(kek.Key) {
		t.Errorf("Unwrap: the right key: %v, %v", got.Equal(kek.Key), err)
	}
}

// called checks how often the provider has been called.
func (f *fixture) called(t *testing.T, wraps, unwraps int) {
	t.Helper()
	if w, u := f.memory.Calls("Wrap"), f.memory.Calls("Unwrap"); w != wraps || u != unwraps {
		t.Errorf("%d calls of Wrap and %d of Unwrap, want %d and %d", w, u, wraps, unwraps)
	}
}
