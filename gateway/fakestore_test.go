package gateway

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// fakeStore is an object store in memory that knows what the gateway asks of
// one: objects, uploads in parts, listings. Buckets exist from the start,
// except the gateway's own.
type fakeStore struct {
	t testing.TB

	// before, if set, sees every request; an error is the connection's. after
	// sees it once it has been done.
	before func(r *http.Request) error
	after  func(r *http.Request) error

	// server is what the store calls itself.
	server string

	// hollow makes completed objects hold the last part only, and large parts
	// nothing.
	hollow bool

	// instead, if set, may give the answer to a request that is not done then.
	instead func(r *http.Request) *http.Response

	mu      sync.Mutex
	buckets map[string]map[string]*fakeObject
	uploads map[string]*fakeUpload
	log     []string
	clock   time.Time
	ids     int
}

type fakeObject struct {
	header http.Header
	body   []byte
	crc32c string // of a part, as it was announced
	etag   string
	at     time.Time
}

type fakeUpload struct {
	bucket, key string
	header      http.Header
	whole       bool // a CRC-32C of the whole is wanted, so one of each part must be told
	parts       map[int]*fakeObject
}

func newFakeStore(t testing.TB) *fakeStore {
	return &fakeStore{
		t: t, buckets: map[string]map[string]*fakeObject{"bucket": {}}, uploads: map[string]*fakeUpload{},
		clock: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
	}
}

// hollow stands for what a part holds where that does not matter.
var hollow = make([]byte, s3api.MinPartSize)

var fakeSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

var errCut = errors.New("connection cut")

func (f *fakeStore) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.before != nil {
		if err := f.before(r); err != nil {
			return nil, err
		}
	}
	var body []byte
	if r.Body != nil {
		var err error
		if f.hollow && r.ContentLength >= s3api.MinPartSize {
			var n int64
			n, err = io.Copy(io.Discard, r.Body)
			body = hollow[:min(n, r.ContentLength, int64(len(hollow)))]
			r.ContentLength = int64(len(body))
		} else {
			if body, err = io.ReadAll(r.Body); err == nil && !arrived(r, body) {
				return fakeError(&s3api.Error{Code: "XAmzContentChecksumMismatch", Status: http.StatusBadRequest}), nil
			}
		}
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		if int64(len(body)) != r.ContentLength {
			return nil, fmt.Errorf("%d bytes where %d were announced", len(body), r.ContentLength)
		}
	}
	if f.instead != nil {
		if resp := f.instead(r); resp != nil {
			return resp, nil
		}
	}
	resp := f.answer(r, body)
	resp.Request = r
	if f.server != "" {
		resp.Header["Server"] = []string{f.server}
	}
	if f.after != nil {
		if err := f.after(r); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// requests returns what was asked since the last call.
func (f *fakeStore) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

// names returns the names of all objects in a bucket.
func (f *fakeStore) names(bucket string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.buckets[bucket]))
}

// now returns a time later than all before.
func (f *fakeStore) now() time.Time {
	f.clock = f.clock.Add(time.Millisecond)
	return f.clock
}

func fakeAnswer(status int, h http.Header, body []byte) *http.Response {
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

func fakeError(e *s3api.Error) *http.Response { return fakeAnswer(e.Status, nil, e.XML("/", "1", "")) }

func (f *fakeStore) answer(r *http.Request, body []byte) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	f.log = append(f.log, r.Method+" "+r.URL.RequestURI())
	if r.Method == http.MethodPut && key == "" {
		f.buckets[bucket] = map[string]*fakeObject{}
		return fakeAnswer(200, nil, nil)
	}
	objects := f.buckets[bucket]
	if objects == nil {
		return fakeError(s3api.ErrNoSuchBucket)
	}
	id, inUpload := q.Get("uploadId"), q.Has("uploadId")
	if up := f.uploads[id]; inUpload && (up == nil || up.bucket != bucket || up.key != key) {
		return fakeError(s3api.ErrNoSuchUpload)
	}
	switch {
	case key == "" && q.Has("delete"):
		return f.deleteObjects(objects, body)
	case key == "" && r.Method == http.MethodHead:
		return fakeAnswer(200, nil, nil)
	case key == "" && r.Method == http.MethodDelete:
		delete(f.buckets, bucket)
		return fakeAnswer(204, nil, nil)
	case key == "" && q.Has("uploads"):
		return f.listUploads(bucket, q.Get("prefix"))
	case key == "":
		return f.list(objects, q.Get("prefix"), q.Get("continuation-token"), q.Get("max-keys"))
	case r.Method == http.MethodPost && q.Has("uploads"):
		f.ids++
		id := fmt.Sprintf("upload-%d", f.ids)
		whole := r.Header.Get("X-Amz-Checksum-Algorithm") == "CRC32C" && r.Header.Get("X-Amz-Checksum-Type") == "FULL_OBJECT"
		f.uploads[id] = &fakeUpload{bucket, key, stored(r.Header), whole, map[int]*fakeObject{}}
		return fakeAnswer(200, nil, (&s3api.CreateUploadResult{Bucket: bucket, Key: key, UploadID: id}).AppendXML(nil))
	case inUpload:
		return f.upload(r, f.uploads[id], id, body)
	case r.Method == http.MethodPut:
		if refused := precondition(r, objects[key]); refused != nil {
			return refused
		}
		o := f.object(stored(r.Header), body)
		objects[key] = o
		return fakeAnswer(200, http.Header{"Etag": {quote(o.etag)}}, nil)
	case r.Method == http.MethodDelete:
		delete(objects, key)
		return fakeAnswer(204, nil, nil)
	case objects[key] == nil:
		return fakeError(s3api.ErrNoSuchKey)
	}
	return objects[key].get(r)
}

func stored(from http.Header) http.Header {
	h := http.Header{}
	for name, values := range from {
		if hasMetaPrefix(name) || name == "Content-Type" {
			h[name] = values
		}
	}
	return h
}

func (f *fakeStore) object(h http.Header, body []byte) *fakeObject {
	var sum [16]byte // nobody minds that it is no MD5, which would take long
	for i, seed := range fakeSeeds {
		binary.BigEndian.PutUint64(sum[8*i:], maphash.Bytes(seed, body))
	}
	if f.hollow {
		f.ids++
		binary.BigEndian.PutUint64(sum[:], uint64(f.ids)) //nolint:gosec // another each time
	}
	return &fakeObject{header: h, body: body, etag: hex.EncodeToString(sum[:]), at: f.now()}
}

func precondition(r *http.Request, o *fakeObject) *http.Response {
	switch want := r.Header.Get("If-Match"); {
	case r.Header.Get("If-None-Match") == "*" && o != nil:
		return fakeError(s3api.ErrPreconditionFailed)
	case want != "" && o == nil:
		return fakeError(s3api.ErrNoSuchKey)
	case want != "" && unquote(want) != o.etag:
		return fakeError(s3api.ErrPreconditionFailed)
	}
	return nil
}

func (o *fakeObject) get(r *http.Request) *http.Response {
	if refused := precondition(r, o); refused != nil {
		return refused
	}
	h := o.header.Clone()
	h["Etag"] = []string{quote(o.etag)}
	h["Last-Modified"] = []string{o.at.Format(http.TimeFormat)}
	b, status := o.body, 200
	if rng, ok := s3api.ParseRange(r.Header.Get("Range")); ok {
		off, n, ok := rng.Resolve(int64(len(b)))
		if !ok {
			return fakeError(s3api.ErrInvalidRange)
		}
		status = 206
		h["Content-Range"] = []string{s3api.ContentRange(off, n, int64(len(b)))}
		b = b[off : off+n]
	}
	resp := fakeAnswer(status, h, b)
	if r.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp
}

func (f *fakeStore) deleteObjects(objects map[string]*fakeObject, body []byte) *http.Response {
	del, err := s3api.ParseDelete(body)
	if err != nil {
		f.t.Errorf("deleting: %v", err)
		return fakeError(s3api.ErrMalformedXML)
	}
	for _, o := range del.Objects {
		delete(objects, o.Key)
	}
	return fakeAnswer(200, nil, []byte("<DeleteResult/>"))
}

func (f *fakeStore) list(objects map[string]*fakeObject, prefix, after, limit string) *http.Response {
	type entry struct {
		Key, LastModified, ETag string
		Size                    int
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []entry
	}
	most, _ := strconv.Atoi(limit)
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if len(page.Contents) == most {
			page.IsTruncated, page.NextContinuationToken = true, page.Contents[most-1].Key
			break
		}
		o := objects[key]
		page.Contents = append(page.Contents, entry{key, o.at.Format(time.RFC3339Nano), quote(o.etag), len(o.body)})
	}
	doc, err := xml.Marshal(page)
	if err != nil {
		f.t.Error(err)
	}
	return fakeAnswer(200, nil, doc)
}

func (f *fakeStore) listUploads(bucket, prefix string) *http.Response {
	type entry struct{ Key, UploadId string } //nolint:revive // as S3 spells it
	page := struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []entry
	}{}
	for id, up := range f.uploads {
		if up.bucket == bucket && strings.HasPrefix(up.key, prefix) {
			page.Upload = append(page.Upload, entry{up.key, id})
		}
	}
	doc, err := xml.Marshal(page)
	if err != nil {
		f.t.Error(err)
	}
	return fakeAnswer(200, nil, doc)
}

func (f *fakeStore) upload(r *http.Request, up *fakeUpload, id string, body []byte) *http.Response {
	q := r.URL.Query()
	switch r.Method {
	case http.MethodPut:
		number, err := strconv.Atoi(q.Get("partNumber"))
		if err != nil || number < 1 || number > s3api.MaxParts {
			return fakeError(s3api.ErrInvalidArgument)
		}
		o := f.object(nil, body)
		o.crc32c = r.Header.Get(StoreChecksum)
		if up.whole && o.crc32c == "" {
			return fakeError(s3api.ErrInvalidArgument) // as MinIO says
		}
		up.parts[number] = o
		return fakeAnswer(200, http.Header{"Etag": {quote(o.etag)}}, nil)
	case http.MethodDelete:
		delete(f.uploads, id)
		return fakeAnswer(204, nil, nil)
	case http.MethodGet:
		marker, _ := strconv.Atoi(q.Get("part-number-marker"))
		most, _ := strconv.Atoi(q.Get("max-parts"))
		page := s3api.PartsPage{Marker: marker, Max: most}
		result := &s3api.ListPartsResult{Bucket: up.bucket, Key: up.key, UploadID: id, StorageClass: "STANDARD", Page: page}
		var parts []s3api.Part
		for _, n := range slices.Sorted(maps.Keys(up.parts)) {
			o := up.parts[n]
			parts = append(parts, s3api.Part{Number: n, ETag: o.etag, Size: int64(len(o.body)), Modified: o.at})
		}
		result.Parts, result.Next, result.Truncated = page.Of(parts)
		return fakeAnswer(200, nil, result.AppendXML(nil))
	}
	return f.complete(r, up, id, body)
}

func (f *fakeStore) complete(r *http.Request, up *fakeUpload, id string, doc []byte) *http.Response {
	listed, err := s3api.ParseComplete(doc)
	if err != nil {
		return fakeError(s3api.ErrMalformedXML)
	}
	if refused := precondition(r, f.buckets[up.bucket][up.key]); refused != nil {
		return refused
	}
	var body []byte
	etags := make([]string, len(listed))
	for i, l := range listed {
		p := up.parts[l.Number]
		if p == nil || p.etag != l.ETag {
			return fakeError(s3api.ErrInvalidPart)
		}
		if !up.whole && !l.Checksum.IsZero() || up.whole && l.Checksum.String() != p.crc32c {
			return fakeError(s3api.ErrInvalidPart) // the former as Amazon S3 says, the latter as MinIO
		}
		if i < len(listed)-1 && len(p.body) < s3api.MinPartSize {
			return fakeError(s3api.ErrEntityTooSmall)
		}
		if !f.hollow || i == len(listed)-1 {
			body = append(body, p.body...)
		}
		etags[i] = p.etag
	}
	o := f.object(up.header, body)
	o.etag, _ = s3api.CompositeETag(etags)
	f.buckets[up.bucket][up.key] = o
	delete(f.uploads, id)
	return fakeAnswer(200, nil, (&s3api.CompleteUploadResult{Bucket: up.bucket, Key: up.key, ETag: o.etag}).AppendXML(nil))
}

// arrived reports whether an upload has the checksum that it was announced with.
func arrived(r *http.Request, body []byte) bool {
	v := r.Header.Get(StoreChecksum)
	return v == "" || v == FormatStoreChecksum(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
