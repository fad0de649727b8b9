package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
)

// TestCutBody ends the bodies of uploads in the ways in which servers report
// that: the client went, broke its own framing, or sent more than the server
// lets in. None of them is an error of the gateway.
func TestCutBody(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("parts", testModes[0])
	for name, target := range map[string]string{"object": "/bucket/k", "part": u.target("partNumber=1&")} {
		for _, size := range []int{1000, mib5} {
			reset := func(half []byte, _ http.ResponseWriter) io.ReadCloser {
				return io.NopCloser(io.MultiReader(bytes.NewReader(half), iotest.ErrReader(errors.New("stream error: stream ID 3; CANCEL"))))
			}
			limited := func(half []byte, w http.ResponseWriter) io.ReadCloser {
				return http.MaxBytesReader(w, io.NopCloser(bytes.NewReader(half)), int64(len(half)-1))
			}
			for code, body := range map[string]func([]byte, http.ResponseWriter) io.ReadCloser{
				"IncompleteBody": reset, "EntityTooLarge": limited,
			} {
				content, w := bytesOf(size, 1), httptest.NewRecorder()
				r := m.request(http.MethodPut, target, content)
				r.Body = body(content[:size/2], w)
				m.serve(w, r)
				if got := (reply{status: w.Code, body: w.Body.Bytes()}); got.status != http.StatusBadRequest || got.code() != code {
					t.Errorf("%s of %d bytes: %d %s, want %s", name, size, got.status, got.body, code)
				}
			}
		}
	}
}
