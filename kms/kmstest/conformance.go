package kmstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// Fixture is a provider under test and the keys it has. Tests that need a field
// that is not set are skipped; only Provider, Key, Other and Missing are required.
type Fixture struct {
	Provider kms.Provider

	Key     string // a key that works
	Other   string // another one
	Missing string // the name of no key, which is allowed by the syntax of names

	// Bound is a key that authenticates the encryption context.
	Bound string

	// Denied is a key that the provider's own credentials may not use.
	Denied string

	// Rotate makes a new version of the key and the provider use it.
	Rotate func(t *testing.T, key string)

	// Retire makes versions of the key before the given one unusable.
	Retire func(t *testing.T, key string, before int)

	// Unavailable makes the service unreachable until the function that it
	// returns is called.
	Unavailable func(t *testing.T) (restore func())
}

// Conformance checks that a provider does what kms.Provider promises. makeFixture
// returns a fixture in its first state; it is called once for every test.
func Conformance(t *testing.T, makeFixture func(t *testing.T) Fixture) {
	t.Helper()
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"RoundTrip", testRoundTrip},
		{"KeysAreSeparate", testKeysAreSeparate},
		{"Contexts", testContexts},
		{"Bound", testBound},
		{"BadCiphertext", testBadCiphertext},
		{"MissingKey", testMissingKey},
		{"BadNames", testBadNames},
		{"DeniedKey", testDeniedKey},
		{"Rewrap", testRewrap},
		{"RewrapErrors", testRewrapErrors},
		{"Rotation", testRotation},
		{"Retired", testRetired},
		{"Describe", testDescribe},
		{"Concurrent", testConcurrent},
		{"Cancelled", testCancelled},
		{"Unavailable", testUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, makeFixture(t)) })
	}
}

// contexts are encryption contexts: none, small, and as large as may be.
func contexts() [][]byte {
	return [][]byte{nil, []byte(`{"a":"1"}`), []byte(`{"é":"` + string(bytes.Repeat([]byte("x"), 700)) + `"}`)}
}

// wrap wraps a new key and fails the test if that does not work.
func wrap(t *testing.T, f Fixture, key string, encContext []byte) (encryptor.Key, kms.Wrapped) {
	t.Helper()
	kek := encryptor.NewKey()
	w, err := f.Provider.Wrap(t.Context(), key, kek, encContext)
	if err != nil {
		t.Fatalf("Wrap: %v", err)
	}
	if n := len(w.Ciphertext); n == 0 || n > kms.MaxWrapped {
		t.Fatalf("the wrapped key has %d bytes", n)
	}
	if bytes.Contains(w.Ciphertext, kek[:8]) {
		t.Fatal("the wrapped key shows the key")
	}
	return kek, w
}

// opens checks that w unwraps to kek.
func opens(t *testing.T, f Fixture, key string, kek encryptor.Key, wrapped, encContext []byte) {
	t.Helper()
	got, _, err := f.Provider.Unwrap(t.Context(), key, wrapped, encContext)
	if err != nil || !got.Equal(kek) {
		t.Errorf("Unwrap: the right key: %v, %v", got.Equal(kek), err)
	}
}

// refused checks that w does not unwrap and that the error is class.
func refused(t *testing.T, f Fixture, key string, wrapped, encContext []byte, class error) {
	t.Helper()
	got, _, err := f.Provider.Unwrap(t.Context(), key, wrapped, encContext)
	if !errors.Is(err, class) || !got.IsZero() {
		t.Errorf("Unwrap with key %.80q: %v, want %v", key, err, class)
	}
}

func testRoundTrip(t *testing.T, f Fixture) {
	for _, encContext := range contexts() {
		kek, w := wrap(t, f, f.Key, encContext)
		opens(t, f, f.Key, kek, w.Ciphertext, encContext)
		_, again := wrap(t, f, f.Key, encContext)
		if bytes.Equal(again.Ciphertext, w.Ciphertext) {
			t.Error("two keys are wrapped alike")
		}
		_, call, err := f.Provider.Unwrap(t.Context(), f.Key, w.Ciphertext, encContext)
		if err != nil || call.Version != w.Version {
			t.Errorf("wrapped under version %d, unwrapped with version %d, %v", w.Version, call.Version, err)
		}
		if (call.RequestID == "") != (w.RequestID == "") || call.RequestID != "" && call.RequestID == w.RequestID {
			t.Errorf("request ids %q and %q", w.RequestID, call.RequestID)
		}
	}
}

func testKeysAreSeparate(t *testing.T, f Fixture) {
	_, w := wrap(t, f, f.Key, nil)
	refused(t, f, f.Other, w.Ciphertext, nil, kms.ErrCiphertext)
}

// Keys that do not authenticate the context take any; with the right one
// everything opens.
func testContexts(t *testing.T, f Fixture) {
	for _, key := range []string{f.Key, f.Other} {
		for _, encContext := range contexts() {
			kek, w := wrap(t, f, key, encContext)
			opens(t, f, key, kek, w.Ciphertext, encContext)
		}
	}
}

func testBound(t *testing.T, f Fixture) {
	if f.Bound == "" {
		t.Skip("no key authenticates the context")
	}
	for i, right := range contexts() {
		kek, w := wrap(t, f, f.Bound, right)
		opens(t, f, f.Bound, kek, w.Ciphertext, right)
		for j, wrong := range contexts() {
			if i != j {
				refused(t, f, f.Bound, w.Ciphertext, wrong, kms.ErrCiphertext)
			}
		}
	}
}

func testBadCiphertext(t *testing.T, f Fixture) {
	kek, w := wrap(t, f, f.Key, nil)
	good := w.Ciphertext
	bad := map[string][]byte{
		"nothing": nil, "empty": {}, "a byte": good[:1], "half": good[:len(good)/2], "all but one": good[:len(good)-1],
		"zeros": make([]byte, len(good)), "text": []byte("vault:v1:AAAA"), "huge": bytes.Repeat([]byte("A"), 1<<16),
	}
	for name, b := range bad {
		t.Run(name, func(t *testing.T) { refused(t, f, f.Key, b, nil, kms.ErrCiphertext) })
	}
	// The last byte may be padding of an encoding, or bits that belong to no byte.
	for _, at := range []int{0, len(good) / 4, len(good) / 2, len(good) - 4} {
		b := bytes.Clone(good)
		b[at] ^= 1
		if got, _, err := f.Provider.Unwrap(t.Context(), f.Key, b, nil); !errors.Is(err, kms.ErrCiphertext) {
			t.Errorf("with byte %d altered: %v, and it is the key: %v", at, err, got.Equal(kek))
		}
	}
}

func testMissingKey(t *testing.T, f Fixture) {
	_, w := wrap(t, f, f.Key, nil)
	for range 2 { // using the name must not make the key
		if _, err := f.Provider.Wrap(t.Context(), f.Missing, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("Wrap: %v", err)
		}
		refused(t, f, f.Missing, w.Ciphertext, nil, kms.ErrKeyNotFound)
	}
}

func testBadNames(t *testing.T, f Fixture) {
	_, w := wrap(t, f, f.Key, nil)
	for _, name := range []string{
		"", ".", "..", "../" + f.Key, f.Key + "/../" + f.Key, f.Key + "/", "/" + f.Key, f.Key + "?x=y", f.Key + "#", f.Key + "%2f",
		f.Key + " ", f.Key + "\n", f.Key + "\x00", "ключ", string(bytes.Repeat([]byte("k"), 1<<12)),
	} {
		if _, err := f.Provider.Wrap(t.Context(), name, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("Wrap with %.80q: %v", name, err)
		}
		refused(t, f, name, w.Ciphertext, nil, kms.ErrKeyNotFound)
	}
}

func testDeniedKey(t *testing.T, f Fixture) {
	if f.Denied == "" {
		t.Skip("no key is denied")
	}
	_, w := wrap(t, f, f.Key, nil)
	if _, err := f.Provider.Wrap(t.Context(), f.Denied, encryptor.NewKey(), nil); !errors.Is(err, kms.ErrAccessDenied) {
		t.Errorf("Wrap: %v", err)
	}
	refused(t, f, f.Denied, w.Ciphertext, nil, kms.ErrAccessDenied)
	kek, w := wrap(t, f, f.Key, nil) // a refusal has no consequences
	opens(t, f, f.Key, kek, w.Ciphertext, nil)
}

// More items than a provider is likely to send in one request.
func testRewrap(t *testing.T, f Fixture) {
	const distinct, copies = 3, 200
	var (
		keks  [distinct]encryptor.Key
		items [distinct]kms.Item
	)
	for i, encContext := range contexts()[:distinct] {
		kek, w := wrap(t, f, f.Key, encContext)
		keks[i], items[i] = kek, kms.Item{Wrapped: w.Ciphertext, Context: encContext}
	}
	all := slices.Repeat(items[:], copies)
	out, err := f.Provider.Rewrap(t.Context(), f.Key, all)
	if err != nil || len(out) != len(all) {
		t.Fatalf("%d results, %v", len(out), err)
	}
	for i, r := range out {
		if r.Err != nil {
			t.Fatalf("item %d: %v", i, r.Err)
		}
		if i < distinct || i >= len(out)-distinct { // one request each
			opens(t, f, f.Key, keks[i%distinct], r.Wrapped, all[i].Context)
		}
	}
	if out, err := f.Provider.Rewrap(t.Context(), f.Key, nil); err != nil || len(out) != 0 {
		t.Errorf("of nothing: %v, %v", out, err)
	}
}

func testRewrapErrors(t *testing.T, f Fixture) {
	kek, w := wrap(t, f, f.Key, nil)
	_, other := wrap(t, f, f.Other, nil)
	bad := bytes.Clone(w.Ciphertext)
	bad[len(bad)/2] ^= 1
	out, err := f.Provider.Rewrap(t.Context(), f.Key, []kms.Item{{Wrapped: bad}, {Wrapped: w.Ciphertext}, {}, {Wrapped: other.Ciphertext}})
	if err != nil || len(out) != 4 {
		t.Fatalf("%d results, %v", len(out), err)
	}
	for i, r := range out {
		if i == 1 {
			if r.Err != nil {
				t.Fatalf("the good item: %v", r.Err)
			}
			opens(t, f, f.Key, kek, r.Wrapped, nil)
		} else if !errors.Is(r.Err, kms.ErrCiphertext) || r.Wrapped != nil {
			t.Errorf("item %d: %v", i, r.Err)
		}
	}
	if _, err := f.Provider.Rewrap(t.Context(), f.Missing, []kms.Item{{Wrapped: w.Ciphertext}}); !errors.Is(err, kms.ErrKeyNotFound) {
		t.Errorf("missing key: %v", err)
	}
}

func testRotation(t *testing.T, f Fixture) {
	if f.Rotate == nil {
		t.Skip("keys cannot be rotated")
	}
	kek, w := wrap(t, f, f.Key, nil)
	f.Rotate(t, f.Key)
	opens(t, f, f.Key, kek, w.Ciphertext, nil)
	if _, next := wrap(t, f, f.Key, nil); next.Version != w.Version+1 {
		t.Errorf("version %d, then %d", w.Version, next.Version)
	}
	out, err := f.Provider.Rewrap(t.Context(), f.Key, []kms.Item{{Wrapped: w.Ciphertext}})
	if err != nil || len(out) != 1 || out[0].Err != nil {
		t.Fatalf("Rewrap: %+v, %v", out, err)
	}
	if out[0].Version != w.Version+1 || bytes.Equal(out[0].Wrapped, w.Ciphertext) {
		t.Errorf("wrapped again under version %d", out[0].Version)
	}
	opens(t, f, f.Key, kek, out[0].Wrapped, nil)
	v, ok := f.Provider.(kms.Versioner)
	if !ok {
		return
	}
	for wrapped, want := range map[string]int{string(w.Ciphertext): w.Version, string(out[0].Wrapped): out[0].Version, "": 0, "x": 0} {
		if got, ok := v.WrappedVersion([]byte(wrapped)); got != want || ok != (want > 0) {
			t.Errorf("WrappedVersion: %d, %v, want %d", got, ok, want)
		}
	}
}

func testRetired(t *testing.T, f Fixture) {
	if f.Rotate == nil || f.Retire == nil {
		t.Skip("versions cannot be retired")
	}
	kek, w := wrap(t, f, f.Key, nil)
	f.Rotate(t, f.Key)
	out, err := f.Provider.Rewrap(t.Context(), f.Key, []kms.Item{{Wrapped: w.Ciphertext}})
	if err != nil || len(out) != 1 || out[0].Err != nil {
		t.Fatalf("Rewrap: %+v, %v", out, err)
	}
	f.Retire(t, f.Key, w.Version+1)
	refused(t, f, f.Key, w.Ciphertext, nil, kms.ErrKeyState)
	opens(t, f, f.Key, kek, out[0].Wrapped, nil)
	out, err = f.Provider.Rewrap(t.Context(), f.Key, []kms.Item{{Wrapped: w.Ciphertext}})
	if err != nil || len(out) != 1 || !errors.Is(out[0].Err, kms.ErrKeyState) {
		t.Errorf("Rewrap: %+v, %v", out, err)
	}
}

func testDescribe(t *testing.T, f Fixture) {
	info, err := f.Provider.Describe(t.Context(), f.Key)
	if errors.Is(err, kms.ErrAccessDenied) {
		t.Skip("the provider may not describe keys")
	}
	_, w := wrap(t, f, f.Key, nil)
	if err != nil || info.LatestVersion != w.Version || info.Deleted {
		t.Errorf("%+v, %v; keys are wrapped under version %d", info, err, w.Version)
	}
	if f.Bound != "" {
		if info, err = f.Provider.Describe(t.Context(), f.Bound); err != nil || !info.Derived {
			t.Errorf("%+v, %v", info, err)
		}
	}
	for _, name := range []string{f.Missing, "../" + f.Key} {
		if _, err := f.Provider.Describe(t.Context(), name); !errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("Describe of %q: %v", name, err)
		}
	}
}

func testConcurrent(t *testing.T, f Fixture) {
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			encContext := fmt.Appendf(nil, `{"i":"%d"}`, i)
			kek := encryptor.NewKey()
			w, err := f.Provider.Wrap(t.Context(), f.Key, kek, encContext)
			if err != nil {
				t.Errorf("Wrap: %v", err)
				return
			}
			opens(t, f, f.Key, kek, w.Ciphertext, encContext)
		})
	}
	wg.Wait()
}

func testCancelled(t *testing.T, f Fixture) {
	kek, w := wrap(t, f, f.Key, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Provider.Wrap(ctx, f.Key, kek, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Wrap: %v", err)
	}
	if _, _, err := f.Provider.Unwrap(ctx, f.Key, w.Ciphertext, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Unwrap: %v", err)
	}
	opens(t, f, f.Key, kek, w.Ciphertext, nil)
}

func testUnavailable(t *testing.T, f Fixture) {
	if f.Unavailable == nil {
		t.Skip("the service is always available")
	}
	kek, w := wrap(t, f, f.Key, nil)
	restore := f.Unavailable(t)
	_, err := f.Provider.Wrap(t.Context(), f.Key, kek, nil)
	if !errors.Is(err, kms.ErrUnavailable) || kms.RetryAfter(err) <= 0 {
		t.Errorf("Wrap: %v", err)
	}
	refused(t, f, f.Key, w.Ciphertext, nil, kms.ErrUnavailable)
	if _, err := f.Provider.Rewrap(t.Context(), f.Key, []kms.Item{{Wrapped: w.Ciphertext}}); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Rewrap: %v", err)
	}
	if _, err := f.Provider.Describe(t.Context(), f.Key); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Describe: %v", err)
	}
	restore()
	opens(t, f, f.Key, kek, w.Ciphertext, nil)
}
