package metadata

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

func TestNew(t *testing.T) {
	for mode, fresh := range map[Mode]func() *Envelope{
		SSES3:   func() *Envelope { return NewSSES3("k", 1) },
		SSEKMS:  func() *Envelope { return NewSSEKMS("k", []byte("wrapped"), 1) },
		DSSEKMS: func() *Envelope { return NewDSSEKMS("k", []byte("wrapped"), "o", 1) },
		SSEC:    func() *Envelope { return NewSSEC(testCustomer(), 1) },
	} {
		a, b := fresh(), fresh()
		if a.Mode != mode || (mode == SSEKMS) != (a.Salt == b.Salt) || (mode == SSEKMS) != (a.Salt == [32]byte{}) {
			t.Errorf("%v: mode %v, or the salt is not random", mode, a.Mode)
		}
		if _, err := a.Encode(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: an envelope that is not sealed is encoded: %v", mode, err)
		}
		keks := testKEKs(t, mode)
		if err := a.Seal(keks, testKeys(mode), testRealm, testObject); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
		b.Multipart, b.Length = true, 0
		if err := b.Seal(keks, testKeys(mode), testRealm, testObject); err != nil {
			t.Errorf("%v, multipart: %v", mode, err)
		}
		if got := clone(t, b); !got.Multipart || got.Length != 0 {
			t.Errorf("%v, multipart: %+v", mode, got)
		}
	}
}

// TestSize keeps the header small: stores bound the metadata of an object at
// 2 KiB for the client and the service together.
func TestSize(t *testing.T) {
	most := map[Mode]int{SSES3: 320, SSEKMS: 400, DSSEKMS: 610, SSEC: 355}
	for _, mode := range allModes {
		e := sealed(t, mode)
		e.Context = nil
		if err := e.Seal(testKEKs(t, mode), testKeys(mode), testRealm, testObject); err != nil {
			t.Fatal(err)
		}
		copied, err := e.FooterCopy()
		if err != nil {
			t.Fatal(err)
		}
		size := len(encode(t, e))
		t.Logf("%v: %d characters with an MD5 and a CRC-64, footer copy %d bytes", mode, size, len(copied))
		if size > most[mode] {
			t.Errorf("%v: %d characters, want at most %d", mode, size, most[mode])
		}
	}
}

// TestInherit gives a body another root key, mode and name.
func TestInherit(t *testing.T) {
	for _, from := range allModes {
		old := sealed(t, from)
		keys, err := old.Open(testKEKs(t, from), testRealm, testObject)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range allModes {
			next := sealed(t, to)
			next.Length, next.Multipart, next.ETagInFooter, next.Digests = 1, false, false, nil
			err := next.Inherit(old)
			if (from == DSSEKMS) != (to == DSSEKMS) {
				if err == nil {
					t.Errorf("%v to %v: a body changes its suite", from, to)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := next.Seal(testKEKs(t, to), keys, "other realm", "other object"); err != nil {
				t.Fatal(err)
			}
			got := clone(t, next)
			if got.Mode != to || got.Length != old.Length || got.Multipart != old.Multipart || got.ETagInFooter != old.ETagInFooter {
				t.Errorf("%v to %v: %+v", from, to, got)
			}
			again, err := got.Open(testKEKs(t, to), "other realm", "other object")
			if err != nil || !again.Data.Equal(keys.Data) || !again.Outer.Equal(keys.Outer) {
				t.Errorf("%v to %v: other data keys, %v", from, to, err)
			}
			if old.Digests != nil {
				if d, err := got.OpenDigests(again); err != nil || !cmp.Equal(d, testDigests()) {
					t.Errorf("%v to %v: digests %v, %v", from, to, d, err)
				}
			}
			if _, err := got.Open(testKEKs(t, to), testRealm, testObject); !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("%v to %v: it opens under its old name: %v", from, to, err)
			}
		}
	}
	parts := NewSSES3("k", 0)
	parts.Multipart = true
	next := NewSSEKMS("k", []byte("wrapped"), 5)
	if err := next.Inherit(parts); err != nil || !next.Multipart || next.Length != 0 {
		t.Errorf("multipart: %+v, %v", next, err)
	}
}

// TestWithWrappedKEK replaces the wrapped key-encryption key, as the key
// management service does when it rotates, without touching the seal.
func TestWithWrappedKEK(t *testing.T) {
	for _, mode := range allModes {
		e := sealed(t, mode)
		old := clone(t, e)
		next, err := e.WithWrappedKEK([]byte("vault:v2:another ciphertext"))
		if mode == SSES3 || mode == SSEC {
			if err == nil {
				t.Errorf("%v has a wrapped key", mode)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(old, e); diff != "" {
			t.Errorf("%v: the old envelope has changed: %s", mode, diff)
		}
		got := clone(t, next)
		if _, err := got.Open(testKEKs(t, mode), testRealm, testObject); err != nil || string(got.WrappedKEK) != "vault:v2:another ciphertext" {
			t.Errorf("%v: %q, %v", mode, got.WrappedKEK, err)
		}
		for _, wrapped := range [][]byte{nil, {}, make([]byte, MaxWrappedKEK+1)} {
			if _, err := e.WithWrappedKEK(wrapped); err == nil {
				t.Errorf("%v: a wrapped key of %d bytes", mode, len(wrapped))
			}
		}
		e.Data = SealedKey{}
		if _, err := e.WithWrappedKEK([]byte("x")); err == nil {
			t.Errorf("%v: an envelope that is not sealed", mode)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	one, two := testKeys(SSES3), testKeys(DSSEKMS)
	kek, keks := KEKs{Data: testKey("kek")}, KEKs{Data: testKey("kek"), Outer: testKey("outer kek")}
	same := encryptor.Keys{Suite: encryptor.SuiteDSSE, Data: two.Data, Outer: two.Data}
	seal := func(e *Envelope, keks KEKs, keys encryptor.Keys) error {
		return e.Seal(keks, keys, testRealm, testObject)
	}
	open := func(e *Envelope, keks KEKs) error { _, err := e.Open(keks, testRealm, testObject); return err }
	dsse := func() *Envelope { return NewDSSEKMS("k", []byte("wrapped"), "o", 1) }
	tests := map[string]error{
		"no kek":                   seal(NewSSES3("k", 1), KEKs{}, one),
		"a second kek":             seal(NewSSES3("k", 1), keks, one),
		"no data key":              seal(NewSSES3("k", 1), kek, encryptor.Keys{Suite: encryptor.SuiteAES256GCM}),
		"two layers":               seal(NewSSES3("k", 1), kek, two),
		"no key id":                seal(NewSSES3("", 1), kek, one),
		"no salt":                  seal(&Envelope{Mode: SSES3, Suite: encryptor.SuiteAES256GCM, KeyID: "k"}, kek, one),
		"no mode":                  seal(&Envelope{Suite: encryptor.SuiteAES256GCM}, kek, one),
		"no wrapped key":           seal(NewSSEKMS("k", nil, 1), kek, one),
		"no customer":              seal(&Envelope{Mode: SSEC, Suite: encryptor.SuiteAES256GCM, Salt: testKey("salt")}, kek, one),
		"one layer":                seal(dsse(), keks, one),
		"no outer kek":             seal(dsse(), kek, two),
		"no first kek":             seal(dsse(), KEKs{Outer: keks.Outer}, two),
		"the same kek":             seal(dsse(), KEKs{Data: kek.Data, Outer: kek.Data}, two),
		"no outer data key":        seal(dsse(), keks, encryptor.Keys{Suite: encryptor.SuiteDSSE, Data: two.Data}),
		"the same data key":        seal(dsse(), keks, same),
		"no outer key id":          seal(NewDSSEKMS("k", []byte("wrapped"), "", 1), keks, two),
		"open nothing":             open(NewSSES3("k", 1), kek),
		"open without a kek":       open(sealed(t, SSES3), KEKs{}),
		"open with a second":       open(sealed(t, SSES3), keks),
		"open without the outer":   open(sealed(t, DSSEKMS), kek),
		"open without the first":   open(sealed(t, DSSEKMS), KEKs{Outer: keks.Outer}),
		"open with the same twice": open(sealed(t, DSSEKMS), KEKs{Data: kek.Data, Outer: kek.Data}),
	}
	for name, err := range tests {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
