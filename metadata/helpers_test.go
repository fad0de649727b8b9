package metadata

import (
	"crypto/fips140"
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

// testCustomer is the customer key of SSE-C envelopes.
func testCustomer() encryptor.Key { return testKey("customer") }

// testKEKs are the key-encryption keys of the envelopes that sealed returns.
func testKEKs(t testing.TB, mode Mode) KEKs {
	t.Helper()
	keks := KEKs{Data: testKey("kek")}
	switch mode {
	case SSES3, SSEKMS:
	case DSSEKMS:
		keks.Outer = testKey("outer kek")
	case SSEC:
		var err error
		if keks.Data, err = CustomerKEK(testCustomer(), testKey("salt")); err != nil {
			t.Fatal(err)
		}
	}
	return keks
}

// sealed returns an envelope of the mode with every field that the mode may
// have, sealed under testKEKs(mode).
func sealed(t testing.TB, mode Mode) *Envelope {
	t.Helper()
	wrapped := []byte("vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==")
	var e *Envelope
	switch mode {
	case SSES3:
		e = NewSSES3("2026-11", 5<<30)
	case SSEKMS:
		e = NewSSEKMS("team/photos", wrapped, 5<<30)
		e.BucketKey = true
	case DSSEKMS:
		e = NewDSSEKMS("team/photos", wrapped, "2026-11", 5<<30)
	case SSEC:
		e = NewSSEC(testCustomer(), 5<<30)
	}
	if mode == SSEKMS || mode == DSSEKMS {
		e.Context = []byte(`{"team":"photos"}`)
	}
	if mode != SSEKMS {
		e.Salt = testKey("salt")
	}
	if mode == SSEC {
		e.SetCustomerKey(testCustomer())
	}
	e.ETagInFooter = true
	keys := testKeys(mode)
	if err := e.Seal(testKEKs(t, mode), keys, testRealm, testObject); err != nil {
		t.Fatal(err)
	}
	if mode == DSSEKMS && fips140.Enforced() {
		return e // the second layer of digests is not approved
	}
	if err := e.SealDigests(keys, testDigests()); err != nil {
		t.Fatal(err)
	}
	return e
}

// sealSlot seals one data key of e, whatever the commitment beside it says.
func sealSlot(t testing.TB, e *Envelope, into *SealedKey, slot uint64, kek, key encryptor.Key) {
	t.Helper()
	if err := e.sealKey(into, slot, &kek, &key, testRealm, testObject); err != nil {
		t.Fatal(err)
	}
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
