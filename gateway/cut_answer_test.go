package gateway

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/iotest"
)

// TestCutAnswer breaks the connection to the store in the body of an answer. As
// long as the client has got nothing, that is an outage of the store, and
// nothing that is wrong with the gateway or the object.
func TestCutAnswer(t *testing.T) {
	m := newMultiBench(t, 1, func(cfg *Config) { cfg.PlaintextReads = []string{"bucket"} })
	whole := bytesOf(300_000, 1)
	m.must(http.MethodPut, "/bucket/whole", whole)
	u := m.create("parts", testModes[0])
	u.mustPut(1, whole)
	u.mustComplete()
	m.store.buckets["bucket"]["plain"] = &fakeObject{body: whole, etag: "e", header: http.Header{}, at: m.now}
	for _, c := range []struct {
		target, rng string
		after       int64 // bytes of the body that still come
		want        int   // -1: the connection to the client is cut, too
	}{
		{"whole", "", 0, 503},
		{"whole", "", 1000, 503},
		{"whole", "", 200_000, -1},
		{"whole", "bytes=100-200", 10, 503},
		{"parts", "", 0, 503},
		{"parts", "", 200_000, -1},
		{"parts", "bytes=100-200", 10, 503},
		{"plain", "", 0, 503},
		{"plain", "bytes=100-200", 0, 503},
	} {
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method != http.MethodGet || r.URL.Path != "/bucket/"+c.target {
				return nil
			}
			resp := m.store.answer(r, nil)
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, c.after), iotest.ErrReader(errors.New("connection reset by peer"))))
			return resp
		}
		var header []string
		if c.rng != "" {
			header = []string{"Range", c.rng}
		}
		r := m.do(http.MethodGet, "/bucket/"+c.target, nil, header...)
		if r.status != c.want || c.want > 0 && (r.code() != "ServiceUnavailable" || r.header.Get("Retry-After") == "") {
			t.Errorf("%+v: %d %.200s", c, r.status, r.body)
		}
	}
}
