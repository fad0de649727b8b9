package copies_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// numbered returns a body that says which of many it is. Its size is one of a
// few, so that bodies of the same size follow each other.
func numbered(i int) []byte {
	b := bytes.Clone(plain([]int{100, 100, 100, 300, 70000, 70000, 2 << 20}[i%7]))
	binary.BigEndian.PutUint64(b, uint64(i)) //nolint:gosec // not negative
	return b
}

// changes are requests that give an object other metadata.
func changes(e *endpoint, m mode, keys ...string) []wire.Request {
	rs := []wire.Request{copyRequest(e.bucket, "object", e.name("object"), m.write...)}
	for _, key := range keys {
		rs = append(rs, update(e.bucket, "object", "", keyARN+key))
	}
	return rs
}

// changing makes the changes of an object again and again, by three clients,
// until the returned function is called. One that meets uploads all the time
// may give up, but nothing else may happen to it.
func (e *endpoint) changing(t *testing.T, changes []wire.Request) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				a := e.Do(t, changes[i%len(changes)])
				if a.Err != nil || a.Status != http.StatusOK && a.Status < http.StatusInternalServerError {
					t.Errorf("changing it: %d %s, %v", a.Status, a.Body, a.Err)
				}
			}
		})
	}
	return func() {
		close(done)
		wg.Wait()
	}
}

// TestUploadsWhileMetadataChange overwrites an object again and again while its
// encryption is changed, or it is copied onto itself. Nobody may see anything but
// whole uploads with their own metadata, and none may be lost.
func TestUploadsWhileMetadataChange(t *testing.T) {
	const uploads = 60
	for _, keys := range [][]string{{"a"}, {"a", "b"}} {
		t.Run(strings.Join(keys, " "), func(t *testing.T) {
			e := start(t, nil)
			m := modeNamed(t, "SSE-KMS a")
			upload := func(i int) {
				e.Put(t, e.bucket, "object", numbered(i), append(m.write, "X-Amz-Meta-Number", fmt.Sprint(i))...)
			}
			upload(0)
			stop := e.changing(t, changes(e, m, keys...))
			for i := range uploads {
				upload(i + 1)
				a := e.Get(t, e.bucket, "object")
				if a.Status < http.StatusInternalServerError && (!bytes.Equal(a.Body, numbered(i+1)) || a.Header.Get("X-Amz-Meta-Number") != fmt.Sprint(i+1)) {
					t.Errorf("upload %d: status %d %s, %d bytes, %v", i+1, a.Status, a.Code(), len(a.Body), a.Header)
				}
			}
			stop()
			a := e.Get(t, e.bucket, "object")
			if !bytes.Equal(a.Body, numbered(uploads)) || a.Header.Get("X-Amz-Meta-Number") != fmt.Sprint(uploads) {
				t.Errorf("in the end: status %d, %d bytes, %v", a.Status, len(a.Body), a.Err)
			}
			if n := e.recovered(); n != 0 {
				t.Errorf("%d times, the object had another's metadata", n)
			}
		})
	}
}

// TestCopiesWhileMetadataChange replaces an object by copies of others, which
// have no envelope of their own in their body, while its metadata are changed.
func TestCopiesWhileMetadataChange(t *testing.T) {
	e := start(t, nil)
	m := modeNamed(t, "SSE-KMS a")
	const sources, copies = 7, 60
	for i := range sources {
		e.Put(t, e.bucket, fmt.Sprint(i), numbered(i), m.write...)
	}
	e.Put(t, e.bucket, "object", numbered(0), m.write...)
	stop := e.changing(t, changes(e, m, "a"))
	for i := range copies {
		e.Expect(t, http.StatusOK, copyRequest(e.bucket, "object", e.name(fmt.Sprint(i%sources)), m.write...))
		if a := e.Get(t, e.bucket, "object"); a.Status < http.StatusInternalServerError && !bytes.Equal(a.Body, numbered(i%sources)) {
			t.Errorf("copy %d: status %d %s, %v", i, a.Status, a.Code(), a.Err)
		}
	}
	stop()
	if a := e.Get(t, e.bucket, "object"); !bytes.Equal(a.Body, numbered((copies-1)%sources)) {
		t.Errorf("in the end: status %d %s, %v", a.Status, a.Code(), a.Err)
	}
}

// TestUploadWhileEncryptedAnew has an upload come in the middle of a copy of an
// object onto itself for which its body is encrypted anew. It is the upload that
// is copied then, unless the copy was to be one of what was there before.
func TestUploadWhileEncryptedAnew(t *testing.T) {
	for _, versions := range []bool{false, true} {
		for _, conditional := range []bool{false, true} {
			t.Run(fmt.Sprintf("versions=%v/conditional=%v", versions, conditional), func(t *testing.T) {
				e := start(t, nil)
				if versions {
					if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
						t.Fatal(err)
					}
				}
				before := e.Put(t, e.bucket, "object", numbered(1), modeNamed(t, "DSSE-KMS").write...).Header.Get("Etag")
				met := false
				e.proxy.Inject(func(r *http.Request) *store.Fault {
					if r.Method == http.MethodPut && !met {
						met = true
						e.Put(t, e.bucket, "object", numbered(2), "X-Amz-Meta-Number", "2")
					}
					return nil
				})
				copying := copyRequest(e.bucket, "object", e.name("object"), modeNamed(t, "SSE-KMS a").write...)
				want := http.StatusOK
				if conditional {
					copying.Header.Set("If-Match", before)
					want = http.StatusPreconditionFailed
				}
				e.Expect(t, want, copying)
				e.proxy.Inject(nil)
				a := e.Get(t, e.bucket, "object")
				if !bytes.Equal(a.Body, numbered(2)) || a.Header.Get("X-Amz-Meta-Number") != "2" || !met {
					t.Errorf("status %d %s, %v", a.Status, a.Code(), a.Header)
				}
			})
		}
	}
}

// TestETagAfterARace: an upload that came together with changes of the key has
// an ETag of its own in the end, so that a condition on what was there before
// does not hold.
func TestETagAfterARace(t *testing.T) {
	e := start(t, nil)
	m := modeNamed(t, "SSE-KMS a")
	before := e.Put(t, e.bucket, "object", numbered(0), m.write...).Header.Get("Etag")
	for i := range 100 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { e.Do(t, update(e.bucket, "object", "", keyARN+"a")) })
		}
		wg.Go(func() { e.Put(t, e.bucket, "object", numbered(i), m.write...) })
		wg.Wait()
		now := e.Head(t, e.bucket, "object").Header.Get("Etag")
		if now == before {
			t.Errorf("upload %d has the ETag of the one before", i)
		}
		before = now
	}
}

// racing is a transport to a store where an upload comes in the middle of the
// first copy of an object onto itself.
type racing struct {
	http.RoundTripper
	upload func(envelope string)
	lost   func() // instead of the answer to the copy, if it is set
	once   sync.Once
}

func (r *racing) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	raced := false
	if isCopy(req) {
		r.once.Do(func() {
			raced = true
			r.upload(req.Header.Get("X-Amz-Meta-S3sse"))
		})
	}
	if !raced {
		return r.RoundTripper.RoundTrip(req)
	}
	r.lost()
	if gone := req.Context().Done(); gone != nil {
		<-gone
		return nil, req.Context().Err()
	}
	return nil, errors.New("the connection was cut")
}

// TestUploadInALostChange has an upload come together with a change of the key,
// of which nobody learns how it ended, in a store that can only be asked to copy
// an object onto itself.
func TestUploadInALostChange(t *testing.T) {
	for name, change := range map[string]func(e *endpoint) wire.Request{
		"update": func(e *endpoint) wire.Request { return update(e.bucket, "object", "", keyARN+"b") },
		"copy": func(e *endpoint) wire.Request {
			return copyRequest(e.bucket, "object", e.name("object"), modeNamed(t, "SSE-KMS b").write...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(racing)
			e := startAt(t, store.VersityGW(t), func(c *gateway.Config) { r.RoundTripper, c.Upstream.Transport = c.Upstream.Transport, r })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r.lost = cancel
			r.upload = func(envelope string) {
				e.Put(t, e.bucket, "object", numbered(1))
				e.mix(t, "object", map[string]string{"S3sse": envelope})
			}
			e.Put(t, e.bucket, "object", numbered(0))
			if resp, err := e.HTTP.Do(e.Build(t, change(e)).WithContext(ctx)); err == nil {
				_ = resp.Body.Close()
				t.Errorf("status %d", resp.StatusCode)
			}
			e.recovered() // when the gateway is done, too
			if a := e.Get(t, e.bucket, "object"); a.Status != http.StatusOK || !bytes.Equal(a.Body, numbered(1)) {
				t.Errorf("status %d %s, %d bytes", a.Status, a.Code(), len(a.Body))
			}
		})
	}
}

// TestMetadataWhileTheKeyChanges gives an object other metadata at the last moment
// before it is written with another envelope.
func TestMetadataWhileTheKeyChanges(t *testing.T) {
	for _, n := range []int{100, 200 << 10} {
		e := start(t, nil)
		m := modeNamed(t, "SSE-KMS a")
		before := e.Put(t, e.bucket, "object", plain(n), m.write...).Header.Get("Etag")
		var raced atomic.Bool
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if r.Header.Get("If-Match") != "" && r.Method != http.MethodGet && !raced.Swap(true) {
				ask := append([]string{"X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-Shape", "round"}, m.write...)
				e.Expect(t, http.StatusOK, copyRequest(e.bucket, "object", e.name("object"), ask...))
			}
			return nil
		})
		e.Expect(t, http.StatusOK, update(e.bucket, "object", "", keyARN+"b"))
		a := e.Get(t, e.bucket, "object")
		if !bytes.Equal(a.Body, plain(n)) || a.Header.Get(keyID) != keyARN+"b" || a.Header.Get("X-Amz-Meta-Shape") != "round" {
			t.Errorf("status %d, %d bytes, %v", a.Status, len(a.Body), a.Header)
		}
		if a.Header.Get("Etag") == before {
			t.Errorf("the object has the ETag of the one before, %s", before)
		}
	}
}

// TestUploadWhilePartsAreCopied overwrites an object at the last moment before
// its successor with another envelope is put together.
func TestUploadWhilePartsAreCopied(t *testing.T) {
	e := start(t, nil)
	e.create(t, modeNamed(t, "SSE-S3"), "object", parted)
	var once sync.Once
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if r.Method == http.MethodPost && strings.Contains(r.RequestURI, "uploadId=") {
			once.Do(func() { e.Put(t, e.bucket, "object", numbered(1)) })
		}
		return nil
	})
	e.Expect(t, http.StatusOK, update(e.bucket, "object", "", keyARN+"b"))
	if a := e.Get(t, e.bucket, "object"); !bytes.Equal(a.Body, numbered(1)) || a.Header.Get(keyID) != keyARN+"b" {
		t.Errorf("status %d, %d bytes, %v", a.Status, len(a.Body), a.Header)
	}
	for u := range e.store.Client().ListIncompleteUploads(t.Context(), e.bucket, "", true) {
		t.Errorf("an upload of %q is left", u.Key)
	}
}

// leaving is a transport to a store whose client goes away when the store has
// done what the request with a number asks for, before it answers.
type leaving struct {
	http.RoundTripper
	left  atomic.Int64 // requests until then
	leave context.CancelFunc
}

func (l *leaving) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.left.Add(-1) != 0 {
		return l.RoundTripper.RoundTrip(req)
	}
	resp, err := l.RoundTripper.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
	l.leave()
	if gone := req.Context().Done(); gone != nil && err == nil {
		<-gone
		_ = resp.Body.Close()
		return nil, req.Context().Err()
	}
	return resp, err
}

// TestLeavingWhileMetadataChange leaves at every moment of a change of an object
// that the store copies in parts. There is a whole object then, and no upload.
func TestLeavingWhileMetadataChange(t *testing.T) {
	l := new(leaving)
	e := startAt(t, store.MinIO(t), func(c *gateway.Config) { l.RoundTripper, c.Upstream.Transport = c.Upstream.Transport, l })
	for at := range int64(6) {
		e.create(t, modeNamed(t, "SSE-S3"), "object", 200<<10)
		ctx, cancel := context.WithCancel(t.Context())
		l.leave = cancel
		l.left.Store(at)
		if resp, err := e.HTTP.Do(e.Build(t, update(e.bucket, "object", "", keyARN+"b")).WithContext(ctx)); err == nil {
			_ = resp.Body.Close()
		}
		cancel()
		e.recovered() // when the gateway is done, too
		l.left.Store(0)
		if a := e.Get(t, e.bucket, "object"); !bytes.Equal(a.Body, plain(200<<10)) {
			t.Errorf("request %d: status %d, %d bytes", at, a.Status, len(a.Body))
		}
		for u := range e.store.Client().ListIncompleteUploads(t.Context(), e.bucket, "", true) {
			t.Errorf("request %d: an upload of %q is left", at, u.Key)
		}
	}
}

// TestMetadataOfAnotherBody makes what such a race leaves behind when the
// gateway dies in it.
func TestMetadataOfAnotherBody(t *testing.T) {
	e := start(t, nil)
	for _, tt := range []struct {
		name       string
		meta, body mode
		sizes      [2]int
		opens      bool
	}{
		{"the same size", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-S3"), [2]int{1000, 1000}, true},
		{"another size", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-S3"), [2]int{1000, 200000}, true},
		{"streamed", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-S3"), [2]int{2 << 20, 2 << 20}, true},
		{"SSE-KMS", modeNamed(t, "SSE-KMS a"), modeNamed(t, "SSE-KMS a"), [2]int{1000, 1000}, true},
		{"two layers", modeNamed(t, "DSSE-KMS"), modeNamed(t, "DSSE-KMS"), [2]int{1000, 70000}, true},
		{"a customer's key", modeNamed(t, "SSE-C a"), modeNamed(t, "SSE-C a"), [2]int{1000, 1000}, true},
		{"body in parts", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-S3"), [2]int{1000, parted}, true},
		{"metadata of parts", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-S3"), [2]int{parted, 1000}, true},
		{"both in parts", modeNamed(t, "SSE-KMS b"), modeNamed(t, "SSE-KMS b"), [2]int{parted, parted}, true},
		{"another key", modeNamed(t, "SSE-KMS a"), modeNamed(t, "SSE-KMS b"), [2]int{1000, 1000}, false},
		{"another mode", modeNamed(t, "SSE-S3"), modeNamed(t, "SSE-KMS a"), [2]int{1000, 1000}, false},
		{"another customer", modeNamed(t, "SSE-C a"), modeNamed(t, "SSE-C b"), [2]int{1000, 1000}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e.create(t, tt.meta, "object", tt.sizes[0])
			meta := e.store.Read(t, e.bucket, "object").Info.UserMetadata
			e.create(t, tt.body, "object", tt.sizes[1])
			e.mix(t, "object", meta)
			n := tt.sizes[1]
			before := e.recovered()
			get := e.Get(t, e.bucket, "object", tt.meta.read...)
			if !tt.opens {
				if get.Code() != "InvalidObjectState" {
					t.Errorf("status %d %s", get.Status, get.Code())
				}
				return
			}
			if get.Status != http.StatusOK || !bytes.Equal(get.Body, plain(n)) || e.recovered() == before {
				t.Errorf("status %d, %d bytes, %v, recovered %t", get.Status, len(get.Body), get.Err, e.recovered() > before)
			}
			rng := e.Get(t, e.bucket, "object", append(tt.meta.read, "Range", fmt.Sprintf("bytes=%d-", n-500))...)
			if rng.Status != http.StatusPartialContent || !bytes.Equal(rng.Body, plain(n)[n-500:]) {
				t.Errorf("a range: status %d, %d bytes", rng.Status, len(rng.Body))
			}
			// A copy is whole again, and so is the object copied onto itself.
			for _, key := range []string{"copy", "object"} {
				ask := append([]string{"X-Amz-Metadata-Directive", "REPLACE"}, tt.meta.source...)
				e.Expect(t, http.StatusOK, copyRequest(e.bucket, key, e.name("object"), append(ask, tt.meta.write...)...))
				before := e.recovered()
				if a := e.Get(t, e.bucket, key, tt.meta.read...); !bytes.Equal(a.Body, plain(n)) || e.recovered() != before {
					t.Errorf("%s: status %d, %d bytes, recovered %t", key, a.Status, len(a.Body), e.recovered() > before)
				}
			}
		})
	}
}

// mix gives an object of the store other metadata.
func (e *endpoint) mix(t *testing.T, key string, meta map[string]string) {
	t.Helper()
	_, err := e.store.Client().CopyObject(t.Context(),
		minio.CopyDestOptions{Bucket: e.bucket, Object: key, UserMetadata: meta, ReplaceMetadata: true},
		minio.CopySrcOptions{Bucket: e.bucket, Object: key})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTamperedBodyStaysTampered: what is not a whole object under the same key
// is not taken for one.
func TestTamperedBodyStaysTampered(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "object", plain(1000))
	e.Put(t, e.bucket, "other", plain(1000))
	for name, change := range map[string]func(o, other []byte) []byte{
		"a bit":            func(o, _ []byte) []byte { o[200] ^= 1; return o },
		"the footer":       func(o, _ []byte) []byte { o[len(o)-100] ^= 1; return o },
		"another object's": func(_, other []byte) []byte { return other },
		"another's footer": func(o, other []byte) []byte { return append(o[:1200], other[1200:]...) },
	} {
		o, other := e.store.Read(t, e.bucket, "object"), e.store.Read(t, e.bucket, "other")
		e.store.Write(t, e.bucket, "object", change(o.Body, other.Body), o.Info.UserMetadata)
		for _, r := range []wire.Request{
			{Method: http.MethodGet, Target: wire.Target(e.bucket, "object", "")},
			copyRequest(e.bucket, "copy", e.name("object"), modeNamed(t, "DSSE-KMS").write...),
		} {
			if a := e.Do(t, r); a.Code() != "InvalidObjectState" {
				t.Errorf("%s: %s %d %s", name, r.Method, a.Status, a.Code())
			}
		}
		e.Put(t, e.bucket, "object", plain(1000))
		if e.Head(t, e.bucket, "copy").Status != http.StatusNotFound {
			t.Errorf("%s: there is a copy", name)
		}
	}
}
