package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAnswersOfStrangers has something that is no store answer in its place:
// a load balancer that finds none behind it, a server that wants HTTPS. What
// the status would mean of a store, such as that there is no such object, is
// not known then, and clients must not hear it.
func TestAnswersOfStrangers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
	}{
		"no backend":  {http.StatusNotFound, "default backend - 404"},
		"no route":    {http.StatusNotFound, ""},
		"HTTPS":       {http.StatusBadRequest, "Client sent an HTTP request to an HTTPS server.\n"},
		"redirection": {http.StatusMovedPermanently, "<html><body>Moved</body></html>"},
		"too large":   {http.StatusRequestEntityTooLarge, "<html><head><title>413 Request Entity Too Large</title></head></html>"},
		"forbidden":   {http.StatusForbidden, `{"errors":["not from here"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMultiBench(t, 1, nil)
			m.must(http.MethodPut, "/bucket/key", []byte("some text"))
			m.store.instead = func(*http.Request) *http.Response {
				return &http.Response{
					StatusCode: tc.status, Header: http.Header{"Content-Type": {"text/plain"}},
					Body: io.NopCloser(strings.NewReader(tc.body)), ContentLength: int64(len(tc.body)),
				}
			}
			for what, r := range map[string]reply{
				"GET":           m.do(http.MethodGet, "/bucket/key", nil),
				"PUT":           m.do(http.MethodPut, "/bucket/key", []byte("other text")),
				"DELETE":        m.do(http.MethodDelete, "/bucket/key", nil),
				"listing":       m.do(http.MethodGet, "/bucket?list-type=2", nil),
				"DELETE bucket": m.do(http.MethodDelete, "/bucket", nil),
			} {
				if r.status != http.StatusServiceUnavailable || r.code() != "ServiceUnavailable" || r.header.Get("Retry-After") == "" {
					t.Errorf("%s: %d %s", what, r.status, r.body)
				}
			}
			for _, target := range []string{"/bucket/key", "/bucket"} { // nothing explains the others, either
				if r := m.do(http.MethodHead, target, nil); tc.status == http.StatusNotFound && r.status != http.StatusServiceUnavailable {
					t.Errorf("HEAD %s: %d", target, r.status)
				}
			}
		})
	}
}

// TestNothingThere has stores say to HEAD that there is nothing, with an id of the
// answer and without.
func TestNothingThere(t *testing.T) {
	for _, id := range []string{"", "1"} {
		m := newMultiBench(t, 1, nil)
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method != http.MethodHead {
				return nil
			}
			h := http.Header{}
			if id != "" {
				h.Set("X-Amz-Request-Id", id)
			}
			return &http.Response{StatusCode: http.StatusNotFound, Header: h, Body: http.NoBody}
		}
		before := len(m.store.log)
		for _, target := range []string{"/bucket/missing", "/missing"} {
			if r := m.do(http.MethodHead, target, nil); r.status != http.StatusNotFound {
				t.Errorf("id %q, %s: %d", id, target, r.status)
			}
		}
		if asked := len(m.store.log) - before; asked != map[string]int{"": 2, "1": 0}[id] {
			t.Errorf("id %q: %d more requests", id, asked)
		}
	}
}
