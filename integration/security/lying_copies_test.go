package security_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// isCopy reports whether the store is asked to copy.
func isCopy(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

// TestLyingAboutCopies copies at a store that says it did and did not, or that
// gives something else for the source.
func TestLyingAboutCopies(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{Handler: "plaintext_reads *"})
	content, wrong := body(streamed, 1), body(streamed, 2)
	e.Put(t, e.bucket, "source", content)
	e.Put(t, e.bucket, "other", wrong)
	e.Put(t, e.bucket, "there", content)
	other := e.store.Read(t, e.bucket, "other")
	copyTo := func(key string, pairs ...string) wire.Request {
		return wire.Request{
			Method: http.MethodPut, Target: wire.Target(e.bucket, key, ""),
			Header: wire.Header(append(pairs, "X-Amz-Copy-Source", "/"+e.bucket+"/source")...),
		}
	}

	for name, tc := range map[string]struct {
		answer string
		status int
	}{
		"an error":           {"<Error><Code>InternalError</Code><Message>store-internals</Message></Error>", 500},
		"slow down":          {"\n  <Error><Code>SlowDown</Code></Error>", 503},
		"nothing":            {"", 500},
		"no ETag":            {"<CopyObjectResult><LastModified>2026-01-01T00:00:00Z</LastModified></CopyObjectResult>", 500},
		"another document":   {"<ListBucketResult/>", 500},
		"not XML":            {"done", 500},
		"more than anything": {"<CopyObjectResult>" + strings.Repeat(" ", 1<<20) + "</CopyObjectResult>", 500},
	} {
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if !isCopy(r) {
				return nil
			}
			return &store.Fault{Replace: func(*http.Request) *http.Response { return store.Response(http.StatusOK, nil, tc.answer) }}
		})
		a := e.Do(t, copyTo("copy"))
		if a.Status != tc.status {
			t.Errorf("%s: status %d, want %d\n%s", name, a.Status, tc.status, a.Body)
		}
		checkError(t, a, a.Status, a.Code())
	}

	// What comes for the source is another object, an older one, or damaged:
	// there is no copy, and no part.
	u := e.begin(t, "parts")
	for name, fault := range map[string]store.Fault{
		"envelope of another": {Header: func(h http.Header) { h.Set(envelopeHeader, other.Info.UserMetadata["S3sse"]) }},
		"no envelope":         {Header: func(h http.Header) { h.Del(envelopeHeader) }},
		"body of another": {Body: func(r io.Reader) io.Reader {
			b, _ := io.ReadAll(r)
			return bytes.NewReader(other.Body[len(other.Body)-min(len(b), len(other.Body)):])
		}},
		"the end altered": {Body: func(r io.Reader) io.Reader {
			b, _ := io.ReadAll(r)
			b[len(b)-40] ^= 1
			return bytes.NewReader(b)
		}},
	} {
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/source") {
				return nil
			}
			return &fault
		})
		e.proxy.Reset()
		for _, r := range []wire.Request{
			copyTo("copy"),
			copyTo("copy", "If-None-Match", "*"), // through the gateway
			{Method: http.MethodPut, Target: wire.Target(e.bucket, "parts", u.query("partNumber=1&")), Header: copyTo("").Header},
		} {
			if a := e.Do(t, r); a.Status != http.StatusForbidden && a.Status < http.StatusInternalServerError {
				t.Errorf("%s: %s: status %d\n%.300s", name, r.Target, a.Status, a.Body)
			}
		}
		for _, x := range e.proxy.Exchanges() {
			if x.Method != http.MethodGet && x.Method != http.MethodHead && x.Complete {
				t.Errorf("%s: the store got all of %s %s", name, x.Method, x.Target)
			}
		}
	}
	// Damage in the middle shows only as the data go through.
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/source") || r.Header.Get("Range") != "" {
			return nil
		}
		return &store.Fault{Body: store.FlipByte(700_000)}
	})
	for _, r := range []wire.Request{
		copyTo("copy", "If-None-Match", "*"),
		{Method: http.MethodPut, Target: wire.Target(e.bucket, "parts", u.query("partNumber=1&")), Header: copyTo("").Header},
	} {
		checkError(t, e.Do(t, r), http.StatusForbidden, "InvalidObjectState")
	}
	e.proxy.Inject(nil)
	if a := e.Head(t, e.bucket, "copy"); a.Status != http.StatusNotFound {
		t.Errorf("there is a copy: status %d", a.Status)
	}
	a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "parts", u.query(""))})
	if bytes.Contains(a.Body, []byte("<Part>")) {
		t.Errorf("there is a part: %s", a.Body)
	}
	e.checkObject(t, "source", content)

	// The store copies without being asked: see "copied" of TestMovedObjects. It
	// copies something else than it was asked to: the reader notices.
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if !isCopy(r) {
			return nil
		}
		return &store.Fault{Replace: func(r *http.Request) *http.Response {
			e.store.Write(t, e.bucket, "copy", slices.Clone(other.Body), map[string]string{"S3sse": r.Header.Get(envelopeHeader)})
			return store.Response(http.StatusOK, nil, `<CopyObjectResult><ETag>"00000000000000000000000000000000"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></CopyObjectResult>`)
		}}
	})
	e.Expect(t, http.StatusOK, copyTo("copy"))
	e.proxy.Inject(nil)
	checkError(t, e.Get(t, e.bucket, "copy"), http.StatusForbidden, "InvalidObjectState")
}
