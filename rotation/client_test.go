package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/time/rate"

	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// connect returns a client of a server.
func connect(t *testing.T, h http.HandlerFunc) *rotation.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := sigv4.NewSecret("secret-of-tests")
	if err != nil {
		t.Fatal(err)
	}
	return &rotation.Client{
		Endpoint: u, Transport: srv.Client().Transport, Region: "us-east-1",
		Credential: sigv4.Credential{AccessKey: "store", Secret: secret},
	}
}

const errorDocument = "<Error><Code>%s</Code><Message>m</Message></Error>"

// TestClientRepeats repeats what may be better the next time, and nothing that
// may have worked.
func TestClientRepeats(t *testing.T) {
	var calls atomic.Int64
	fail := func(times int64, status int, code string) http.HandlerFunc {
		calls.Store(0)
		return func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) <= times {
				w.WriteHeader(status)
				fmt.Fprintf(w, errorDocument, code)
				return
			}
			fmt.Fprint(w, "<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket></Buckets></ListAllMyBucketsResult>")
		}
	}
	c := connect(t, fail(2, http.StatusServiceUnavailable, "SlowDown"))
	if names, err := c.Buckets(t.Context()); err != nil || len(names) != 1 || calls.Load() != 3 {
		t.Errorf("%v, %v after %d requests", names, err, calls.Load())
	}
	c = connect(t, fail(100, http.StatusForbidden, "AccessDenied"))
	if _, err := c.Buckets(t.Context()); !errors.Is(err, s3api.ErrAccessDenied) || calls.Load() != 1 {
		t.Errorf("denied: %v after %d requests", err, calls.Load())
	}
	c = connect(t, fail(1, http.StatusInternalServerError, "InternalError"))
	if _, err := c.Copy(t.Context(), rotation.Change{Name: name("k"), Header: http.Header{}}); err == nil || calls.Load() != 1 {
		t.Errorf("copy: %v after %d requests", err, calls.Load())
	}
	c = connect(t, fail(1, http.StatusInternalServerError, "InternalError"))
	if err := c.Put(t.Context(), name("k"), http.Header{}, body("x")); err == nil || calls.Load() != 1 {
		t.Errorf("put: %v after %d requests", err, calls.Load())
	}
}

// TestClientOfStrangers has something that is no store answer in its place,
// such as a load balancer that has lost it. That an object is not there, or that
// a bucket has no default lock, is then not known.
func TestClientOfStrangers(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
	}{
		{http.StatusNotFound, "default backend - 404"},
		{http.StatusNotFound, ""},
		{http.StatusBadRequest, "Client sent an HTTP request to an HTTPS server.\n"},
		{http.StatusForbidden, "<html><body>not from here</body></html>"},
		{http.StatusMethodNotAllowed, `{"message":"method not allowed"}`},
		{http.StatusRequestedRangeNotSatisfiable, "range"},
		{http.StatusPreconditionFailed, "no"},
	} {
		var calls int
		c := connect(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls++; calls == 1 {
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
				return
			}
			w.Header().Set("Content-Range", "bytes 0-0/1")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "x")
		})
		if _, tail, err := c.Peek(t.Context(), name("k"), 1); err != nil || string(tail) != "x" || calls != 2 {
			t.Errorf("%d: %q, %v after %d requests", tt.status, tail, err, calls)
		}
		calls = 0 // again, of what is not repeated
		err := c.Put(t.Context(), name("k"), http.Header{}, body("x"))
		if _, ok := errors.AsType[*s3api.Error](err); err == nil || ok || !strings.Contains(err.Error(), strconv.Itoa(tt.status)) {
			t.Errorf("%d: put: %v", tt.status, err)
		}
	}
}

// TestClientHeadOfStrangers does not believe an answer to HEAD that an object is
// not there before the store has said so.
func TestClientHeadOfStrangers(t *testing.T) {
	var gets int
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "gone"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, errorDocument, "NoSuchKey")
		case r.Method == http.MethodHead && gets < 2:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", "7")
		default:
			if gets++; gets == 1 {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, "default backend - 404")
			}
		}
	})
	if o, err := c.Head(t.Context(), name("k")); err != nil || o.Size != 7 || gets != 2 {
		t.Errorf("%+v, %v after %d requests", o, err, gets)
	}
	if _, err := c.Head(t.Context(), name("gone")); !errors.Is(err, s3api.ErrNoSuchKey) {
		t.Errorf("gone: %v", err)
	}
}

// TestClientAnswers has answers of 200 that are errors, and others that are not
// what they should be.
func TestClientAnswers(t *testing.T) {
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.Header.Get("Range") != "" && strings.HasSuffix(r.URL.Path, "empty"):
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "short"):
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "56789")
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", "0")
		default:
			fmt.Fprintf(w, errorDocument, "SlowDown")
		}
	})
	if _, err := c.Copy(t.Context(), rotation.Change{Name: name("k"), Header: http.Header{}}); !errors.Is(err, s3api.ErrSlowDown) {
		t.Errorf("copy: %v", err)
	}
	if err := c.CompleteUpload(t.Context(), name("k"), "u", nil, nil); !errors.Is(err, s3api.ErrSlowDown) {
		t.Errorf("complete: %v", err)
	}
	if o, tail, err := c.Peek(t.Context(), name("empty"), 10); err != nil || o.Size != 0 || len(tail) != 0 {
		t.Errorf("the end of an empty object: %v, %v", tail, err)
	}
	if _, _, err := c.Peek(t.Context(), name("short"), 8); err == nil {
		t.Error("fewer bytes than asked for are taken for the end")
	}
	if o, tail, err := c.Peek(t.Context(), name("short"), 5); err != nil || o.Size != 10 || string(tail) != "56789" {
		t.Errorf("%+v, %q, %v", o, tail, err)
	}
	if _, err := c.Get(t.Context(), name("whole"), "e", 1, 2); err == nil {
		t.Error("a whole object is taken for a range of it")
	}
	if _, err := c.Head(t.Context(), name("a/../b")); !errors.Is(err, s3api.ErrInvalidURI) {
		t.Errorf("a key with dots: %v", err)
	}
}

// body is an upload of a text.
func body(text string) rotation.Body {
	sum := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
	return rotation.Body{Reader: strings.NewReader(text), Size: int64(len(text)), CRC32C: sum}
}

// TestClientPuts checks what the store gets to see of an upload.
func TestClientPuts(t *testing.T) {
	var got string
	var header http.Header
	c := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, header = string(b), r.Header
	})
	h := http.Header{"Content-Encoding": {"gzip"}}
	if err := c.Put(t.Context(), name("k"), h, body("body")); err != nil {
		t.Fatal(err)
	}
	if got != "body" || header.Get("X-Amz-Checksum-Crc32c") != "Jj/JUA==" || header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q with %v", got, header)
	}
	if len(h) != 1 {
		t.Errorf("the caller's headers are changed: %v", h)
	}
	c.Plain = true
	if err := c.Put(t.Context(), name("k"), h, body("body")); err != nil || got != "body" || header.Get("X-Amz-Checksum-Crc32c") != "" {
		t.Errorf("plain: %q with %v, %v", got, header, err)
	}
}

// TestClientUploads checks which uploads the store is asked to keep a checksum
// of, and that it gets what it needs for one.
func TestClientUploads(t *testing.T) {
	for _, tt := range []struct {
		server             string
		plain, whole, want bool
	}{
		{"MinIO", false, true, true},
		{"MinIO", false, false, false}, // parts come by CopyPart
		{"MinIO", true, true, false},
		{"AmazonS3", false, true, false},
	} {
		var begun http.Header
		var listed string
		c := connect(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", tt.server)
			b, _ := io.ReadAll(r.Body)
			switch q := r.URL.Query(); {
			case q.Has("uploads"):
				begun = r.Header
				fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
			case q.Has("partNumber"):
				w.Header().Set("Etag", `"e"`)
			case q.Has("uploadId"):
				listed = string(b)
				fmt.Fprint(w, "<CompleteMultipartUploadResult><ETag>e-1</ETag></CompleteMultipartUploadResult>")
			}
		})
		c.Plain = tt.plain
		if err := c.AbortUpload(t.Context(), name("k"), "another"); err != nil { // the store tells what it is
			t.Fatal(err)
		}
		h := http.Header{"Content-Type": {"x"}}
		id, err := c.BeginUpload(t.Context(), name("k"), h, tt.whole)
		if err != nil || id != "u" || len(h) != 1 || begun.Get("Content-Type") != "x" {
			t.Fatalf("%+v: upload %q, %v; begun with %v; the caller's header is %v", tt, id, err, begun, h)
		}
		if got := begun.Get("X-Amz-Checksum-Algorithm") == "CRC32C" && begun.Get("X-Amz-Checksum-Type") == "FULL_OBJECT"; got != tt.want {
			t.Errorf("%+v: begun with %v", tt, begun)
		}
		p, err := c.PutPart(t.Context(), name("k"), id, 1, body("body"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CompleteUpload(t.Context(), name("k"), id, []s3api.CompletedPart{p}, nil); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(listed, "<ChecksumCRC32C>Jj/JUA==</ChecksumCRC32C>"); tt.want && !got || tt.server != "MinIO" && got {
			t.Errorf("%+v: completed with %s", tt, listed)
		}
	}
}

// TestClientStoppedAtAnUpload: a job that is stopped while an upload begins
// learns which one it is, to give it up.
func TestClientStoppedAtAnUpload(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	})
	if id, err := c.BeginUpload(ctx, name("k"), nil, false); id != "u" || err != nil {
		t.Errorf("upload %q, %v", id, err)
	}
}

// TestClientLists lists versions over several pages, in the order of the store.
func TestClientLists(t *testing.T) {
	pages := map[string]string{
		"": `<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a%2Bb+c</NextKeyMarker>
<NextVersionIdMarker>2</NextVersionIdMarker><Version><Key>a%2Bb+c</Key><VersionId>1</VersionId><IsLatest>true</IsLatest>
<LastModified>2026-03-01T00:00:00.123Z</LastModified><ETag>&#34;e&#34;</ETag><Size>5</Size>
<UserMetadata><content-type>x</content-type><X-Amz-Meta-S3sse>env</X-Amz-Meta-S3sse></UserMetadata><Owner><ID>o</ID></Owner></Version>
<DeleteMarker><Key>a%2Bb+c</Key><VersionId>2</VersionId></DeleteMarker></ListVersionsResult>`,
		"a+b c": `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Version><Key>d</Key><Size>1</Size></Version></ListVersionsResult>`,
	}
	var limited int
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		limited++
		q := r.URL.Query()
		if q.Get("metadata") != "" && q.Get("key-marker") != "" {
			fmt.Fprint(w, "<ListVersionsResult><Version><UserMetadata><a!b>") // as MinIO writes odd names
			return
		}
		if q.Get("key-marker") != "" && q.Get("version-id-marker") != "2" || q.Get("prefix") != "p" {
			t.Errorf("asked for %v", q)
		}
		fmt.Fprint(w, pages[q.Get("key-marker")])
	})
	c.Limit = rate.NewLimiter(1000, 1)
	var got []rotation.Entry
	for e, err := range c.Versions(t.Context(), "b", "p", "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	want := []rotation.Entry{
		{
			Key: "a+b c", VersionID: "1", Latest: true, Size: 5, ETag: "e",
			Modified: time.Date(2026, 3, 1, 0, 0, 0, 123e6, time.UTC), Envelope: "env", EnvelopeKnown: true,
		},
		{Key: "a+b c", VersionID: "2", DeleteMarker: true},
		{Key: "d", Size: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(rotation.Entry{})); diff != "" || limited != 3 {
		t.Errorf("%d requests: %s", limited, diff)
	}
}

// TestClientConfig reads the configuration of buckets from stores that have it,
// have none, and do not know what it is.
func TestClientConfig(t *testing.T) {
	for _, tt := range []struct {
		versioning, lock string
		status           int
		want             rotation.Bucket
		fails            bool
	}{
		{"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", "<ObjectLockConfiguration><Rule><DefaultRetention><Mode>GOVERNANCE</Mode></DefaultRetention></Rule></ObjectLockConfiguration>", 200, rotation.Bucket{Versioned: true, LockDefault: true}, false},
		{"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>", "<ObjectLockConfiguration/>", 200, rotation.Bucket{}, false},
		{"<VersioningConfiguration/>", fmt.Sprintf(errorDocument, "ObjectLockConfigurationNotFoundError"), 404, rotation.Bucket{}, false},
		{"<VersioningConfiguration/>", fmt.Sprintf(errorDocument, "NotImplemented"), 501, rotation.Bucket{}, false},
		{"<VersioningConfiguration/>", fmt.Sprintf(errorDocument, "NoSuchBucket"), 404, rotation.Bucket{}, true},
		{"<VersioningConfiguration/>", fmt.Sprintf(errorDocument, "AccessDenied"), 403, rotation.Bucket{}, true},
		{"nonsense", "", 200, rotation.Bucket{}, true},
	} {
		c := connect(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("versioning") {
				fmt.Fprint(w, tt.versioning)
				return
			}
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.lock)
		})
		got, err := c.Bucket(t.Context(), "b")
		if (err != nil) != tt.fails || err == nil && got != tt.want {
			t.Errorf("%s, %s: %+v, %v", tt.versioning, tt.lock, got, err)
		}
	}
}

// FuzzVersions reads listings as a store may send them.
func FuzzVersions(f *testing.F) {
	f.Add([]byte(`<ListVersionsResult><EncodingType>url</EncodingType><Version><Key>a%2Bb</Key><Size>1</Size><UserMetadata><X-Amz-Meta-S3sse>e</X-Amz-Meta-S3sse></UserMetadata></Version><DeleteMarker><Key>x</Key></DeleteMarker></ListVersionsResult>`))
	f.Add([]byte(`<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>`))
	f.Add([]byte(`<Error><Code>x</Code></Error>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		entries, err := rotation.ParseVersions(doc)
		if err != nil && len(entries) > 0 {
			t.Errorf("entries with an error: %v", err)
		}
		for _, e := range entries {
			if e.Envelope != "" && !e.EnvelopeKnown {
				t.Errorf("%+v", e)
			}
		}
	})
}
