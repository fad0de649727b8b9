package rotation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const bucket = "photos"

var quiet = slog.New(slog.DiscardHandler)

// masters returns two keyrings with the same keys, of which the first has "a"
// active and the other "b".
func masters(t testing.TB) (a, b *localkeys.Keyring) {
	t.Helper()
	keys := []localkeys.Key{localkeys.Generate("a"), localkeys.Generate("b")}
	a, err := localkeys.New(keys, "a")
	if err != nil {
		t.Fatal(err)
	}
	if b, err = localkeys.New(keys, "b"); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func name(key string) rotation.Name { return rotation.Name{Bucket: bucket, Key: key} }

// plain returns the plaintext of an object, which must open under its metadata
// and be whole.
func plain(t testing.TB, f *fake, keys rotation.Keys, unwrap kms.Provider, key string) (string, *metadata.Envelope, *encryptor.Record) {
	t.Helper()
	o, err := f.find(name(key))
	if err != nil {
		t.Fatal(err)
	}
	env, err := metadata.FromHeader(o.header)
	if err != nil || env == nil {
		t.Fatalf("%s: %v, %v", key, env, err)
	}
	var keks metadata.KEKs
	if len(env.WrappedKEK) > 0 {
		if keks.Data, _, err = unwrap.Unwrap(t.Context(), env.KeyID, env.WrappedKEK, env.Context); err == nil && env.OuterKeyID != "" {
			keks.Outer, err = keys.OuterKEK(env.OuterKeyID, env.Salt)
		}
	} else {
		keks.Data, err = keys.KEK(env.KeyID, env.Salt)
	}
	if err != nil {
		t.Fatal(err)
	}
	dek, err := env.Open(keks, bucket, key)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	rec, err := encryptor.OpenFooter(dek, int64(len(o.body)), o.body)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	l, err := encryptor.SingleLayout(int64(len(o.body)))
	if env.Multipart {
		l, err = encryptor.MultipartLayout(int64(len(o.body)), rec)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(encryptor.NewOpener(dek, l, bytes.NewReader(o.body)))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return string(body), env, rec
}

// TestRewrapResumes stops a job in several places. The same call goes on, and at
// the end everything is moved and counted once.
func TestRewrapResumes(t *testing.T) {
	const objects = 700
	a, b := masters(t)
	f := newFake()
	for i := range objects {
		n := name(fmt.Sprintf("k%04d", i))
		h, body := sealed(t, a, n, n.Key)
		f.put(n, h, body)
	}
	o := rotation.Options{Store: f, StoreName: "s", Keys: b, State: filepath.Join(t.TempDir(), "state")}
	broken := errors.New("the network is down")
	for _, at := range []string{"k0300", "k0600"} {
		f.before = func(op string, n rotation.Name) error {
			if op == "List" && n.Key == at {
				return broken
			}
			return nil
		}
		r, err := rotation.Rewrap(t.Context(), o)
		if !errors.Is(err, broken) || r == nil {
			t.Fatalf("%v, %v", r, err)
		}
		if _, err := os.Stat(o.State); err != nil {
			t.Fatal(err)
		}
	}
	other := o
	other.Keys = a
	if _, err := rotation.Rewrap(t.Context(), other); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("with another active key: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.before = func(op string, n rotation.Name) error {
		if op == "Put" && n.Key > "k0620" {
			cancel()
		}
		return nil
	}
	if _, err := rotation.Rewrap(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("canceled: %v", err)
	}
	f.before = func(string, rotation.Name) error { return nil }
	r, err := rotation.Rewrap(t.Context(), o)
	if err != nil || r.Total.Objects() != objects || r.Total.Failed+r.Total.Remaining != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := os.Stat(o.State); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
	if n := f.calls["Put"]; n > objects+50 { // those of the page that was canceled may have been made
		t.Errorf("%d writes", n)
	}
	for i := range objects {
		key := fmt.Sprintf("k%04d", i)
		if got, env, _ := plain(t, f, b, nil, key); got != key || env.KeyID != "b" {
			t.Fatalf("%s is %q under %s", key, got, env.KeyID)
		}
	}
}

// TestRewrapUploads completes an upload that began under the old key while the
// job, which is past the place of its object, goes on, or is stopped. The report
// must not say that nothing is left under the old key.
func TestRewrapUploads(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		a, b := masters(t)
		f := newFake()
		for i := range 300 {
			n := name(fmt.Sprintf("k%03d", i))
			h, body := sealed(t, a, n, n.Key)
			f.put(n, h, body)
		}
		record := rotation.Name{Bucket: "system", Key: "uploads/1/upload"}
		f.put(record, nil, []byte("S3SR\x01\x01a and more"))
		broken := errors.New("the network is down")
		f.before = func(op string, n rotation.Name) error {
			if op != "List" || n.Key != "k299" || f.objects["system"][record.Key] == nil {
				return nil
			}
			h, body := sealed(t, a, name("early"), "x")
			f.put(name("early"), h, body)
			delete(f.objects["system"], record.Key)
			if stopped {
				return broken
			}
			return nil
		}
		o := rotation.Options{
			Store: f, StoreName: "s", Keys: b, SystemBucket: "system", Logger: quiet, State: filepath.Join(t.TempDir(), "state"),
		}
		r, err := rotation.Rewrap(t.Context(), o)
		if stopped {
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
			r, err = rotation.Rewrap(t.Context(), o)
		}
		if err != nil || r.Total.Moved != 300 || r.Uploads["a"] != 1 {
			t.Fatalf("stopped %v: %+v, %v", stopped, r, err)
		}
		if r, err = rotation.Rewrap(t.Context(), o); err != nil || r.Total.Moved != 1 || len(r.Uploads) != 0 {
			t.Errorf("stopped %v, the next run: %+v, %v", stopped, r, err)
		}
	}
}

func TestRewrapBadState(t *testing.T) {
	_, b := masters(t)
	for _, content := range []string{"", "x", "{}", `{"version":2}`, `{"version":1,"more":1}`, `[1]`} {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := rotation.Rewrap(t.Context(), rotation.Options{Store: newFake(), Keys: b, State: path}); err == nil {
			t.Errorf("%q is taken for a state", content)
		}
		if got, _ := os.ReadFile(path); string(got) != content {
			t.Errorf("%q was overwritten", content)
		}
	}
}

// TestRewrapRaces lets uploads come at every moment of a move.
func TestRewrapRaces(t *testing.T) {
	a, b := masters(t)
	p := kmstest.NewMemory("k")
	kek, err := p.Wrap(t.Context(), "k", encryptor.NewKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	unwrapped, _, err := p.Unwrap(t.Context(), "k", kek.Ciphertext, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := name("k")
	for _, upload := range []struct {
		name string
		make func() (http.Header, []byte)
	}{
		{"old key", func() (http.Header, []byte) { return sealed(t, a, n, "new") }},
		{"new key", func() (http.Header, []byte) { return sealed(t, b, n, "new") }},
		{"another mode", func() (http.Header, []byte) {
			return seal(t, metadata.NewSSEKMS("k", kek.Ciphertext, 3), metadata.KEKs{Data: unwrapped}, n, "new")
		}},
	} {
		for _, tt := range []struct {
			size    int // of the object before
			moments []string
		}{
			{3, []string{"Peek", "Get", "Put", "after Put"}},
			{gateway.MaxRewriteWhole, []string{"Peek", "BeginUpload", "PutPart", "CompleteUpload", "after CompleteUpload"}},
		} {
			for _, moment := range tt.moments {
				t.Run(upload.name+" "+moment, func(t *testing.T) {
					f := newFake()
					h, body := sealed(t, a, n, strings.Repeat("o", tt.size))
					f.put(n, h, body)
					done := false
					come := func(op string) error {
						if op == moment && !done {
							done = true
							h, body := upload.make()
							f.put(n, h, body)
						}
						return nil
					}
					f.before = func(op string, _ rotation.Name) error { return come(op) }
					f.after = func(op string, _ rotation.Name) error { return come("after " + op) }
					service, err := kms.New(kms.Options{Provider: p})
					if err != nil {
						t.Fatal(err)
					}
					defer service.Close()
					r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: f, Keys: b, KMS: service, Logger: quiet})
					if err != nil || r.Total.Failed+r.Total.Remaining != 0 || r.Raced != 0 || !done {
						t.Fatalf("%+v, %v, uploaded %t", r, err, done)
					}
					got, env, _ := plain(t, f, b, p, "k")
					if got != "new" || env.Mode == metadata.SSES3 && env.KeyID != "b" {
						t.Errorf("%q under %s", got, env.KeyID)
					}
				})
			}
		}
	}
}

// TestRewrapExclusive leaves the data of an object alone where nobody else
// writes, and puts it in order all the same if somebody does.
func TestRewrapExclusive(t *testing.T) {
	a, b := masters(t)
	for _, raced := range []bool{false, true} {
		f := newFake()
		h, body := sealed(t, a, name("k"), "old")
		f.put(name("k"), h, body)
		want, races := "old", int64(0)
		if raced {
			want, races = "new", 1
			f.unguarded = func(n rotation.Name) {
				h, body := sealed(t, b, n, "new")
				f.put(n, h, body)
			}
		}
		r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: f, Keys: b, Logger: quiet, Exclusive: true})
		if err != nil || r.Total.Failed+r.Total.Remaining != 0 || r.Raced != races || f.calls["Copy"] != 1 {
			t.Errorf("%+v, %v, %v", r, err, f.calls)
		}
		if writes := f.calls["Put"] + f.calls["CompleteUpload"]; writes != int(races) {
			t.Errorf("%d writes", writes)
		}
		if got, _, _ := plain(t, f, b, nil, "k"); got != want {
			t.Errorf("%q", got)
		}
	}
}

// TestRewrapElsewhere is at a store that does not find an object where it would
// replace it, however often it is asked.
func TestRewrapElsewhere(t *testing.T) {
	a, b := masters(t)
	for op, text := range map[string]string{"Put": "x", "CompleteUpload": strings.Repeat("x", gateway.MaxRewriteWhole)} {
		for exclusive, want := range map[bool]rotation.Count{false: {Remaining: 1}, true: {Moved: 1}} {
			f := newFake()
			h, body := sealed(t, a, name("k"), text)
			f.put(name("k"), h, body)
			f.objects[bucket]["k"].header.Del("X-Amz-Checksum-Type") // by which it is not changed in place in any case
			f.before = func(o string, _ rotation.Name) error {
				if o == op {
					return s3api.ErrNoSuchKey
				}
				return nil
			}
			r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: f, Keys: b, Logger: quiet, Exclusive: exclusive})
			if err != nil || r.Total != want || f.calls[op] != 1 {
				t.Errorf("%s, exclusive %t: %+v, %v, %v", op, exclusive, r, err, f.calls)
			}
			if got, _, _ := plain(t, f, b, nil, "k"); got != text {
				t.Errorf("%s, exclusive %t: %d bytes", op, exclusive, len(got))
			}
		}
	}
}

// TestRewrapLostAnswers makes changes of which the answer is lost.
func TestRewrapLostAnswers(t *testing.T) {
	a, b := masters(t)
	for _, fails := range []string{"before", "after"} {
		f := newFake()
		h, body := sealed(t, a, name("k"), "x")
		f.put(name("k"), h, body)
		lost := func(op string, _ rotation.Name) error {
			if op == "Put" {
				return errors.New("connection reset")
			}
			return nil
		}
		want := rotation.Count{Moved: 1}
		if fails == "before" {
			f.before, want = lost, rotation.Count{Failed: 1}
		} else {
			f.after = lost
		}
		r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: f, Keys: b, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Total); diff != "" {
			t.Errorf("%s: %s", fails, diff)
		}
	}
}

// TestRewrapBadFooter has objects whose body is damaged in the envelope that it
// has of its own. Their metadata are good, and stay.
func TestRewrapBadFooter(t *testing.T) {
	v := newVault(t)
	h, body := sealed(t, v.a, name("s3"), "x")
	v.put(name("s3"), h, body)
	v.add(t, "one", "kms", 1, false, false)
	v.add(t, "one", "dsse", 1, false, true)
	v.Rotate("one")
	before := make(map[string]string)
	for key, o := range v.objects[bucket] {
		raw, err := encryptor.FooterEnvelope(o.body)
		if err != nil {
			t.Fatal(err)
		}
		env, err := metadata.DecodeFooterCopy(raw)
		if err != nil {
			t.Fatal(err)
		}
		o.body[bytes.LastIndex(o.body, env.Data.Commitment[:])] ^= 1
		before[key] = o.header.Get(metadata.Header)
	}
	r, err := rotation.Rewrap(t.Context(), rotation.Options{Store: v.fake, Keys: v.b, KMS: v.service, Logger: quiet})
	if err != nil || r.Total != (rotation.Count{Failed: 3}) {
		t.Errorf("%+v, %v", r, err)
	}
	for key, o := range v.objects[bucket] {
		if o.header.Get(metadata.Header) != before[key] {
			t.Errorf("the metadata of %s have changed", key)
		}
	}
}
