package metadata

import (
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// TestEveryBit flips every bit of encoded envelopes. Each must make the
// envelope malformed or keep the data key shut; only the wrapped
// key-encryption key, which the key management service authenticates, and the
// digests, which are sealed on their own, are left to others.
func TestEveryBit(t *testing.T) {
	for _, mode := range allModes {
		t.Run(mode.String(), func(t *testing.T) {
			raw := rawOf(t, sealed(t, mode))
			good, want, keks := sealed(t, mode), testKeys(mode), testKEKs(t, mode)
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
					keys, err := e.Open(keks, testRealm, testObject)
					if errors.Is(err, ErrNotAuthentic) {
						continue
					}
					if err != nil || keys != want {
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

// TestBinding changes one thing at a time that the seals cover.
func TestBinding(t *testing.T) {
	for _, mode := range allModes {
		keks := testKEKs(t, mode)
		for name, change := range coveredFields(mode) {
			e := clone(t, sealed(t, mode))
			change(e)
			if _, err := e.Encode(); err != nil {
				t.Fatalf("%v, %s: the changed envelope is not even valid: %v", mode, name, err)
			}
			if _, err := e.Open(keks, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("%v, %s: %v", mode, name, err)
			}
		}

		e := sealed(t, mode)
		for name, p := range map[string][2]string{
			"another realm":            {"photos2", testObject},
			"no realm":                 {"", testObject},
			"another object":           {testRealm, testObject + "2"},
			"another spelling":         {testRealm, "2026//ä b.jpg"},
			"another case":             {testRealm, strings.ToUpper(testObject)},
			"a border that has moved":  {testRealm + "2", testObject[1:]},
			"realm and object swapped": {testObject, testRealm},
		} {
			if keys, err := e.Open(keks, p[0], p[1]); !errors.Is(err, ErrNotAuthentic) || !keys.Data.IsZero() {
				t.Errorf("%v, %s: %v", mode, name, err)
			}
		}
		wrong := keks
		wrong.Data = testKey("other")
		if keys, err := e.Open(wrong, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) || !keys.Data.IsZero() {
			t.Errorf("%v, another key: %v", mode, err)
		}
	}
}

// coveredFields are the changes to an envelope of sealed(mode) that leave it
// valid and that the seals must not survive.
func coveredFields(mode Mode) map[string]func(e *Envelope) {
	changes := map[string]func(e *Envelope){
		"length":       func(e *Envelope) { e.Length-- },
		"to-multipart": func(e *Envelope) { e.Multipart, e.Length = true, 0 },
		"flags":        func(e *Envelope) { e.ETagInFooter = false },
		"commitment":   func(e *Envelope) { e.Data.Commitment = encryptor.Commit(testKey("other")) },
		"nonce":        func(e *Envelope) { e.Data.Sealed[0] ^= 1 },
		"tag":          func(e *Envelope) { e.Data.Sealed[59] ^= 1 },
	}
	if mode != SSEC {
		changes["key-id"] = func(e *Envelope) { e.KeyID = "2025-11" }
	}
	if mode != SSEKMS {
		changes["salt"] = func(e *Envelope) { e.Salt[31] ^= 1 }
	}
	if mode == SSEKMS || mode == DSSEKMS {
		changes["context"] = func(e *Envelope) { e.Context[2] ^= 1 }
		changes["no-context"] = func(e *Envelope) { e.Context = nil }
	}
	switch mode {
	case SSES3:
		changes["mode"] = func(e *Envelope) {
			e.Mode, e.WrappedKEK, e.Salt = SSEKMS, []byte("vault:v1:x"), [32]byte{}
		}
	case SSEKMS:
		changes["bucket-key"] = func(e *Envelope) { e.BucketKey = false }
		changes["mode"] = func(e *Envelope) {
			e.Mode, e.WrappedKEK, e.Context, e.BucketKey, e.Salt = SSES3, nil, nil, false, testKey("salt")
		}
	case DSSEKMS:
		changes["outer-key-id"] = func(e *Envelope) { e.OuterKeyID = "2025-11" }
		changes["outer-commitment"] = func(e *Envelope) { e.Outer.Commitment = encryptor.Commit(testKey("other")) }
		changes["outer-nonce"] = func(e *Envelope) { e.Outer.Sealed[0] ^= 1 }
		changes["outer-tag"] = func(e *Envelope) { e.Outer.Sealed[59] ^= 1 }
		changes["swapped-layers"] = func(e *Envelope) { e.Data, e.Outer = e.Outer, e.Data }
	case SSEC:
		changes["customer-check"] = func(e *Envelope) { e.CustomerHMAC[0] ^= 1 }
		changes["mode"] = func(e *Envelope) { e.Mode, e.KeyID, e.CustomerHMAC = SSES3, "2026-11", nil }
	}
	return changes
}

// TestTwoRoots opens DSSE-KMS envelopes with either of the two roots and
// nothing, or anything else, in the place of the other.
func TestTwoRoots(t *testing.T) {
	e, keks, keys := sealed(t, DSSEKMS), testKEKs(t, DSSEKMS), testKeys(DSSEKMS)
	other := testKey("other")
	for name, half := range map[string]KEKs{
		"another outer root":         {Data: keks.Data, Outer: other},
		"another KMS root":           {Data: other, Outer: keks.Outer},
		"the roots in each's place":  {Data: keks.Outer, Outer: keks.Data},
		"no outer root":              {Data: keks.Data},
		"no KMS root":                {Outer: keks.Outer},
		"the KMS root in both":       {Data: keks.Data, Outer: keks.Data},
		"the local root in both":     {Data: keks.Outer, Outer: keks.Outer},
		"neither, but some two keys": {Data: other, Outer: testKey("another")},
	} {
		if got, err := e.Open(half, testRealm, testObject); err == nil || got != (encryptor.Keys{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whoever has a root has one data key: it is of no use alone, not even for
	// the digests.
	if fips140.Enforced() {
		return
	}
	for _, half := range []encryptor.Keys{
		{Suite: encryptor.SuiteDSSE, Data: keys.Data, Outer: other},
		{Suite: encryptor.SuiteDSSE, Data: other, Outer: keys.Outer},
		{Suite: encryptor.SuiteAES256GCM, Data: keys.Data},
		{Suite: encryptor.SuiteAES256GCM, Data: keys.Outer},
	} {
		if _, err := e.OpenDigests(half); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("digests: %v", err)
		}
	}
}

// TestSplice puts parts of one object's envelope into another's.
func TestSplice(t *testing.T) {
	kek := KEKs{Data: testKey("kek")}
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

// TestCommitment opens data keys that were sealed correctly beside the
// commitment to another one.
func TestCommitment(t *testing.T) {
	keys, keks := testKeys(DSSEKMS), testKEKs(t, DSSEKMS)
	for _, outer := range []bool{false, true} {
		e := sealed(t, DSSEKMS)
		wrong := &e.Data
		if outer {
			wrong = &e.Outer
		}
		wrong.Commitment = encryptor.Commit(testKey("other"))
		sealSlot(t, e, &e.Data, slotData, keks.Data, keys.Data)
		sealSlot(t, e, &e.Outer, slotOuter, keks.Outer, keys.Outer)
		if _, err := e.Open(keks, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) || !strings.Contains(err.Error(), "committed") {
			t.Errorf("outer %v: got %v", outer, err)
		}
	}
}

func TestDigestsAreOptional(t *testing.T) {
	for _, mode := range allModes {
		e, keys := sealed(t, mode), testKeys(mode)
		if err := e.SealDigests(keys, encryptor.Digests{}); err != nil || e.Digests != nil {
			t.Errorf("%v: %d bytes, %v", mode, len(e.Digests), err)
		}
		d, err := e.OpenDigests(keys)
		if err != nil || d.ETag != "" || d.Checksum.Algorithm != 0 {
			t.Errorf("%v: %v, %v", mode, d, err)
		}
		if err := e.SealDigests(keys, encryptor.Digests{ETag: "not an MD5"}); err == nil {
			t.Errorf("%v: nonsense is sealed", mode)
		}
		if mode == DSSEKMS && fips140.Enforced() {
			continue // no second layer
		}
		// The largest digests there are must fit.
		largest := encryptor.Digests{
			ETag:     strings.Repeat("f", 32) + "-10000",
			Checksum: encryptor.Checksum{Algorithm: 6, Composite: true, Value: make([]byte, 64)},
		}
		if err := e.SealDigests(keys, largest); err != nil {
			t.Fatal(err)
		}
		encode(t, e)
	}
}

// TestAdditionalData compares with an independent encoder.
func TestAdditionalData(t *testing.T) {
	for _, mode := range allModes {
		e := sealed(t, mode)
		m := fieldsOf(t, rawOf(t, e))
		for _, f := range []field{fieldWrappedKEK, fieldSealed, fieldOuterSealed, fieldDigests} {
			delete(m, uint64(f))
		}
		for _, slot := range []uint64{slotData, slotOuter} {
			want := marshal(t, []any{"caddy-s3-sse v1 data key", slot, []byte(testRealm), []byte(testObject), m})
			if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(e.additionalData(slot, testRealm, testObject))); diff != "" {
				t.Errorf("%v: %s", mode, diff)
			}
		}
	}
}
