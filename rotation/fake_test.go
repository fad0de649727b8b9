package rotation_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// fake is a store in memory that changes metadata in place, as MinIO does.
type fake struct {
	kind   string
	bucket rotation.Bucket
	lists  bool   // metadata
	id     string // of versions

	// before runs at the beginning of every call; an error is the call's.
	before func(op string, n rotation.Name) error
	// after runs at the end of a call that has worked.
	after func(op string, n rotation.Name) error
	// unguarded runs between the check of a copy and the copy itself.
	unguarded func(n rotation.Name)

	mu      sync.Mutex
	objects map[string]map[string]*stored // by bucket and key
	uploads map[string]map[int][]byte
	headers map[string]http.Header // of uploads
	calls   map[string]int

	readings map[rotation.Name][]*reading
}

type stored struct {
	header http.Header
	body   []byte
	when   time.Time
}

func newFake() *fake {
	return &fake{
		kind: "MinIO", lists: true, id: "null",
		before:    func(string, rotation.Name) error { return nil },
		after:     func(string, rotation.Name) error { return nil },
		unguarded: func(rotation.Name) {},
		objects:   make(map[string]map[string]*stored),
		uploads:   make(map[string]map[int][]byte), headers: make(map[string]http.Header),
		calls: make(map[string]int), readings: make(map[rotation.Name][]*reading),
	}
}

// put stores an object around the interface.
func (f *fake) put(n rotation.Name, h http.Header, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects[n.Bucket] == nil {
		f.objects[n.Bucket] = make(map[string]*stored)
	}
	h = h.Clone()
	if h == nil {
		h = make(http.Header)
	}
	sum := md5.Sum(body)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
	h.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	h.Set("Last-Modified", time.Unix(1e9, 0).UTC().Format(http.TimeFormat))
	f.objects[n.Bucket][n.Key] = &stored{h, body, time.Unix(1e9, 0)}
}

func (f *fake) begin(ctx context.Context, op string, n rotation.Name) error {
	f.mu.Lock()
	f.calls[op]++
	f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.before(op, n)
}

func (f *fake) find(n rotation.Name) (*stored, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[n.Bucket][n.Key]
	if o == nil {
		return nil, s3api.ErrNoSuchKey
	}
	c := *o
	return &c, nil
}

func (f *fake) object(o *stored) *rotation.Object {
	return &rotation.Object{
		Header: o.header.Clone(), Size: int64(len(o.body)), ETag: strings.Trim(o.header.Get("Etag"), `"`), Modified: o.when,
	}
}

func (f *fake) Kind() string { return f.kind }

func (f *fake) Buckets(ctx context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(f.objects)), f.begin(ctx, "Buckets", rotation.Name{})
}

func (f *fake) Bucket(ctx context.Context, b string) (rotation.Bucket, error) {
	return f.bucket, f.begin(ctx, "Bucket", rotation.Name{Bucket: b})
}

func (f *fake) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[rotation.Entry, error] {
	return func(yield func(rotation.Entry, error) bool) {
		f.mu.Lock()
		keys := slices.Sorted(maps.Keys(f.objects[bucket]))
		f.mu.Unlock()
		for _, key := range keys {
			if key <= after || !strings.HasPrefix(key, prefix) {
				continue
			}
			n := rotation.Name{Bucket: bucket, Key: key}
			err := f.begin(ctx, "List", n)
			o, gone := f.find(n)
			if gone != nil {
				continue
			}
			e := rotation.Entry{
				Key: key, VersionID: f.id, Latest: true, Size: int64(len(o.body)), Modified: o.when,
				ETag: strings.Trim(o.header.Get("Etag"), `"`), EnvelopeKnown: f.lists,
			}
			if f.lists {
				e.Envelope = o.header.Get(metadata.Header)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (f *fake) Head(ctx context.Context, n rotation.Name) (*rotation.Object, error) {
	if err := f.begin(ctx, "Head", n); err != nil {
		return nil, err
	}
	o, err := f.find(n)
	if err != nil {
		return nil, err
	}
	return f.object(o), nil
}

func (f *fake) HeadPart(ctx context.Context, n rotation.Name, _ int) (*rotation.Object, error) {
	return f.Head(ctx, n)
}

func (f *fake) Peek(ctx context.Context, n rotation.Name, size int64) (*rotation.Object, []byte, error) {
	if err := f.begin(ctx, "Peek", n); err != nil {
		return nil, nil, err
	}
	o, err := f.find(n)
	if err != nil {
		return nil, nil, err
	}
	return f.object(o), o.body[max(0, int64(len(o.body))-size):], nil
}

func (f *fake) Get(ctx context.Context, n rotation.Name, etag string, offset, length int64) (io.ReadCloser, error) {
	if err := f.begin(ctx, "Get", n); err != nil {
		return nil, err
	}
	o, err := f.find(n)
	if err != nil {
		return nil, err
	}
	if strings.Trim(o.header.Get("Etag"), `"`) != etag {
		return nil, s3api.ErrPreconditionFailed
	}
	end := int64(len(o.body))
	if length > 0 {
		end = min(end, offset+length)
	}
	r := &reading{Reader: bytes.NewReader(o.body[offset:end])}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readings[n] = append(f.readings[n], r)
	return r, nil
}

// reading is a body that is read.
type reading struct {
	*bytes.Reader
	closed bool
}

func (r *reading) Close() error { r.closed = true; return nil }

// locked reports whether an object is being read. A conditional upload would
// wait for that, as it does in MinIO.
func (f *fake) locked(n rotation.Name) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kind == "MinIO" && slices.ContainsFunc(f.readings[n], func(r *reading) bool { return !r.closed && r.Len() > 0 })
}

func (f *fake) Tags(context.Context, rotation.Name) (string, error)      { return "", nil }
func (f *fake) ACL(context.Context, rotation.Name) ([]byte, error)       { return nil, nil }
func (f *fake) PutACL(context.Context, rotation.Name, []byte) error      { return nil }
func (f *fake) AbortUpload(context.Context, rotation.Name, string) error { return nil }

func (f *fake) Copy(ctx context.Context, c rotation.Change) (*s3api.CopyResult, error) {
	if err := f.begin(ctx, "Copy", c.Name); err != nil {
		return nil, err
	}
	o, err := f.find(c.Name)
	if err != nil {
		return nil, err
	}
	old := o.header
	if strings.Trim(old.Get("Etag"), `"`) != c.ETag {
		return nil, s3api.ErrPreconditionFailed
	}
	f.unguarded(c.Name)
	f.mu.Lock()
	now := f.objects[c.Bucket][c.Key]
	if now == nil {
		f.mu.Unlock()
		return nil, s3api.ErrNoSuchKey
	}
	h := c.Header.Clone()
	for _, name := range []string{"Etag", "X-Amz-Checksum-Type", "Last-Modified"} {
		h[name] = old[name] // also the ETag of the other body, as MinIO does
	}
	f.objects[c.Bucket][c.Key] = &stored{h, now.body, now.when}
	f.mu.Unlock()
	return &s3api.CopyResult{ETag: c.ETag}, f.after("Copy", c.Name)
}

// replaceable reports whether an object is the one that a write replaces.
func (f *fake) replaceable(n rotation.Name, h http.Header) bool {
	o, err := f.find(n)
	return h.Get("If-Match") == "" || err == nil && o.header.Get("Etag") == h.Get("If-Match")
}

func (f *fake) Put(ctx context.Context, n rotation.Name, h http.Header, body rotation.Body) error {
	if err := f.begin(ctx, "Put", n); err != nil {
		return err
	}
	if h.Get("If-Match") != "" && f.locked(n) {
		return errors.New("the object is locked")
	}
	data, err := readBody(body)
	if err != nil {
		return err
	}
	if !f.replaceable(n, h) {
		return s3api.ErrPreconditionFailed
	}
	f.put(n, h, data)
	return f.after("Put", n)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readBody receives an upload and checks it as a store does.
func readBody(body rotation.Body) ([]byte, error) {
	data, err := io.ReadAll(body.Reader)
	if err == nil && (int64(len(data)) != body.Size || crc32.Checksum(data, castagnoli) != body.CRC32C) {
		err = s3api.ErrBadDigest
	}
	return data, err
}

func (f *fake) BeginUpload(ctx context.Context, n rotation.Name, h http.Header, _ bool) (string, error) {
	if err := f.begin(ctx, "BeginUpload", n); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := strconv.Itoa(len(f.uploads))
	f.uploads[id], f.headers[id] = make(map[int][]byte), h
	return id, nil
}

func (f *fake) PutPart(ctx context.Context, n rotation.Name, upload string, number int, body rotation.Body) (s3api.CompletedPart, error) {
	p := s3api.CompletedPart{Number: number}
	if err := f.begin(ctx, "PutPart", n); err != nil {
		return p, err
	}
	data, err := readBody(body)
	if err != nil {
		return p, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploads[upload][number] = data
	return p, nil
}

func (f *fake) CopyPart(ctx context.Context, n rotation.Name, upload string, number int, source rotation.Name, etag string, first, last int64) (s3api.CompletedPart, error) {
	body, err := f.Get(ctx, source, etag, first, last-first+1)
	if err != nil {
		return s3api.CompletedPart{}, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return s3api.CompletedPart{}, err
	}
	sum := crc32.Checksum(data, castagnoli)
	return f.PutPart(ctx, n, upload, number, rotation.Body{Reader: bytes.NewReader(data), Size: last - first + 1, CRC32C: sum})
}

func (f *fake) CompleteUpload(ctx context.Context, n rotation.Name, upload string, parts []s3api.CompletedPart, h http.Header) error {
	if err := f.begin(ctx, "CompleteUpload", n); err != nil {
		return err
	}
	if !f.replaceable(n, h) {
		return s3api.ErrPreconditionFailed
	}
	var body []byte
	for _, p := range parts {
		body = append(body, f.uploads[upload][p.Number]...)
	}
	f.put(n, f.headers[upload], body)
	return f.after("CompleteUpload", n)
}

// sealed makes an object of SSE-S3 as the gateway does.
func sealed(t testing.TB, keys rotation.Keys, n rotation.Name, plain string) (http.Header, []byte) {
	t.Helper()
	env := metadata.NewSSES3(keys.Active(), int64(len(plain)))
	kek, err := keys.KEK(env.KeyID, env.Salt)
	if err != nil {
		t.Fatal(err)
	}
	return seal(t, env, metadata.KEKs{Data: kek}, n, plain)
}

func seal(t testing.TB, env *metadata.Envelope, keks metadata.KEKs, n rotation.Name, plain string) (http.Header, []byte) {
	t.Helper()
	keys := encryptor.Keys{Suite: env.Suite, Data: encryptor.NewKey()}
	if env.Suite == encryptor.SuiteDSSE {
		keys.Outer = encryptor.NewKey()
	}
	if err := env.Seal(keks, keys, n.Bucket, n.Key); err != nil {
		t.Fatal(err)
	}
	foot, err := env.FooterCopy()
	if err != nil {
		t.Fatal(err)
	}
	body, err := encryptor.SealBytes(nil, keys, []byte(plain), foot, encryptor.Digests{})
	if err != nil {
		t.Fatal(err)
	}
	value, err := env.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{metadata.Header: {value}, "Content-Type": {"text/plain"}}, body
}
