package metadata

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// sealable are the modes with one key-encryption key.
var sealable = []Mode{SSES3, SSEKMS, SSEC}

// TestEveryBit flips every bit of encoded envelopes. Each must make the
// envelope malformed or keep the data key shut; only the wrapped
// key-encryption key, which the key management service authenticates, and the
// digests, which are sealed on their own, are left to others.
func TestEveryBit(t *testing.T) {
	for _, mode := range sealable {
		t.Run(mode.String(), func(t *testing.T) {
			raw := rawOf(t, sealed(t, mode))
			good := sealed(t, mode)
			for i := range raw {
				for bit := range 8 {
					bad := append([]byte(nil), raw...)
					bad[i] ^= 1 << bit
					e, err := Decode(encoding.EncodeToString(bad))
					if err != nil {
						if !errors.Is(err, ErrMalformed) {
							t.Fatalf("byte %d bit %d: %v", i, bit, err)
						}
						continue
					}
					keys, err := e.Open(testKey("kek"), testRealm, testObject)
					if errors.Is(err, ErrNotAuthentic) {
						continue
					}
					if err != nil || !keys.Data.Equal(testKey("data")) {
						t.Fatalf("byte %d bit %d: %v", i, bit, err)
					}
					if !cmp.Equal(e.WrappedKEK, good.WrappedKEK) {
						continue
					}
					if _, err := e.OpenDigests(keys); !errors.Is(err, ErrNotAuthentic) {
						t.Fatalf("byte %d bit %d goes unnoticed: %v", i, bit, err)
					}
				}
			}
		})
	}
}

// TestEveryLength cuts and extends encoded envelopes.
func TestEveryLength(t *testing.T) {
	for _, mode := range allModes {
		raw := rawOf(t, sealed(t, mode))
		for n := range raw {
			if _, err := Decode(encoding.EncodeToString(raw[:n])); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v: %d of %d bytes: %v", mode, n, len(raw), err)
			}
		}
		for c := range 256 {
			if _, err := Decode(encoding.EncodeToString(append(raw, byte(c)))); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v: byte %#x appended: %v", mode, c, err)
			}
		}
	}
}

// TestBinding changes one thing at a time that the seal covers.
func TestBinding(t *testing.T) {
	for _, mode := range sealable {
		changes := map[string]func(e *Envelope){
			"length":          func(e *Envelope) { e.Length++ },
			"to multipart":    func(e *Envelope) { e.Multipart, e.Length = true, 0 },
			"ETag flag":       func(e *Envelope) { e.ETagInFooter = false },
			"commitment":      func(e *Envelope) { e.Data.Commitment = encryptor.Commit(testKey("other")) },
			"sealed data key": func(e *Envelope) { e.Data.Sealed[59] ^= 1 },
		}
		if mode != SSEC {
			changes["key id"] = func(e *Envelope) { e.KeyID = "2025-11" }
		}
		if mode != SSEKMS {
			changes["salt"] = func(e *Envelope) { e.Salt[31] ^= 1 }
		}
		switch mode {
		case SSES3:
			changes["mode"] = func(e *Envelope) {
				e.Mode, e.WrappedKEK, e.Salt = SSEKMS, []byte("vault:v1:x"), [32]byte{}
			}
		case SSEKMS:
			changes["context"] = func(e *Envelope) { e.Context[2] ^= 1 }
			changes["no context"] = func(e *Envelope) { e.Context = nil }
			changes["bucket key"] = func(e *Envelope) { e.BucketKey = false }
			changes["mode"] = func(e *Envelope) {
				e.Mode, e.WrappedKEK, e.Context, e.BucketKey, e.Salt = SSES3, nil, nil, false, testKey("salt")
			}
		case DSSEKMS: // is not sealable
		case SSEC:
			changes["customer HMAC"] = func(e *Envelope) { e.CustomerHMAC[0] ^= 1 }
		}
		for name, change := range changes {
			e := clone(t, sealed(t, mode))
			change(e)
			if _, err := e.Encode(); err != nil {
				t.Fatalf("%v, %s: the changed envelope is not even valid: %v", mode, name, err)
			}
			if _, err := e.Open(testKey("kek"), testRealm, testObject); !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("%v, %s: %v", mode, name, err)
			}
		}

		e := sealed(t, mode)
		places := map[string]struct {
			kek           encryptor.Key
			realm, object string
		}{
			"another key":              {testKey("other"), testRealm, testObject},
			"no key":                   {encryptor.Key{}, testRealm, testObject},
			"another realm":            {testKey("kek"), "photos2", testObject},
			"no realm":                 {testKey("kek"), "", testObject},
			"another object":           {testKey("kek"), testRealm, testObject + "2"},
			"another spelling":         {testKey("kek"), testRealm, "2026//ä b.jpg"},
			"another case":             {testKey("kek"), testRealm, strings.ToUpper(testObject)},
			"a border that has moved":  {testKey("kek"), testRealm + "2", testObject[1:]},
			"realm and object swapped": {testKey("kek"), testObject, testRealm},
		}
		for name, p := range places {
			keys, err := e.Open(p.kek, p.realm, p.object)
			if !errors.Is(err, ErrNotAuthentic) || !keys.Data.IsZero() {
				t.Errorf("%v, %s: %v", mode, name, err)
			}
		}
	}
}

// TestSplice puts parts of one object's envelope into another's.
func TestSplice(t *testing.T) {
	kek := testKey("kek")
	mine, theirs := NewSSES3("k", 10), NewSSES3("k", 10)
	theirs.Salt = mine.Salt // as alike as they can be
	myKeys, theirKeys := testKeys(SSES3), encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: testKey("their data")}
	if err := mine.Seal(kek, myKeys, testRealm, "mine"); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Seal(kek, theirKeys, testRealm, "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := mine.SealDigests(myKeys, testDigests()); err != nil {
		t.Fatal(err)
	}

	e := *mine
	e.Data.Sealed = theirs.Data.Sealed
	if _, err := e.Open(kek, testRealm, "mine"); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("their seal in my envelope: %v", err)
	}
	e.Data.Commitment = theirs.Data.Commitment
	if _, err := e.Open(kek, testRealm, "mine"); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("their seal and commitment in my envelope: %v", err)
	}
	e = *theirs
	e.Digests = mine.Digests
	if keys, err := e.Open(kek, testRealm, "theirs"); err != nil {
		t.Errorf("digests are part of the seal: %v", err)
	} else if _, err := e.OpenDigests(keys); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("my digests in their envelope: %v", err)
	}
}

// TestCommitment opens a data key that was sealed correctly beside the
// commitment to another one.
func TestCommitment(t *testing.T) {
	e := NewSSES3("k", 1)
	kek, keys := testKey("kek"), testKeys(SSES3)
	e.Data.Commitment = encryptor.Commit(testKey("other"))
	sealSlot(t, e, &e.Data, slotData, kek, keys.Data)
	if _, err := e.Open(kek, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) || !strings.Contains(err.Error(), "committed") {
		t.Errorf("got %v", err)
	}
}

// TestRewrap replaces the wrapped key-encryption key, as the key management
// service does when it rotates, without touching the seal.
func TestRewrap(t *testing.T) {
	e := sealed(t, SSEKMS)
	e.WrappedKEK = []byte("vault:v2:another ciphertext")
	if _, err := clone(t, e).Open(testKey("kek"), testRealm, testObject); err != nil {
		t.Error(err)
	}
}

func TestSealRefuses(t *testing.T) {
	kek, keys := testKey("kek"), testKeys(SSES3)
	two := testKeys(DSSEKMS)
	tests := map[string]error{
		"no kek":       NewSSES3("k", 1).Seal(encryptor.Key{}, keys, testRealm, testObject),
		"no data key":  NewSSES3("k", 1).Seal(kek, encryptor.Keys{Suite: encryptor.SuiteAES256GCM}, testRealm, testObject),
		"two layers":   NewSSES3("k", 1).Seal(kek, two, testRealm, testObject),
		"DSSE-KMS":     sealed(t, DSSEKMS).Seal(kek, two, testRealm, testObject),
		"no key id":    NewSSES3("", 1).Seal(kek, keys, testRealm, testObject),
		"no salt":      (&Envelope{Mode: SSES3, Suite: encryptor.SuiteAES256GCM, KeyID: "k"}).Seal(kek, keys, testRealm, testObject),
		"no mode":      (&Envelope{Suite: encryptor.SuiteAES256GCM}).Seal(kek, keys, testRealm, testObject),
		"open nothing": func() error { _, err := NewSSES3("k", 1).Open(kek, testRealm, testObject); return err }(),
		"open two":     func() error { _, err := sealed(t, DSSEKMS).Open(kek, testRealm, testObject); return err }(),
	}
	for name, err := range tests {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDigestsAreOptional(t *testing.T) {
	e := sealed(t, SSES3)
	if err := e.SealDigests(testKeys(SSES3), encryptor.Digests{}); err != nil || e.Digests != nil {
		t.Errorf("%d bytes, %v", len(e.Digests), err)
	}
	d, err := e.OpenDigests(testKeys(SSES3))
	if err != nil || d.ETag != "" || d.Checksum.Algorithm != 0 {
		t.Errorf("%v, %v", d, err)
	}
	if err := e.SealDigests(testKeys(SSES3), encryptor.Digests{ETag: "not an MD5"}); err == nil {
		t.Error("nonsense is sealed")
	}
	if err := sealed(t, DSSEKMS).SealDigests(testKeys(DSSEKMS), testDigests()); err == nil {
		t.Error("digests are sealed under one of two layers")
	}
	// The largest digests there are must fit.
	largest := encryptor.Digests{
		ETag:     strings.Repeat("f", 32) + "-10000",
		Checksum: encryptor.Checksum{Algorithm: 6, Composite: true, Value: make([]byte, 64)},
	}
	if err := e.SealDigests(testKeys(SSES3), largest); err != nil {
		t.Fatal(err)
	}
	encode(t, e)
}

// TestAdditionalData compares with an independent encoder.
func TestAdditionalData(t *testing.T) {
	for _, mode := range allModes {
		e := sealed(t, mode)
		m := fieldsOf(t, rawOf(t, e))
		for _, f := range []field{fieldWrappedKEK, fieldSealed, fieldOuterSealed, fieldDigests} {
			delete(m, uint64(f))
		}
		want := marshal(t, []any{"caddy-s3-sse v1 data key", 0, []byte(testRealm), []byte(testObject), m})
		if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(e.additionalData(slotData, testRealm, testObject))); diff != "" {
			t.Errorf("%v: %s", mode, diff)
		}
	}
}
