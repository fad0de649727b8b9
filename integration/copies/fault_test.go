package copies_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// isCopy reports whether a request asks the store to copy.
func isCopy(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

// TestStoreAnswersWithAnErrorLate: stores begin to answer before they know how
// a copy ends.
func TestStoreAnswersWithAnErrorLate(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "source", plain(100))
	for code, want := range map[string]string{"InternalError": "InternalError", "SlowDown": "SlowDown", "AccessDenied": "AccessDenied"} {
		e.proxy.Inject(func(r *http.Request) *store.Fault {
			if !isCopy(r) {
				return nil
			}
			return &store.Fault{Replace: func(*http.Request) *http.Response {
				doc := s3api.ParseError(http.StatusInternalServerError, []byte("<Error><Code>"+code+"</Code></Error>")).XML("", "", "")
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(doc)), Body: io.NopCloser(bytes.NewReader(doc))}
			}}
		})
		a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source")))
		if a.Status < http.StatusBadRequest || a.Code() != want {
			t.Errorf("%s: %d %s", code, a.Status, a.Body)
		}
	}
}

// TestSourceBreaksOff: what was not read to its end becomes no object.
func TestSourceBreaksOff(t *testing.T) {
	e := start(t, nil)
	for _, m := range []string{"plaintext", "SSE-S3"} {
		for _, n := range []int{100000, 4 << 20} {
			e.create(t, modeNamed(t, m), "source", n)
			e.proxy.Inject(func(r *http.Request) *store.Fault {
				if r.Method == http.MethodGet && r.Header.Get("Range") == "" && strings.HasSuffix(r.URL.Path, "/source") {
					return &store.Fault{CutResponse: int64(n / 2)}
				}
				return nil
			})
			a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), modeNamed(t, "DSSE-KMS").write...))
			if a.Status != http.StatusServiceUnavailable {
				t.Errorf("%s, %d bytes: %d %s", m, n, a.Status, a.Body)
			}
			e.proxy.Inject(nil)
			if a := e.Head(t, e.bucket, "copy"); a.Status != http.StatusNotFound {
				t.Errorf("%s, %d bytes: there is a copy, status %d", m, n, a.Status)
			}
		}
	}
}

// TestCopySize: the limit is on the plaintext.
func TestCopySize(t *testing.T) {
	e := start(t, nil)
	e.store.Write(t, e.bucket, "source", plain(10), nil)
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if r.Header.Get("Range") == "" {
			return nil
		}
		return &store.Fault{Header: func(h http.Header) { h.Set("Content-Range", "bytes 0-9/5368709121") }}
	})
	a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source")))
	if a.Code() != "InvalidRequest" || !strings.Contains(string(a.Body), "5368709120") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestRestore: what only brings an object back is the store's business.
func TestRestore(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "object", plain(10))
	for _, tt := range []struct {
		name, body string
		code       string
		reaches    bool
	}{
		{"days", "<RestoreRequest><Days>1</Days><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>", "", true},
		{"a query", "<RestoreRequest><Type>SELECT</Type></RestoreRequest>", "NotImplemented", false},
		{"its output", "<RestoreRequest><OutputLocation><S3/></OutputLocation></RestoreRequest>", "NotImplemented", false},
		{"its parameters", "<RestoreRequest><x:SelectParameters xmlns:x='y'/></RestoreRequest>", "NotImplemented", false},
		{"no document", "<RestoreRequest>", "MalformedXML", false},
	} {
		e.proxy.Reset()
		a := e.Do(t, wire.Request{Method: http.MethodPost, Target: wire.Target(e.bucket, "object", "restore="), Body: []byte(tt.body)})
		if reached := len(e.proxy.Lines()) > 0; reached != tt.reaches || tt.code != "" && a.Code() != tt.code {
			t.Errorf("%s: %d %s, reached %t", tt.name, a.Status, a.Body, reached)
		}
	}
}
