package security_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

const (
	chunk       = 65536
	sealedChunk = chunk + 28
	headerSize  = 96
	streamed    = 1<<20 + 3*chunk + 17 // a size that is not buffered
)

// envelopeHeader is where an object's envelope is.
const envelopeHeader = "X-Amz-Meta-S3sse"

// checkNotFooled fails the test if the answer to a read of want gives anything
// else for it. It reports whether all of want was given.
func checkNotFooled(t *testing.T, what string, a wire.Answer, want []byte) bool {
	t.Helper()
	switch {
	case a.Status == 0 && a.Err != nil: // cut before anything was sent
	case a.Status == http.StatusOK || a.Status == http.StatusPartialContent:
		if a.Length != int64(len(want)) {
			t.Errorf("%s: Content-Length %d, want %d", what, a.Length, len(want))
		}
		if !bytes.HasPrefix(want, a.Body) {
			t.Errorf("%s: %d wrong bytes", what, len(a.Body))
		}
		if a.Err == nil && len(a.Body) != len(want) {
			t.Errorf("%s: %d of %d bytes look complete", what, len(a.Body), len(want))
		}
		return a.Err == nil
	case a.Status == http.StatusForbidden:
		checkError(t, a, http.StatusForbidden, "InvalidObjectState")
	case a.Status >= http.StatusInternalServerError:
		checkError(t, a, a.Status, a.Code())
	default:
		t.Errorf("%s: status %d %.300s", what, a.Status, a.Body)
	}
	return false
}

// TestEveryByte inverts every byte that the store sends of a small object, and
// cuts the object short in many places.
func TestEveryByte(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	content := body(5, 1)
	e.Put(t, e.bucket, "k", content)
	size := encryptor.StoredSize(int64(len(content)))
	for i := range size {
		e.proxy.Inject(store.Always("", store.Fault{Body: store.FlipByte(i)}))
		if checkNotFooled(t, fmt.Sprint("byte ", i), e.Get(t, e.bucket, "k"), content) {
			t.Errorf("byte %d of %d changed unnoticed", i, size)
		}
	}
	for n := int64(0); n < size; n += 1 + n%16 {
		e.proxy.Inject(store.Always("", store.Fault{Header: store.SetSize(n)}))
		if checkNotFooled(t, fmt.Sprint("cut to ", n), e.Get(t, e.bucket, "k"), content) {
			t.Errorf("%d of %d bytes were enough", n, size)
		}
		if a := e.Head(t, e.bucket, "k"); a.Status != http.StatusForbidden || len(a.Body) > 0 {
			t.Errorf("HEAD of %d of %d bytes: status %d", n, size, a.Status)
		}
	}
}

// TestEveryCharacter changes every character of the envelope.
func TestEveryCharacter(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	content := body(5, 2)
	e.Put(t, e.bucket, "k", content)
	info, err := e.store.Client().StatObject(t.Context(), e.bucket, "k", minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	value := info.Metadata.Get(envelopeHeader)
	if len(value) < 100 {
		t.Fatalf("envelope %q", value)
	}
	changes := []string{value[:len(value)-1], value + "A", value + "AAAA", value + "=", " ", "A", "!", value + "," + value}
	for i := range value {
		other := byte('A')
		if value[i] == other {
			other = 'B'
		}
		changes = append(changes, value[:i]+string(other)+value[i+1:])
	}
	for _, changed := range changes {
		e.proxy.Inject(store.Always("", store.Fault{Header: func(h http.Header) { h.Set(envelopeHeader, changed) }}))
		for name, a := range map[string]wire.Answer{
			"GET":   e.Get(t, e.bucket, "k"),
			"range": e.Get(t, e.bucket, "k", "Range", "bytes=1-2"),
			"HEAD":  e.Head(t, e.bucket, "k"),
		} {
			// A key id that is changed is one that does not exist.
			if a.Status != http.StatusForbidden && a.Status != http.StatusBadRequest && a.Status != http.StatusNotImplemented {
				t.Errorf("%s with envelope %q: status %d, %q", name, changed, a.Status, a.Body)
			}
			if bytes.Contains(a.Body, content) {
				t.Errorf("%s with envelope %q gave the content", name, changed)
			}
		}
	}
}

// reads are ranges of a streamed object: within a chunk, across chunks, at the
// edges, open.
func reads(size int) [][2]int {
	return [][2]int{
		{0, size}, {0, 1}, {0, chunk}, {chunk - 1, 2}, {chunk, chunk}, {chunk, 1}, {3*chunk + 5, 4 * chunk}, {size - 1, 1}, {size - 17, 17},
		{size - chunk, chunk}, {chunk, size - chunk},
	}
}

// touches reports whether the plaintext range touches chunk i.
func touches(off, n, i int) bool { return off/chunk <= i && i <= (off+n-1)/chunk }

// TestDamagedObjects changes what the store holds and reads the whole and
// parts of it.
func TestDamagedObjects(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	content := body(streamed, 3)
	e.Put(t, e.bucket, "k", content)
	original := e.store.Read(t, e.bucket, "k")
	last := streamed / chunk
	bodyEnd := headerSize + streamed + 28*(last+1)
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for _, tc := range []struct {
		name   string
		damage func([]byte) []byte
		chunk  int // that cannot be read any more; -1: none
		all    bool
	}{
		{"magic", flip(0), -1, false},
		{"version", flip(4), -1, false},
		{"suite", flip(5), -1, false},
		{"flags", flip(7), -1, false},
		{"part", flip(11), -1, false},
		{"length", flip(23), -1, false},
		{"salt", flip(40), -1, false},
		{"commitment", flip(90), -1, false},
		{"first nonce", flip(headerSize), 0, false},
		{"first chunk", flip(headerSize + 20), 0, false},
		{"first tag", flip(headerSize + sealedChunk - 1), 0, false},
		{"fifth chunk", flip(headerSize + 5*sealedChunk + 100), 5, false},
		{"last chunk", flip(bodyEnd - 20), last, false},
		{"footer", func(b []byte) []byte { b[len(b)-30] ^= 1; return b }, -1, false},
		{"footer length", func(b []byte) []byte { b[len(b)-5] ^= 1; return b }, -1, false},
		{"filler", flip(bodyEnd), -1, false},
		{"no footer", func(b []byte) []byte { return b[:bodyEnd] }, -1, true},
		{"cut at a chunk", func(b []byte) []byte { return b[:headerSize+4*sealedChunk] }, -1, true},
		{"cut at a valid size", func(b []byte) []byte { return b[:encryptor.StoredSize(4*chunk)] }, -1, true},
		{"only a header", func(b []byte) []byte { return b[:headerSize] }, -1, true},
		{"one byte less", func(b []byte) []byte { return b[:len(b)-1] }, -1, true},
		{"one byte more", func(b []byte) []byte { return append(b, 0) }, -1, true},
		{"twice", func(b []byte) []byte { return append(b, b...) }, -1, true},
		{"nothing", func([]byte) []byte { return nil }, -1, true},
		{"chunks in another order", func(b []byte) []byte {
			one := slices.Clone(b[headerSize+sealedChunk:][:sealedChunk])
			copy(b[headerSize+sealedChunk:], b[headerSize+2*sealedChunk:][:sealedChunk])
			copy(b[headerSize+2*sealedChunk:], one)
			return b
		}, 1, false},
		{"a chunk twice", func(b []byte) []byte {
			copy(b[headerSize+5*sealedChunk:], b[headerSize+4*sealedChunk:][:sealedChunk])
			return b
		}, 5, false},
		{"chunk missing, end moved up", func(b []byte) []byte {
			return slices.Delete(b, headerSize+4*sealedChunk, headerSize+5*sealedChunk)
		}, -1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.store.Write(t, e.bucket, "k", tc.damage(slices.Clone(original.Body)), original.Info.UserMetadata)
			for _, rd := range reads(streamed) {
				off, n := rd[0], rd[1]
				var a wire.Answer
				whole := n == streamed
				if whole {
					a = e.Get(t, e.bucket, "k")
				} else {
					a = e.Get(t, e.bucket, "k", "Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
				}
				what := fmt.Sprintf("[%d, %d)", off, off+n)
				complete := checkNotFooled(t, what, a, content[off:off+n])
				must := tc.all || whole || tc.chunk >= 0 && touches(off, n, tc.chunk)
				if complete && must {
					t.Errorf("%s was given", what)
				}
				if !complete && !must {
					t.Errorf("%s is intact and was not given: status %d", what, a.Status)
				}
				if first := tc.all || tc.chunk >= 0 && off/chunk == tc.chunk; first && a.Status != http.StatusForbidden {
					t.Errorf("%s: status %d, want an error before the first byte", what, a.Status)
				}
			}
		})
	}
}

// TestMovedObjects puts authentic objects where they were not written.
func TestMovedObjects(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads *"}, func(t *testing.T, e *endpoint) {
		other := e.store.Bucket(t)
		a, b := body(70_000, 4), body(70_000, 5)
		for _, key := range []string{"a", "old"} {
			e.Put(t, e.bucket, key, a)
		}
		e.Put(t, e.bucket, "b", b)
		e.Put(t, e.bucket, "empty", nil)
		e.Put(t, other, "a", b)
		sa, sb, soa, se := e.store.Read(t, e.bucket, "a"), e.store.Read(t, e.bucket, "b"), e.store.Read(t, other, "a"), e.store.Read(t, e.bucket, "empty")
		so := e.store.Read(t, e.bucket, "old")
		e.Put(t, e.bucket, "old", b)
		sn := e.store.Read(t, e.bucket, "old")
		for _, tc := range []struct {
			name, key string
			body      []byte
			meta      map[string]string
		}{
			{"body of another key", "a", sb.Body, sa.Info.UserMetadata},
			{"metadata of another key", "a", sa.Body, sb.Info.UserMetadata},
			{"object of another key", "a", sb.Body, sb.Info.UserMetadata},
			{"object of another bucket", "a", soa.Body, soa.Info.UserMetadata},
			{"copied", "copy", sa.Body, sa.Info.UserMetadata},
			{"copied below a prefix", "dir/a", sa.Body, sa.Info.UserMetadata},
			{"emptied", "a", se.Body, se.Info.UserMetadata},
			{"body emptied", "a", se.Body, sa.Info.UserMetadata},
			{"old metadata, new body", "old", sn.Body, so.Info.UserMetadata},
			{"new metadata, old body", "old", so.Body, sn.Info.UserMetadata},
			{"envelope gone", "a", sa.Body, nil},
			{"envelope under another name", "a", sa.Body, map[string]string{"S3sse2": sa.Info.UserMetadata["S3sse"]}},
			{"plaintext with an envelope", "a", a, sa.Info.UserMetadata},
			{"nothing with an envelope", "a", nil, sa.Info.UserMetadata},
		} {
			t.Run(tc.name, func(t *testing.T) {
				// VersityGW merges metadata into that of an object which is there.
				if err := e.store.Client().RemoveObject(t.Context(), e.bucket, tc.key, minio.RemoveObjectOptions{}); err != nil {
					t.Fatal(err)
				}
				e.store.Write(t, e.bucket, tc.key, tc.body, tc.meta)
				checkError(t, e.Get(t, e.bucket, tc.key), http.StatusForbidden, "InvalidObjectState")
				checkError(t, e.Get(t, e.bucket, tc.key, "Range", "bytes=0-9"), http.StatusForbidden, "InvalidObjectState")
				checkError(t, e.Get(t, e.bucket, tc.key, "Range", "bytes=-9"), http.StatusForbidden, "InvalidObjectState")
				// The metadata alone does not tell that the body is another.
				if head := e.Head(t, e.bucket, tc.key); head.Status != http.StatusOK && head.Status != http.StatusForbidden {
					t.Errorf("HEAD: status %d", head.Status)
				}
			})
		}
	})
}

// TestPlaintextIsRefused reads what somebody put into the store unencrypted.
func TestPlaintextIsRefused(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads other-*"}, func(t *testing.T, e *endpoint) {
		for key, content := range map[string][]byte{"small": []byte("planted"), "large": body(streamed, 6), "empty": nil, "prefix": []byte("S3SE and more")} {
			e.store.Write(t, e.bucket, key, content, nil)
			for _, r := range [][]string{nil, {"Range", "bytes=0-3"}, {"Range", "bytes=2-"}, {"Range", "bytes=5000000-"}, {"If-None-Match", "*"}} {
				doc := checkError(t, e.Get(t, e.bucket, key, r...), http.StatusForbidden, "InvalidObjectState")
				if key != "prefix" && !strings.Contains(doc.Message, "plaintext_reads") {
					t.Errorf("%s %v: message %q does not name plaintext_reads", key, r, doc.Message)
				}
				if a := e.Head(t, e.bucket, key, r...); a.Status != http.StatusForbidden {
					t.Errorf("HEAD %s %v: status %d", key, r, a.Status)
				}
			}
		}
	})
}
