package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
)

// vault is a store with objects under KMS keys.
type vault struct {
	*fake
	*kmstest.Memory
	service *kms.Service
	a, b    *localkeys.Keyring
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{fake: newFake(), Memory: kmstest.NewMemory("one", "two")}
	v.a, v.b = masters(t)
	var err error
	if v.service, err = kms.New(kms.Options{Provider: v.Memory}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.service.Close)
	return v
}

// add stores n objects under a KMS key, of which each has a key-encryption key
// of its own unless they share one.
func (v *vault) add(t *testing.T, key, prefix string, n int, shared, dsse bool) {
	t.Helper()
	var kek encryptor.Key
	var wrapped []byte
	for i := range n {
		if !shared || i == 0 {
			kek = encryptor.NewKey()
			w, err := v.Memory.Wrap(t.Context(), key, kek, nil)
			if err != nil {
				t.Fatal(err)
			}
			wrapped = w.Ciphertext
		}
		at := name(fmt.Sprintf("%s%03d", prefix, i))
		env, keks := metadata.NewSSEKMS(key, wrapped, int64(len(at.Key))), metadata.KEKs{Data: kek}
		if dsse {
			env = metadata.NewDSSEKMS(key, wrapped, "a", int64(len(at.Key)))
			var err error
			if keks.Outer, err = v.a.OuterKEK("a", env.Salt); err != nil {
				t.Fatal(err)
			}
		}
		h, body := seal(t, env, keks, at, at.Key)
		v.put(at, h, body)
	}
}

// TestRewrapKMS moves objects to the latest versions of their keys with one
// request for many of them, and without unwrapping any of SSE-KMS.
func TestRewrapKMS(t *testing.T) {
	v := newVault(t)
	v.add(t, "one", "own", 20, false, false)
	v.add(t, "one", "shared", 20, true, false)
	v.add(t, "two", "two", 20, false, false)
	before := v.Calls("Unwrap")
	v.Rotate("one")
	r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: v.fake, Keys: v.b, KMS: v.service, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	want := []rotation.RootCount{
		{Root: rotation.Root{Mode: metadata.SSEKMS, Key: "one", Version: 1}, Count: rotation.Count{Moved: 40}},
		{Root: rotation.Root{Mode: metadata.SSEKMS, Key: "two", Version: 1}, Count: rotation.Count{Current: 20}},
	}
	if diff := cmp.Diff(want, r.Roots); diff != "" {
		t.Error(diff)
	}
	if n := v.Calls("Rewrap"); n != 1 {
		t.Errorf("%d requests to wrap keys again", n)
	}
	if n := v.Calls("Describe"); n != 2 {
		t.Errorf("%d requests about keys", n)
	}
	if n := v.Calls("Unwrap") - before; n != 0 {
		t.Errorf("%d keys were unwrapped", n)
	}
	v.SetMinDecryptionVersion("one", 2)
	for _, key := range []string{"own000", "own019", "shared000", "shared019", "two000"} {
		if got, _, _ := plain(t, v.fake, v.b, v.Memory, key); got != key {
			t.Errorf("%s is %q", key, got)
		}
	}
}

// TestRewrapDSSE moves the second layer, the first, and both.
func TestRewrapDSSE(t *testing.T) {
	for _, tt := range []struct {
		name          string
		rotate, local bool
	}{{"neither", false, false}, {"first", true, false}, {"second", false, true}, {"both", true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVault(t)
			v.add(t, "one", "k", 3, false, true)
			keys := v.a
			if tt.local {
				keys = v.b
			}
			if tt.rotate {
				v.Rotate("one")
			}
			r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: v.fake, Keys: keys, KMS: v.service, Logger: quiet})
			want := rotation.Count{Current: 3}
			if tt.rotate || tt.local {
				want = rotation.Count{Moved: 3}
			}
			if err != nil || r.Total != want {
				t.Fatalf("%+v, %v", r, err)
			}
			got, env, _ := plain(t, v.fake, keys, v.Memory, "k000")
			if version, _ := v.WrappedVersion(env.WrappedKEK); got != "k000" || env.OuterKeyID != keys.Active() || (version == 2) != tt.rotate {
				t.Errorf("%q under version %d and %s", got, version, env.OuterKeyID)
			}
		})
	}
}

var (
	away      = kms.WithRetryAfter(kms.ErrUnavailable, time.Nanosecond)
	throttled = kms.WithRetryAfter(kms.ErrThrottled, time.Nanosecond)
)

// TestServiceAway has a service that does not work for a moment, of which
// nothing is seen, or from some moment on, which ends the job and fails no object.
func TestServiceAway(t *testing.T) {
	for _, tt := range []struct {
		method string
		run    func(*testing.T, *vault, rotation.Options) (*rotation.Report, error)
	}{
		{"Describe", func(t *testing.T, v *vault, o rotation.Options) (*rotation.Report, error) {
			v.add(t, "one", "k", 20, false, false)
			v.Rotate("one")
			return rotation.Rewrap(t.Context(), o)
		}},
		{"Rewrap", func(t *testing.T, v *vault, o rotation.Options) (*rotation.Report, error) {
			v.add(t, "one", "k", 20, false, false)
			v.Rotate("one")
			return rotation.Rewrap(t.Context(), o)
		}},
		{"Unwrap", func(t *testing.T, v *vault, o rotation.Options) (*rotation.Report, error) {
			v.add(t, "one", "k", 20, false, true)
			return rotation.Rewrap(t.Context(), o)
		}},
		{"Wrap", func(t *testing.T, v *vault, o rotation.Options) (*rotation.Report, error) {
			for i := range 20 {
				v.put(name(fmt.Sprint("k", i)), nil, []byte("x"))
			}
			return rotation.Migrate(t.Context(), rotation.MigrateOptions{Options: o, Target: func(string) (rotation.Target, error) {
				return rotation.Target{Mode: metadata.SSEKMS, KMSKey: "one"}, nil
			}})
		}},
	} {
		for _, fail := range []error{away, throttled} {
			for _, forever := range []bool{false, true} {
				t.Run(fmt.Sprint(tt.method, " ", fail, " ", forever), func(t *testing.T) {
					v := newVault(t)
					var begun, failed atomic.Bool
					v.Before = func(_ context.Context, method, _ string) error {
						if method == tt.method && begun.Load() && (forever || !failed.Swap(true)) {
							return fail
						}
						return nil
					}
					v.fake.before = func(string, rotation.Name) error { begun.Store(true); return nil }
					o := rotation.Options{
						Store: v.fake, StoreName: "s", Keys: v.b, KMS: v.service, Logger: quiet, State: filepath.Join(t.TempDir(), "state"),
					}
					r, err := tt.run(t, v, o)
					if !forever {
						if err != nil || r.Total != (rotation.Count{Moved: 20}) {
							t.Errorf("%+v, %v", r, err)
						}
						return
					}
					if !errors.Is(err, fail) || r.Total.Failed != 0 {
						t.Errorf("%+v, %v", r, err)
					}
					if _, err := os.Stat(o.State); err != nil {
						t.Errorf("the state: %v", err)
					}
				})
			}
		}
	}
}

// TestRewrapResumesAfterRotation stops a job, and rotates a key once more before
// it goes on: objects that it is done with are not under the latest version.
func TestRewrapResumesAfterRotation(t *testing.T) {
	v := newVault(t)
	v.add(t, "one", "k", 300, true, false)
	v.Rotate("one")
	broken := errors.New("the network is down")
	v.fake.before = func(op string, n rotation.Name) error {
		if op == "List" && n.Key == "k280" {
			return broken
		}
		return nil
	}
	o := rotation.Options{
		Store: v.fake, StoreName: "s", Keys: v.b, KMS: v.service, Logger: quiet, State: filepath.Join(t.TempDir(), "state"),
	}
	for range 2 { // with the same version it goes on
		if _, err := rotation.Rewrap(t.Context(), o); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	v.fake.before = func(string, rotation.Name) error { return nil }
	v.Rotate("one")
	if _, err := rotation.Rewrap(t.Context(), o); err == nil || !strings.Contains(err.Error(), "begin anew") {
		t.Fatal(err)
	}
	if err := os.Remove(o.State); err != nil {
		t.Fatal(err)
	}
	if r, err := rotation.Rewrap(t.Context(), o); err != nil || r.Total.Moved != 300 {
		t.Fatalf("%+v, %v", r, err)
	}
	v.SetMinDecryptionVersion("one", 3)
	for _, key := range []string{"k000", "k299"} {
		if got, _, _ := plain(t, v.fake, v.b, v.Memory, key); got != key {
			t.Errorf("%s is %q", key, got)
		}
	}
}

// TestRewrapKMSFails has keys that cannot be used, and a service that does not
// work.
func TestRewrapKMSFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fail  func(*vault)
		want  rotation.Count
		stops error
	}{
		{"one key is denied", func(v *vault) {
			v.Before = func(_ context.Context, method, key string) error {
				if method == "Rewrap" && key == "one" {
					return kms.ErrAccessDenied
				}
				return nil
			}
		}, rotation.Count{Moved: 3, Failed: 3}, nil},
		{"nothing is told of keys", func(v *vault) {
			v.Before = func(_ context.Context, method, _ string) error {
				if method == "Describe" {
					return kms.ErrAccessDenied
				}
				return nil
			}
		}, rotation.Count{Failed: 6}, nil},
		{"a key is disabled", func(v *vault) { v.SetState("two", kms.ErrKeyDisabled) }, rotation.Count{Moved: 3, Failed: 3}, nil},
		{"the service is away", func(v *vault) {
			v.Before = func(_ context.Context, method, _ string) error {
				if method == "Rewrap" {
					return away
				}
				return nil
			}
		}, rotation.Count{}, kms.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVault(t)
			v.add(t, "one", "a", 3, false, false)
			v.add(t, "two", "b", 3, false, false)
			v.Rotate("one")
			v.Rotate("two")
			tt.fail(v)
			r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: v.fake, Keys: v.b, KMS: v.service, Logger: quiet})
			if !errors.Is(err, tt.stops) || r.Total != tt.want {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	v := newVault(t)
	v.add(t, "one", "a", 3, false, false)
	r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: v.fake, Keys: v.b, Logger: quiet})
	if err != nil || r.Total.Remaining != 3 {
		t.Errorf("without a service: %+v, %v", r, err)
	}
}
