package gateway

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// forge puts an object into the store that somebody made who knows the format
// and no key of the gateway's: KEKs of their own open the envelope.
func (m *multiBench) forge(key string, env *metadata.Envelope, plain []byte) {
	m.t.Helper()
	keks := metadata.KEKs{Data: encryptor.NewKey()}
	keys := encryptor.Keys{Suite: env.Suite, Data: encryptor.NewKey()}
	if env.Mode == metadata.DSSEKMS {
		keks.Outer, keys.Outer = encryptor.NewKey(), encryptor.NewKey()
	}
	if err := env.Seal(keks, keys, "bucket", key); err != nil {
		m.t.Fatal(err)
	}
	foot, err := env.FooterCopy()
	if err != nil {
		m.t.Fatal(err)
	}
	sealed, err := encryptor.SealBytes(nil, keys, plain, foot, encryptor.Digests{})
	if err != nil {
		m.t.Fatal(err)
	}
	m.plant(key, env, sealed)
}

// plant puts an object with that envelope into the store.
func (m *multiBench) plant(key string, env *metadata.Envelope, body []byte) {
	m.t.Helper()
	value, err := env.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.store.buckets["bucket"][key] = m.store.object(http.Header{metadata.Header: {value}}, body)
}

// envelope returns that of a stored object.
func (m *multiBench) envelope(key string) *metadata.Envelope {
	m.t.Helper()
	env, err := metadata.FromHeader(m.store.buckets["bucket"][key].header)
	if err != nil || env == nil {
		m.t.Fatalf("%s: %v, %v", key, env, err)
	}
	return env
}

// TestForgedObjects puts objects into the store whose envelopes claim every
// mode, made by somebody who has no key: neither a client with a customer key
// nor one without is given them.
func TestForgedObjects(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	for _, mode := range testModes {
		m.must(http.MethodPut, "/bucket/"+mode.name, bytesOf(1000, 1), mode.write...)
	}
	attacker := encryptor.NewKey()
	n := int64(1000)
	wrapped := m.envelope("SSE-KMS").WrappedKEK
	for name, env := range map[string]*metadata.Envelope{
		"SSE-S3":                         metadata.NewSSES3("k1", n),
		"SSE-S3, another key":            metadata.NewSSES3("k2", n),
		"SSE-C":                          metadata.NewSSEC(attacker, n),
		"SSE-KMS, nothing wrapped":       metadata.NewSSEKMS(testKMSKey, attacker[:], n),
		"SSE-KMS, another's wrapped key": metadata.NewSSEKMS(testKMSKey, wrapped, n),
		"SSE-KMS, another key":           metadata.NewSSEKMS("other-key", wrapped, n),
		"DSSE-KMS":                       metadata.NewDSSEKMS(testKMSKey, wrapped, "k1", n),
	} {
		for _, over := range []string{"SSE-S3", "SSE-KMS", "SSE-C", "new"} {
			m.forge(over, env, bytesOf(1000, 2))
			for _, header := range [][]string{nil, testModes[3].access} {
				for _, rng := range [][]string{nil, {"Range", "bytes=0-9"}} {
					r := m.do(http.MethodGet, "/bucket/"+over, nil, append(rng, header...)...)
					if r.status < http.StatusBadRequest || r.status == -1 || bytes.Contains(r.body, bytesOf(10, 2)) {
						t.Errorf("%s in the place of %s: %d, %d bytes", name, over, r.status, len(r.body))
					}
				}
			}
			copied := m.do(http.MethodPut, "/bucket/copy", nil, "X-Amz-Copy-Source", "/bucket/"+over)
			if copied.ok() || m.store.buckets["bucket"]["copy"] != nil {
				t.Errorf("%s in the place of %s: copied, %d", name, over, copied.status)
			}
		}
	}
}

// TestChangedEnvelopes changes fields of envelopes, also into those of others.
func TestChangedEnvelopes(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	context := []string{"X-Amz-Server-Side-Encryption-Context", "eyJhIjoiYiJ9"}
	for _, mode := range testModes[1:3] {
		for i, key := range []string{"a", "b"} {
			m.must(http.MethodPut, "/bucket/"+mode.name+key, bytesOf(1000, i), append(context, mode.write...)...)
		}
		a, b := m.envelope(mode.name+"a"), m.envelope(mode.name+"b")
		body := m.store.buckets["bucket"][mode.name+"a"].body
		for name, change := range map[string]func(e *metadata.Envelope){
			"wrapped key of another":  func(e *metadata.Envelope) { e.WrappedKEK = b.WrappedKEK },
			"wrapped key altered":     func(e *metadata.Envelope) { e.WrappedKEK = slices.Clone(e.WrappedKEK); e.WrappedKEK[20] ^= 1 },
			"wrapped key cut":         func(e *metadata.Envelope) { e.WrappedKEK = e.WrappedKEK[:10] },
			"another context":         func(e *metadata.Envelope) { e.Context = []byte(`{"a":"c"}`) },
			"no context":              func(e *metadata.Envelope) { e.Context = nil },
			"another key":             func(e *metadata.Envelope) { e.KeyID = "other-key" },
			"a data key of another":   func(e *metadata.Envelope) { e.Data = b.Data },
			"everything of another":   func(e *metadata.Envelope) { *e = *b },
			"a shorter length":        func(e *metadata.Envelope) { e.Length-- },
			"in parts":                func(e *metadata.Envelope) { e.Length, e.Multipart = 0, true },
			"ETag in the footer":      func(e *metadata.Envelope) { e.ETagInFooter = true },
			"digests of another":      func(e *metadata.Envelope) { e.Digests = b.Digests },
			"commitment of another":   func(e *metadata.Envelope) { e.Data.Commitment = b.Data.Commitment },
			"as if for SSE-S3":        func(e *metadata.Envelope) { *e = reduced(e, metadata.SSES3) },
			"as if for SSE-C":         func(e *metadata.Envelope) { *e = reduced(e, metadata.SSEC) },
			"as if for the other KMS": func(e *metadata.Envelope) { *e = reduced(e, metadata.SSEKMS+metadata.DSSEKMS-e.Mode) },
		} {
			e := *a
			change(&e)
			value, err := e.Encode()
			if err != nil {
				continue // it cannot even be written
			}
			m.store.buckets["bucket"][mode.name+"a"] = m.store.object(http.Header{metadata.Header: {value}}, body)
			for _, header := range [][]string{nil, testModes[3].access, {"Range", "bytes=1-2"}} {
				r := m.do(http.MethodGet, "/bucket/"+mode.name+"a", nil, header...)
				if r.status < http.StatusBadRequest || strings.Contains(r.header.Get("X-Amz-Server-Side-Encryption-Context"), "c") {
					t.Errorf("%s, %s: %d, %d bytes", mode.name, name, r.status, len(r.body))
				}
			}
		}
		m.plant(mode.name+"a", a, body)
		if r := m.do(http.MethodGet, "/bucket/"+mode.name+"a", nil); !bytes.Equal(r.body, bytesOf(1000, 0)) {
			t.Errorf("%s: %d", mode.name, r.status)
		}
	}
}

// reduced is the envelope as one of another mode, as far as that has fields.
func reduced(e *metadata.Envelope, mode metadata.Mode) metadata.Envelope {
	r := metadata.Envelope{Mode: mode, Suite: e.Suite, KeyID: "k1", Salt: sha256.Sum256([]byte("salt")), Data: e.Data, Length: e.Length, Digests: e.Digests}
	switch mode {
	case metadata.SSEC:
		r.KeyID, r.CustomerHMAC = "", bytes.Repeat([]byte{1}, 32)
	case metadata.SSEKMS:
		r.KeyID, r.WrappedKEK, r.Salt, r.Suite = e.KeyID, e.WrappedKEK, [32]byte{}, encryptor.SuiteAES256GCM
	case metadata.DSSEKMS:
		r.KeyID, r.WrappedKEK, r.OuterKeyID, r.Outer, r.Suite = e.KeyID, e.WrappedKEK, "k1", e.Data, encryptor.SuiteDSSE
	case metadata.SSES3:
	}
	return r
}

// TestForgedByKeyHolders is what is promised and what not: whoever may use one
// of two roots alone can make no object of the other's.
func TestForgedByKeyHolders(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.must(http.MethodPut, "/bucket/known", bytesOf(10, 1), testModes[2].write...)
	known := m.envelope("known")
	// The administrator of the key service can wrap a key, and has no master key.
	provider := kmstest.NewMemory(testKMSKey)
	service, err := kms.New(kms.Options{Provider: provider})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	m.gateways[0].cfg.KMS.Service = service
	kek, err := service.Generate(t.Context(), kms.Use{}, testKMSKey, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(env *metadata.Envelope, outer encryptor.Key) {
		keys := encryptor.Keys{Suite: env.Suite, Data: encryptor.NewKey()}
		if env.Mode == metadata.DSSEKMS {
			keys.Outer = encryptor.NewKey()
		}
		if err := env.Seal(metadata.KEKs{Data: kek.Key, Outer: outer}, keys, "bucket", "object"); err != nil {
			t.Fatal(err)
		}
		foot, err := env.FooterCopy()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := encryptor.SealBytes(nil, keys, bytesOf(1000, 5), foot, encryptor.Digests{})
		if err != nil {
			t.Fatal(err)
		}
		m.plant("object", env, sealed)
	}
	seal(metadata.NewDSSEKMS(testKMSKey, kek.Wrapped, known.OuterKeyID, 1000), encryptor.NewKey())
	if r := m.do(http.MethodGet, "/bucket/object", nil); r.code() != "InvalidObjectState" {
		t.Errorf("two layers: %d %s", r.status, r.body)
	}
	// With SSE-KMS, the key is all there is.
	seal(metadata.NewSSEKMS(testKMSKey, kek.Wrapped, 1000), encryptor.Key{})
	if r := m.do(http.MethodGet, "/bucket/object", nil); !r.ok() {
		t.Errorf("one layer: %d %s", r.status, r.body)
	}
	// Unless those who read may not use it.
	onlyOtherKeys(&m.gateways[0].cfg)
	if r := m.do(http.MethodGet, "/bucket/object", nil); r.code() != "AccessDenied" {
		t.Errorf("another key than those that the client may use: %d %s", r.status, r.body)
	}
}
