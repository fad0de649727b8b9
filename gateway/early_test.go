package gateway

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// timedRecorder notes when the client got something before the answer's end.
type timedRecorder struct {
	*httptest.ResponseRecorder
	begin time.Time
	early []string // what came when
	seen  int
	fail  error // of every write
}

func newTimedRecorder() *timedRecorder {
	return &timedRecorder{ResponseRecorder: httptest.NewRecorder(), begin: time.Now()}
}

func (w *timedRecorder) Write(p []byte) (int, error) {
	if w.fail != nil {
		return 0, w.fail
	}
	return w.ResponseRecorder.Write(p)
}

func (w *timedRecorder) FlushError() error {
	w.ResponseRecorder.Flush()
	w.early = append(w.early, fmt.Sprintf("%v: %d %q", time.Since(w.begin), w.Code, w.Body.Bytes()[w.seen:]))
	w.seen = w.Body.Len()
	return w.fail
}

// slowOperation is a request that takes the store long.
type slowOperation struct {
	name    string
	slow    func(*http.Request) bool // the store's part of it
	request func(m *multiBench) *http.Request
	result  func([]byte) (etag string, err error)
	mode    string
	cut     bool // by an error that comes after the answer's begin
}

func slowOperations() []slowOperation {
	copyResult := func(doc []byte) (string, error) {
		r, err := s3api.ParseCopyResult(doc)
		if err != nil {
			return "", err
		}
		return r.ETag, nil
	}
	return []slowOperation{
		{
			name: "CompleteMultipartUpload",
			slow: func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
			request: func(m *multiBench) *http.Request {
				up := m.create("object", testModes[0])
				up.mustPut(1, bytesOf(5<<20, 1))
				return m.request(http.MethodPost, up.target(""), s3api.AppendComplete(nil, up.list()))
			},
			result: func(doc []byte) (string, error) {
				r, err := s3api.ParseCompleteUploadResult(doc)
				if err != nil {
					return "", err
				}
				return r.ETag, nil
			},
			mode: "AES256",
		},
		{
			name: "CopyObject",
			slow: func(r *http.Request) bool {
				return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/copy")
			},
			request: func(m *multiBench) *http.Request {
				m.must(http.MethodPut, "/bucket/source", bytesOf(1000, 1))
				return m.request(http.MethodPut, "/bucket/copy", nil,
					"X-Amz-Copy-Source", "/bucket/source", "X-Amz-Server-Side-Encryption", "aws:kms:dsse")
			},
			result: copyResult,
			mode:   "aws:kms:dsse",
			cut:    true,
		},
		{
			name: "UploadPartCopy",
			slow: func(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.Query().Has("partNumber") },
			request: func(m *multiBench) *http.Request {
				m.must(http.MethodPut, "/bucket/source", bytesOf(5<<20, 1))
				up := m.create("object", testModes[1])
				return m.request(http.MethodPut, up.target("partNumber=1&"), nil, "X-Amz-Copy-Source", "/bucket/source")
			},
			result: copyResult,
			mode:   "aws:kms",
		},
	}
}

// take makes the store take that long for its part of the operation, and then
// refuse it if refused is set.
func (o *slowOperation) take(m *multiBench, d time.Duration, refused bool) {
	m.store.before = func(r *http.Request) error {
		if o.slow(r) {
			time.Sleep(d)
		}
		return nil
	}
	m.store.instead = func(r *http.Request) *http.Response {
		if refused && o.slow(r) {
			return fakeError(s3api.ErrInvalidObjectState)
		}
		return nil
	}
}

func TestLongOperationsAnswerEarly(t *testing.T) {
	for _, op := range slowOperations() {
		for _, tt := range []struct {
			takes   time.Duration
			refused bool
			origin  string
			early   []string
		}{
			{takes: 0},
			{takes: 9 * time.Second},
			{takes: 9 * time.Second, refused: true},
			{takes: 11 * time.Second, early: []string{fmt.Sprintf("10s: 200 %q", xml.Header)}},
			{takes: 35 * time.Second, early: []string{fmt.Sprintf("10s: 200 %q", xml.Header), `20s: 200 " "`, `30s: 200 " "`}},
			{takes: 25 * time.Second, refused: true, early: []string{fmt.Sprintf("10s: 200 %q", xml.Header), `20s: 200 " "`}},
			{takes: 35 * time.Second, origin: "https://example.com"},
		} {
			t.Run(fmt.Sprintf("%s/takes=%v,refused=%v,origin=%s", op.name, tt.takes, tt.refused, tt.origin), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMultiBench(t, 1, nil)
					r := op.request(m)
					if tt.origin != "" {
						r.Header.Set("Origin", tt.origin)
					}
					op.take(m, tt.takes, tt.refused)
					w := newTimedRecorder()
					cut := op.cut && tt.refused && len(tt.early) > 0
					if got := m.serve(w, r); got != cut {
						t.Fatalf("the connection was cut: %t, want %t", got, cut)
					}
					if diff := cmp.Diff(tt.early, w.early); diff != "" {
						t.Errorf("before the end (-want +got):\n%s", diff)
					}
					if cut {
						if text := w.Body.String(); strings.TrimSpace(text) != strings.TrimSpace(xml.Header) {
							t.Errorf("a client may take %q for a result", text)
						}
						return
					}
					op.check(t, w, tt.refused, len(tt.early) > 0)
				})
			})
		}
	}
}

// check checks the answer as a whole.
func (o *slowOperation) check(t *testing.T, w *timedRecorder, refused, early bool) {
	body := w.Body.Bytes()
	h := w.Result().Header
	if w.Header().Get("X-Amz-Request-Id") == "" || h.Get("Content-Type") != "application/xml" || h.Get("Content-Length") == "" != early {
		t.Errorf("header %v", h)
	}
	if !bytes.HasPrefix(body, []byte(xml.Header)) || bytes.Count(body, []byte("<?xml")) != 1 {
		t.Errorf("not an XML document: %q", body)
	}
	wantMode, wantStatus := o.mode, http.StatusOK
	if refused && !early {
		wantMode, wantStatus = "", s3api.ErrInvalidObjectState.Status
	}
	if got := h.Get("X-Amz-Server-Side-Encryption"); got != wantMode || w.Code != wantStatus {
		t.Errorf("encryption %q and status %d, want %q and %d", got, w.Code, wantMode, wantStatus)
	}
	etag, err := o.result(body)
	if refused {
		if !errors.Is(err, s3api.ErrInvalidObjectState) {
			t.Errorf("the document is %q, not the error", body)
		}
	} else if err != nil || etag == "" {
		t.Errorf("result: %v in %q", err, body)
	}
}

// TestEarlyAnswerEnds has requests end before their answer begins early, or
// with a client that takes nothing any more.
func TestEarlyAnswerEnds(t *testing.T) {
	for _, op := range slowOperations() {
		t.Run(op.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMultiBench(t, 1, nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := op.request(m).WithContext(ctx)
				m.store.before = func(r *http.Request) error {
					if op.slow(r) {
						cancel()
						return context.Canceled
					}
					return nil
				}
				w := newTimedRecorder()
				if !m.serve(w, r) {
					t.Errorf("answered with %d to nobody", w.Code)
				}
				time.Sleep(time.Minute)
				if w.Body.Len() > 0 || len(w.early) > 0 {
					t.Errorf("%q was written after the end", w.Body.Bytes())
				}
			})
			synctest.Test(t, func(t *testing.T) {
				m := newMultiBench(t, 1, nil)
				r := op.request(m)
				op.take(m, 35*time.Second, false)
				w := newTimedRecorder()
				w.fail = errors.New("the client is gone")
				if !m.serve(w, r) {
					t.Error("the answer went to nobody, and nobody noticed")
				}
				if len(w.early) > 1 {
					t.Errorf("it was tried %d times", len(w.early))
				}
			})
		})
	}
}

// panickingWriter is the response writer of a handler around the gateway that
// panics, as handlers may: the server recovers that.
type panickingWriter struct{ http.ResponseWriter }

func (panickingWriter) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }

func TestEarlyAnswerPanics(t *testing.T) {
	for _, op := range slowOperations() {
		t.Run(op.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMultiBench(t, 1, nil)
				r := op.request(m)
				op.take(m, 35*time.Second, false)
				if !m.serve(panickingWriter{httptest.NewRecorder()}, r) {
					t.Error("the request went on as if nothing had happened")
				}
			})
		})
	}
}
