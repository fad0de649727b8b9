package metadata

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

func TestRoundTrip(t *testing.T) {
	for _, mode := range allModes {
		t.Run(mode.String(), func(t *testing.T) {
			e := sealed(t, mode)
			value := encode(t, e)
			got, err := FromHeader(http.Header{Header: {value}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, got); diff != "" {
				t.Error(diff)
			}
			raw := rawOf(t, e)
			if diff := cmp.Diff(marshal(t, fieldsOf(t, raw)), raw); diff != "" {
				t.Errorf("not what another deterministic encoder makes: %s", diff)
			}
			keys, err := got.Open(testKEKs(t, mode), testRealm, testObject)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(testKeys(mode), keys); diff != "" {
				t.Error(diff)
			}
			if e.Digests == nil {
				return
			}
			d, err := got.OpenDigests(keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(testDigests(), d); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFromHeader(t *testing.T) {
	value := encode(t, sealed(t, SSES3))
	e, err := FromHeader(http.Header{"X-Amz-Meta-S3sse-Other": {value}, "Etag": {"x"}})
	if e != nil || err != nil {
		t.Errorf("no envelope: %v, %v", e, err)
	}
	for _, values := range [][]string{{value, value}, {value + "," + value}, {value + " "}, {""}, {value[:8] + "\n" + value[8:]}, {value + "\r\n"}} {
		if _, err := FromHeader(http.Header{Header: values}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d values: %v", len(values), err)
		}
	}
}

func TestFooterCopy(t *testing.T) {
	for _, mode := range allModes {
		e := sealed(t, mode)
		raw, err := e.FooterCopy()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeFooterCopy(raw)
		if err != nil {
			t.Fatal(err)
		}
		want := clone(t, e)
		want.Digests = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", mode, diff)
		}
		if _, err := DecodeFooterCopy(rawOf(t, e)); e.Digests != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: digests are accepted in a footer: %v", mode, err)
		}
	}

	// The context goes when the copy would grow beyond its limit.
	e := sealed(t, SSEKMS)
	for n := 1; n <= MaxContext; n++ {
		e.Context = bytes.Repeat([]byte{'x'}, n)
		raw, err := e.FooterCopy()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeFooterCopy(raw)
		if err != nil {
			t.Fatal(err)
		}
		full := clone(t, e)
		full.Digests = nil
		fits := len(rawOf(t, full)) <= MaxFooterCopy
		if len(raw) > MaxFooterCopy || fits != bytes.Equal(got.Context, e.Context) || !fits && got.Context != nil {
			t.Fatalf("context of %d bytes: copy of %d bytes with a context of %d", n, len(raw), len(got.Context))
		}
	}
	if _, err := DecodeFooterCopy(make([]byte, MaxFooterCopy+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a copy that is too long: %v", err)
	}
}

// TestLimits finds that every limit holds for writing: what would not be read
// back is not written.
func TestLimits(t *testing.T) {
	tests := []struct {
		name   string
		mode   Mode
		change func(e *Envelope)
		ok     bool
	}{
		{"key id of 64", SSES3, func(e *Envelope) { e.KeyID = strings.Repeat("k", 64) }, true},
		{"key id of 65", SSES3, func(e *Envelope) { e.KeyID = strings.Repeat("k", 65) }, false},
		{"no key id", SSES3, func(e *Envelope) { e.KeyID = "" }, false},
		{"key id with a space", SSES3, func(e *Envelope) { e.KeyID = "a b" }, false},
		{"key id for SSE-C", SSEC, func(e *Envelope) { e.KeyID = "k" }, false},
		{"no salt", SSES3, func(e *Envelope) { e.Salt = [32]byte{} }, false},
		{"length 0", SSES3, func(e *Envelope) { e.Length = 0 }, true},
		{"length -1", SSES3, func(e *Envelope) { e.Length = -1 }, false},
		{"largest length", SSES3, func(e *Envelope) { e.Length = encryptor.MaxObjectSize }, true},
		{"length beyond the largest", SSES3, func(e *Envelope) { e.Length = encryptor.MaxObjectSize + 1 }, false},
		{"multipart", SSES3, func(e *Envelope) { e.Multipart, e.Length = true, 0 }, true},
		{"multipart with a length", SSES3, func(e *Envelope) { e.Multipart = true }, false},
		{"no flags", SSES3, func(e *Envelope) { e.ETagInFooter = false }, true},
		{"bucket key in SSE-S3", SSES3, func(e *Envelope) { e.BucketKey = true }, false},
		{"bucket key in DSSE-KMS", DSSEKMS, func(e *Envelope) { e.BucketKey = true }, false},
		{"wrapped key in SSE-S3", SSES3, func(e *Envelope) { e.WrappedKEK = []byte("x") }, false},
		{"no wrapped key in SSE-KMS", SSEKMS, func(e *Envelope) { e.WrappedKEK = nil }, false},
		{"wrapped key of 256", SSEKMS, func(e *Envelope) { e.WrappedKEK = make([]byte, 256) }, true},
		{"wrapped key of 257", SSEKMS, func(e *Envelope) { e.WrappedKEK = make([]byte, 257) }, false},
		{"too much for a footer", DSSEKMS, func(e *Envelope) {
			e.WrappedKEK, e.KeyID, e.OuterKeyID = make([]byte, 256), strings.Repeat("k", 64), strings.Repeat("k", 64)
		}, false},
		{"context in SSE-S3", SSES3, func(e *Envelope) { e.Context = []byte("{}") }, false},
		{"context of 768", SSEKMS, func(e *Envelope) { e.Context = make([]byte, 768) }, true},
		{"context of 769", SSEKMS, func(e *Envelope) { e.Context = make([]byte, 769) }, false},
		{"no context", SSEKMS, func(e *Envelope) { e.Context = nil }, true},
		{"salt in SSE-KMS", SSEKMS, func(e *Envelope) { e.Salt[0] = 1 }, false},
		{"outer key in SSE-KMS", SSEKMS, func(e *Envelope) { e.OuterKeyID = "k" }, false},
		{"outer commitment in SSE-S3", SSES3, func(e *Envelope) { e.Outer.Commitment[0] = 1 }, false},
		{"no outer commitment in DSSE-KMS", DSSEKMS, func(e *Envelope) { e.Outer.Commitment = [32]byte{} }, false},
		{"customer HMAC of 31", SSEC, func(e *Envelope) { e.CustomerHMAC = e.CustomerHMAC[:31] }, false},
		{"customer HMAC of 33", SSEC, func(e *Envelope) { e.CustomerHMAC = append(e.CustomerHMAC, 1) }, false},
		{"customer HMAC in SSE-S3", SSES3, func(e *Envelope) { e.CustomerHMAC = make([]byte, 32) }, false},
		{"no digests", SSES3, func(e *Envelope) { e.Digests = nil }, true},
		{"digests of 160", SSES3, func(e *Envelope) { e.Digests = make([]byte, 160) }, true},
		{"digests of 161", SSES3, func(e *Envelope) { e.Digests = make([]byte, 161) }, false},
		{"no digests in DSSE-KMS", DSSEKMS, func(e *Envelope) { e.Digests = nil }, true},
		{"digests of 160 in DSSE-KMS", DSSEKMS, func(e *Envelope) { e.Digests = make([]byte, 160) }, true},
		{"mode 0", SSES3, func(e *Envelope) { e.Mode = 0 }, false},
		{"mode 5", SSES3, func(e *Envelope) { e.Mode = 5 }, false},
		{"suite 0", SSES3, func(e *Envelope) { e.Suite = 0 }, false},
		{"two layers in SSE-S3", SSES3, func(e *Envelope) { e.Suite = encryptor.SuiteDSSE }, false},
		{"one layer in DSSE-KMS", DSSEKMS, func(e *Envelope) { e.Suite = encryptor.SuiteAES256GCM }, false},
		{"no seal", SSES3, func(e *Envelope) { e.Data.Sealed = [60]byte{} }, false},
		{"no commitment", SSES3, func(e *Envelope) { e.Data.Commitment = [32]byte{} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := sealed(t, tt.mode)
			tt.change(e)
			value, err := e.Encode()
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(e, clone(t, e)); diff != "" {
					t.Error(diff)
				}
				return
			}
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("encoded as %q, %v", value, err)
			}
			if _, err := e.FooterCopy(); !errors.Is(err, ErrMalformed) {
				t.Errorf("the footer's copy: %v", err)
			}
		})
	}
}

// TestFooterLimit goes over the size at which the copy no longer fits.
func TestFooterLimit(t *testing.T) {
	e := sealed(t, DSSEKMS)
	e.KeyID, e.OuterKeyID = strings.Repeat("k", MaxKeyID), strings.Repeat("o", MaxKeyID)
	largest := 0
	for n := 1; n <= MaxWrappedKEK; n++ {
		e.WrappedKEK = make([]byte, n)
		copied, copyErr := e.FooterCopy()
		value, err := e.Encode()
		if (err == nil) != (copyErr == nil) {
			t.Fatalf("wrapped key of %d bytes: header %v, copy %v", n, err, copyErr)
		}
		if err == nil {
			largest = len(copied)
			if _, err := Decode(value); err != nil {
				t.Fatal(err)
			}
			continue
		}
		raw := e.appendMap(nil, e.present())
		if _, err := Decode(encoding.EncodeToString(raw)); !errors.Is(err, ErrMalformed) {
			t.Fatalf("wrapped key of %d bytes is read but not written: %v", n, err)
		}
	}
	if largest != MaxFooterCopy {
		t.Errorf("the largest copy has %d bytes", largest)
	}
}

// TestEveryEnvelope writes and reads arbitrary envelopes.
func TestEveryEnvelope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string, low, high int) []byte {
			b := rapid.SliceOfN(rapid.Byte(), low, high).Draw(t, label)
			b[0] |= 1
			return b
		}
		id := rapid.StringMatching(`[A-Za-z0-9_-]([A-Za-z0-9._-]|/[A-Za-z0-9_-]){0,31}`)
		mode := rapid.SampledFrom(allModes).Draw(t, "mode")
		e := &Envelope{Mode: mode, Suite: encryptor.SuiteAES256GCM}
		copy(e.Data.Sealed[:], some("sealed", 60, 60))
		copy(e.Data.Commitment[:], some("commitment", 32, 32))
		e.ETagInFooter = rapid.Bool().Draw(t, "etag")
		e.Multipart = rapid.Bool().Draw(t, "multipart")
		if !e.Multipart {
			e.Length = rapid.Int64Range(0, encryptor.MaxObjectSize).Draw(t, "length")
		}
		if mode != SSEC {
			e.KeyID = id.Draw(t, "key id")
		}
		if mode != SSEKMS {
			copy(e.Salt[:], some("salt", 32, 32))
		}
		if mode == SSEKMS || mode == DSSEKMS {
			e.WrappedKEK = some("wrapped", 1, 100)
			if rapid.Bool().Draw(t, "has context") {
				e.Context = some("context", 1, MaxContext)
			}
		}
		switch mode {
		case SSES3:
		case SSEKMS:
			e.BucketKey = rapid.Bool().Draw(t, "bucket key")
		case DSSEKMS:
			e.Suite, e.OuterKeyID = encryptor.SuiteDSSE, id.Draw(t, "outer key id")
			copy(e.Outer.Sealed[:], some("outer sealed", 60, 60))
			copy(e.Outer.Commitment[:], some("outer commitment", 32, 32))
		case SSEC:
			e.CustomerHMAC = some("hmac", 32, 32)
		}
		if rapid.Bool().Draw(t, "has digests") {
			e.Digests = some("digests", 1, MaxDigests)
		}
		value, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, mode := range allModes {
		f.Add(encode(f, sealed(f, mode)))
	}
	for _, v := range readVectors(f) {
		f.Add(v["header"])
	}
	f.Fuzz(func(t *testing.T, value string) {
		e, err := Decode(value)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("unexpected error: %v", err)
			}
			return
		}
		again, err := e.Encode()
		if err != nil || again != value {
			t.Errorf("%q comes back as %q, %v", value, again, err)
		}
		if _, err := e.FooterCopy(); err != nil {
			t.Errorf("%q has no footer copy: %v", value, err)
		}
		keks := KEKs{Data: testKey("another kek")}
		if e.Mode == DSSEKMS {
			keks.Outer = testKey("another outer kek")
		}
		if _, err := e.Open(keks, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("%q under any key: %v", value, err)
		}
		if e.CheckCustomerKey(testKey("another customer")) {
			t.Errorf("%q takes any customer key", value)
		}
		if e.Mode == DSSEKMS && fips140.Enforced() {
			return // no second layer
		}
		if _, err := e.OpenDigests(testKeys(e.Mode)); err != nil && !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("unexpected error: %v", err)
		}
	})
}
