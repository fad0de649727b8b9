package security_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
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
		{0, size},
		{0, 1},
		{0, chunk},
		{chunk - 1, 2},
		{chunk, chunk},
		{chunk, 1},
		{3*chunk + 5, 4 * chunk},
		{size - 1, 1},
		{size - 17, 17},
		{size - chunk, chunk},
		{chunk, size - chunk},
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
