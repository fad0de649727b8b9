package gateway

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

func keyring(t *testing.T, active string, ids ...string) *localkeys.Keyring {
	t.Helper()
	keys := make([]localkeys.Key, len(ids))
	for i, id := range ids {
		keys[i] = localkeys.Key{ID: id, Key: testKeys(id)}
	}
	ring, err := localkeys.New(keys, active)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// testKeys returns the same key for the same id.
func testKeys(id string) (k encryptor.Key) {
	for i := range k {
		k[i] = byte(i*7) ^ id[i%len(id)]
	}
	return k
}

func TestRecord(t *testing.T) {
	ring := keyring(t, "new", "old", "new")
	for _, data := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("data"), 1000)} {
		sealed, err := sealRecord(ring, "a/name", data)
		if err != nil {
			t.Fatal(err)
		}
		got, id, err := openRecord(ring, "a/name", sealed)
		if err != nil || !bytes.Equal(got, data) || id != "new" {
			t.Errorf("%d bytes under key %q: %v", len(got), id, err)
		}
		again, err := sealRecord(ring, "a/name", data)
		if err != nil || bytes.Equal(sealed, again) {
			t.Errorf("sealed twice the same: %v", err)
		}
		if _, _, err := openRecord(ring, "another/name", sealed); !errors.Is(err, encryptor.ErrNotAuthentic) {
			t.Errorf("opened in another place: %v", err)
		}
		for i := range min(len(sealed), 200) {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, _, err := openRecord(ring, "a/name", bad); err == nil {
				t.Fatalf("byte %d altered: opened", i)
			}
			if _, _, err := openRecord(ring, "a/name", sealed[:i]); err == nil {
				t.Fatalf("cut at %d: opened", i)
			}
		}
	}
	sealed, err := sealRecord(keyring(t, "old", "old"), "n", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, id, err := openRecord(ring, "n", sealed); err != nil || id != "old" {
		t.Errorf("a record under a key that is no longer active: %q %v", id, err)
	}
	if _, _, err := openRecord(keyring(t, "new", "new"), "n", sealed); !errors.Is(err, localkeys.ErrKeyNotFound) {
		t.Errorf("a record under a key that is gone: %v", err)
	}
}

func FuzzOpenRecord(f *testing.F) {
	ring, err := localkeys.New([]localkeys.Key{{ID: "k", Key: testKeys("fuzz")}}, "k")
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := sealRecord(ring, "n", []byte("data"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil))
	f.Add([]byte(recordMagic))
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, b []byte) {
		if data, _, err := openRecord(ring, "n", b); err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("%q opens to %q", b, data)
		}
	})
}

// TestSettingsCache checks what one instance remembers of the settings.
func TestSettingsCache(t *testing.T) {
	var s settingsCache
	now := time.Unix(1e9, 0)
	if _, fresh := s.get(now); fresh {
		t.Error("nothing is fresh")
	}
	five := &settings{Generation: 5}
	if _, _, err := s.put(five, "e", now); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]bool{0: true, settingsAge - 1: true, settingsAge: false, -1: false} {
		if got, fresh := s.get(now.Add(age)); fresh != want || got != five {
			t.Errorf("after %v: fresh %t", age, fresh)
		}
	}
	for generation, want := range map[uint64]error{0: errSettingsRollback, 4: errSettingsRollback, 5: nil} {
		next := &settings{Generation: generation}
		if got, etag, err := s.put(next, "older", now); err != nil || generation < 5 && (got != five || etag != "e") {
			t.Errorf("generation %d, late: %v", generation, err)
		}
		s.current, s.etag = five, "e"
		if _, _, err := s.put(next, "e", now.Add(1)); !errors.Is(err, want) {
			t.Errorf("generation %d: %v", generation, err)
		}
		s = settingsCache{current: five, etag: "e", read: now}
	}
}
