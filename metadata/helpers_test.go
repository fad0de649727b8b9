package metadata

import (
	"crypto/sha256"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

const (
	testRealm  = "photos"
	testObject = "2026/ä b.jpg"
)

// testKey is a key that is the same in every run.
func testKey(seed string) encryptor.Key { return sha256.Sum256([]byte(seed)) }

// testDigests are what a client may have sent with an upload: an MD5 and the
// checksum that current SDKs add.
func testDigests() encryptor.Digests {
	return encryptor.Digests{
		ETag:     "9e107d9d372bb6826bd81d3542a419d6",
		Checksum: encryptor.Checksum{Algorithm: 3, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
	}
}

func testKeys(mode Mode) encryptor.Keys {
	keys := encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: testKey("data")}
	if mode == DSSEKMS {
		keys.Suite, keys.Outer = encryptor.SuiteDSSE, testKey("outer data")
	}
	return keys
}

// sealed returns an envelope of the mode with every field that the mode may
// have, sealed under testKey("kek").
func sealed(t testing.TB, mode Mode) *Envelope {
	t.Helper()
	e := &Envelope{Mode: mode, Suite: encryptor.SuiteAES256GCM, Length: 5 << 30, ETagInFooter: true}
	if mode != SSEC {
		e.KeyID = "2026-11"
	}
	if mode != SSEKMS {
		e.Salt = testKey("salt")
	}
	if mode == SSEKMS || mode == DSSEKMS {
		e.KeyID = "team/photos"
		e.WrappedKEK = []byte("vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==")
		e.Context = []byte(`{"team":"photos"}`)
	}
	keys := testKeys(mode)
	switch mode {
	case SSES3:
	case SSEKMS:
		e.BucketKey = true
	case DSSEKMS:
		e.Suite, e.OuterKeyID = encryptor.SuiteDSSE, "2026-11"
		e.Data.Commitment, e.Outer.Commitment = encryptor.Commit(keys.Data), encryptor.Commit(keys.Outer)
		sealSlot(t, e, &e.Data, slotData, testKey("kek"), keys.Data)
		sealSlot(t, e, &e.Outer, slotOuter, testKey("outer kek"), keys.Outer)
	case SSEC:
		e.CustomerHMAC = make([]byte, 32)
		for i := range e.CustomerHMAC {
			e.CustomerHMAC[i] = byte(200 + i)
		}
	}
	if mode == DSSEKMS {
		return e
	}
	if err := e.Seal(testKey("kek"), keys, testRealm, testObject); err != nil {
		t.Fatal(err)
	}
	if err := e.SealDigests(keys, testDigests()); err != nil {
		t.Fatal(err)
	}
	return e
}

// slotOuter is the place of the second layer's data key, as FORMAT.md has it.
const slotOuter = 1

// sealSlot seals one data key of e, whatever the commitment beside it says.
func sealSlot(t testing.TB, e *Envelope, into *SealedKey, slot uint64, kek, dek encryptor.Key) {
	t.Helper()
	aead, err := newAEAD(kek)
	if err != nil {
		t.Fatal(err)
	}
	aead.Seal(into.Sealed[:0], nil, dek[:], e.additionalData(slot, testRealm, testObject))
}

var allModes = []Mode{SSES3, SSEKMS, DSSEKMS, SSEC}

// clone returns a copy of e that shares nothing with it.
func clone(t testing.TB, e *Envelope) *Envelope {
	t.Helper()
	c, err := Decode(encode(t, e))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(t testing.TB, e *Envelope) string {
	t.Helper()
	value, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func rawOf(t testing.TB, e *Envelope) []byte {
	t.Helper()
	raw, err := encoding.DecodeString(encode(t, e))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// deterministic is an independent encoder with the rules of RFC 8949 §4.2.1.
var deterministic = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := deterministic.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// fieldsOf decodes an envelope with an independent decoder.
func fieldsOf(t testing.TB, raw []byte) map[uint64]any {
	t.Helper()
	var m map[uint64]any
	if err := cbor.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
