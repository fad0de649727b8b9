package security_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// set returns a fault that sets a header of the answer; an empty value removes
// it.
func set(name, value string) store.Fault {
	return store.Fault{Header: func(h http.Header) {
		if value == "" {
			h.Del(name)
			return
		}
		h.Set(name, value)
	}}
}

// TestLyingStore reads an object from a store that answers what is not so.
func TestLyingStore(t *testing.T) {
	each(t, site.Options{Handler: "plaintext_reads *"}, func(t *testing.T, e *endpoint) {
		content := body(streamed, 1)
		e.Put(t, e.bucket, "k", content[:10])
		earlier := e.header(t, "k")
		e.Put(t, e.bucket, "k", content)
		e.Put(t, e.bucket, "other", body(streamed, 2))
		e.Put(t, e.bucket, "small", content[:10])
		stored, other, small := e.header(t, "k"), e.header(t, "other"), e.header(t, "small")
		otherBody := e.store.Read(t, e.bucket, "other").Body
		storedBody := e.store.Read(t, e.bucket, "k").Body

		for _, tc := range []struct {
			name  string
			fault store.Fault
			fine  bool // the answer is of no consequence
		}{
			{"size too large", store.Fault{Header: store.SetSize(int64(len(storedBody)) + 1)}, false},
			{"size of another length", store.Fault{Header: store.SetSize(encryptor.StoredSize(streamed + 1))}, false},
			{"size too small", store.Fault{Header: store.SetSize(int64(len(storedBody)) - 1)}, false},
			{"size of a shorter one", store.Fault{Header: store.SetSize(encryptor.StoredSize(chunk))}, false},
			{"no size", set("Content-Length", ""), false},
			{"body of another", store.Fault{Body: func(io.Reader) io.Reader { return bytes.NewReader(otherBody) }}, false},
			{"envelope of another", set(envelopeHeader, other.Get(envelopeHeader)), false},
			{"envelope of a small one", set(envelopeHeader, small.Get(envelopeHeader)), false},
			// As after a race: the body has its own, under the same root key.
			{"envelope of an earlier one", set(envelopeHeader, earlier.Get(envelopeHeader)), true},
			{"no envelope", set(envelopeHeader, ""), false},
			{"empty envelope", set(envelopeHeader, " "), false},
			{"two envelopes", store.Fault{Header: func(h http.Header) { h.Add(envelopeHeader, other.Get(envelopeHeader)) }}, false},
			{"half a body", store.Fault{Body: func(r io.Reader) io.Reader { return io.LimitReader(r, streamed/2) }}, false},
			{"cut at once", store.Fault{CutResponse: 1}, false},
			{"cut after the header", store.Fault{CutResponse: headerSize}, false},
			{"cut at a chunk", store.Fault{CutResponse: headerSize + 3*sealedChunk}, false},
			{"cut in a chunk", store.Fault{CutResponse: headerSize + 3*sealedChunk + 1000}, false},
			{"cut before the footer", store.Fault{CutResponse: headerSize + streamed + 28*17}, false},
			{"cut at the end", store.Fault{CutResponse: int64(len(storedBody)) - 1}, false},
			{"partial", store.Fault{Replace: func(*http.Request) *http.Response {
				h := stored.Clone()
				h.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", sealedChunk-1, len(storedBody)))
				return store.Response(http.StatusPartialContent, h, string(storedBody[:sealedChunk]))
			}}, false},
			{"partial without a range", store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(http.StatusPartialContent, stored, string(storedBody))
			}}, false},
			{"gzip", store.Fault{Replace: func(*http.Request) *http.Response {
				var b bytes.Buffer
				w := gzip.NewWriter(&b)
				_, _ = w.Write(storedBody)
				_ = w.Close()
				h := stored.Clone()
				h.Set("Content-Encoding", "gzip")
				return store.Response(http.StatusOK, h, b.String())
			}}, false},
			{"not modified", store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(http.StatusNotModified, nil, "")
			}}, false},
			{"no content", store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(http.StatusNoContent, stored, "")
			}}, false},
			{"redirect", store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(http.StatusTemporaryRedirect, http.Header{"Location": {e.store.URL}}, "")
			}}, false},
			{"another ETag", set("Etag", `"00000000000000000000000000000000"`), true},
			{"no ETag", set("Etag", ""), true},
			{"no time", set("Last-Modified", ""), true},
		} {
			t.Run(tc.name, func(t *testing.T) {
				e.proxy.Inject(store.Always("GET", tc.fault))
				defer e.proxy.Inject(nil)
				a := e.Get(t, e.bucket, "k")
				switch {
				case tc.fine:
					if !checkNotFooled(t, "GET", a, content) {
						t.Errorf("status %d, %v", a.Status, a.Err)
					}
				case a.Status == http.StatusOK:
					if checkNotFooled(t, "GET", a, content) {
						t.Error("the object was given")
					}
				case a.Status == 0, a.Status >= http.StatusInternalServerError, a.Status == http.StatusForbidden:
				default:
					t.Errorf("status %d, %d bytes, %v", a.Status, len(a.Body), a.Err)
				}
			})
		}
	})
}

// header returns the header of a stored object as the store gives it.
func (e *endpoint) header(t *testing.T, key string) http.Header {
	t.Helper()
	info, err := e.store.Client().StatObject(t.Context(), e.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := make(http.Header)
	maps.Copy(h, info.Metadata)
	h.Set("Etag", `"`+info.ETag+`"`)
	h.Set("Last-Modified", info.LastModified.UTC().Format(http.TimeFormat))
	h.Del("Content-Length")
	return h
}

// TestLyingAboutRanges reads ranges from a store that sends other ones.
func TestLyingAboutRanges(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	content := body(streamed, 3)
	e.Put(t, e.bucket, "k", content)
	e.Put(t, e.bucket, "other", body(streamed, 4))
	h, storedBody := e.header(t, "k"), e.store.Read(t, e.bucket, "k").Body
	otherBody := e.store.Read(t, e.bucket, "other").Body
	size := len(storedBody)
	answer := func(status int, contentRange string, b []byte) store.Fault {
		return store.Fault{Replace: func(*http.Request) *http.Response {
			h := h.Clone()
			if contentRange != "" {
				h.Set("Content-Range", contentRange)
			}
			return store.Response(status, h, string(b))
		}}
	}
	const off, n = 5*chunk + 10, 100 // the client's range: within a chunk
	at := headerSize + 5*sealedChunk
	right := fmt.Sprintf("bytes %d-%d/%d", at, at+sealedChunk-1, size)
	for _, tc := range []struct {
		name  string
		fault store.Fault
		given bool
	}{
		{"right", answer(206, right, storedBody[at:][:sealedChunk]), true},
		{"more than asked for", answer(206, fmt.Sprintf("bytes %d-%d/%d", at-5, at+2*sealedChunk, size), storedBody[at-5:at+2*sealedChunk+1]), true},
		{"everything", answer(200, "", storedBody), true},
		{"everything of another", answer(200, "", otherBody), false},
		{"of another", answer(206, right, otherBody[at:][:sealedChunk]), false},
		{"another chunk", answer(206, right, storedBody[at+sealedChunk:][:sealedChunk]), false},
		{"another chunk, so said", answer(206, fmt.Sprintf("bytes %d-%d/%d", at+sealedChunk, at+2*sealedChunk-1, size), storedBody[at+sealedChunk:][:sealedChunk]), false},
		{"said to begin later", answer(206, fmt.Sprintf("bytes %d-%d/%d", at+1, at+sealedChunk, size), storedBody[at:][:sealedChunk]), false},
		{"said to begin before", answer(206, fmt.Sprintf("bytes %d-%d/%d", at-1, at+sealedChunk-2, size), storedBody[at:][:sealedChunk]), false},
		{"half of it", answer(206, right, storedBody[at:][:sealedChunk/2]), false},
		{"nothing", answer(206, right, nil), false},
		{"of another size", answer(206, fmt.Sprintf("bytes %d-%d/%d", at, at+sealedChunk-1, size+1), storedBody[at:][:sealedChunk]), false},
		{"of another valid size", answer(206, fmt.Sprintf("bytes %d-%d/%d", at, at+sealedChunk-1, encryptor.StoredSize(streamed+1)), storedBody[at:][:sealedChunk]), false},
		{"no Content-Range", answer(206, "", storedBody[at:][:sealedChunk]), false},
		{"unreadable", answer(206, "bytes x", storedBody[at:][:sealedChunk]), false},
		{"negative", answer(206, "bytes -5-7/"+strconv.Itoa(size), storedBody[at:][:sealedChunk]), false},
		{"unknown size", answer(206, fmt.Sprintf("bytes %d-%d/*", at, at+sealedChunk-1), storedBody[at:][:sealedChunk]), false},
		{"huge", answer(206, "bytes 0-1/9223372036854775807", storedBody[:sealedChunk]), false},
		{"unsatisfiable", answer(416, "bytes */5", nil), false},
		{"whole, but short", answer(200, "", storedBody[:at+100]), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.proxy.Inject(store.Always("GET", tc.fault))
			defer e.proxy.Inject(nil)
			a := e.Get(t, e.bucket, "k", "Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
			if got := checkNotFooled(t, "range", a, content[off:off+n]); got != tc.given {
				t.Errorf("given: %v; status %d, %.200s", got, a.Status, a.Body)
			}
			if a.Status == http.StatusPartialContent {
				if want := fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, streamed); a.Header.Get("Content-Range") != want {
					t.Errorf("Content-Range %s, want %s", a.Header.Get("Content-Range"), want)
				}
			}
		})
	}
}

// TestLyingAboutSizes asks for the size of an object from a store that gives
// others.
func TestLyingAboutSizes(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	e.Put(t, e.bucket, "k", body(streamed, 5))
	for _, size := range []int64{0, 1, 1051, 1052, streamed, encryptor.StoredSize(streamed) - 1, encryptor.StoredSize(streamed) + 1, encryptor.StoredSize(streamed + 1), 1 << 62} {
		e.proxy.Inject(store.Always("HEAD", store.Fault{Header: store.SetSize(size)}))
		if a := e.Head(t, e.bucket, "k"); a.Status != http.StatusForbidden || len(a.Body) > 0 {
			t.Errorf("the store says %d bytes: status %d, Content-Length %d", size, a.Status, a.Length)
		}
	}
	// In a listing nothing vouches for a size but the size itself, so only
	// that it does no harm is to be seen.
	for _, size := range []string{"0", "5", "99999999999999", "-1", "x", "9999999999999999999999"} {
		e.proxy.Inject(store.Always("GET", store.Fault{
			Header: func(h http.Header) { h.Del("Content-Length") },
			Body: func(r io.Reader) io.Reader {
				doc, _ := io.ReadAll(r)
				return strings.NewReader(strings.Replace(string(doc), "<Size>"+strconv.FormatInt(encryptor.StoredSize(streamed), 10), "<Size>"+size, 1))
			},
		}))
		a := e.Get(t, e.bucket, "")
		if a.Status != http.StatusOK && a.Status != http.StatusInternalServerError {
			t.Errorf("the store lists %s bytes: status %d", size, a.Status)
		}
	}
}

// TestLyingErrors hands out errors that are not S3's, or not about the
// client's request.
func TestLyingErrors(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   int
		code   string
	}{
		{"page", 502, "<html>Bad gateway</html>", 503, ""},
		{"nothing", 500, "", 500, "InternalError"},
		{"unknown code", 418, "<Error><Code>Teapot</Code><Message>Short and stout.</Message></Error>", 0, ""},
		{"large", 500, "<Error><Code>InternalError</Code><Message>" + strings.Repeat("x", 1<<20), 500, "InternalError"},
		{"signature", 403, "<Error><Code>SignatureDoesNotMatch</Code><Message>Credential store-key</Message><StringToSign>host:internal.example</StringToSign></Error>", 500, "InternalError"},
		{"access key", 403, "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>store-key</AWSAccessKeyId></Error>", 500, "InternalError"},
		{"success in an error", 200, "<Error><Code>InternalError</Code></Error>", 403, "InvalidObjectState"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.proxy.Inject(store.Always("", store.Fault{Replace: func(*http.Request) *http.Response {
				return store.Response(tc.status, http.Header{"X-Amz-Request-Id": {"the-stores"}, "Server": {"the-stores"}}, tc.body)
			}}))
			a := e.Get(t, e.bucket, "k")
			if a.Status < 400 || tc.want != 0 && a.Status != tc.want && a.Status != tc.status {
				t.Errorf("status %d", a.Status)
			}
			code := a.Code()
			if tc.code != "" {
				code = tc.code
			}
			checkError(t, a, a.Status, code)
			for _, leak := range []string{"store-key", "internal.example", "the-stores", "xxxx"} {
				if bytes.Contains(a.Body, []byte(leak)) || strings.Contains(fmt.Sprint(a.Header), leak) {
					t.Errorf("%s shows in %v %s", leak, a.Header, a.Body)
				}
			}
		})
	}
}
