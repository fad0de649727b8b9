// Package objects_test runs the operations on objects through Caddy in front
// of real stores: what clients see, what the store holds and what was asked of
// it.
package objects_test

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// endpoint is a site under test, with a recording proxy between it and the
// store and a bucket of its own.
type endpoint struct {
	*site.Site
	through bool // reverse_proxy reaches the store
	proxy   *store.Proxy
	bucket  string
	http    *http.Client
	// alter, if set, changes the bodies of uploads on their way to the store.
	alter    atomic.Pointer[func(io.Reader) io.Reader]
	upstream string
}

// start runs a site with a new bucket.
func start(t *testing.T, s *store.Store, o site.Options) *endpoint {
	t.Helper()
	e := &endpoint{through: o.ThroughProxy, proxy: store.NewProxy(t, s.URL), bucket: s.Bucket(t)}
	altering := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if alter := e.alter.Load(); alter != nil && r.Method == http.MethodPut {
			r.Body = io.NopCloser((*alter)(r.Body))
		}
		e.proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		altering.CloseClientConnections()
		altering.Close()
	})
	e.upstream = altering.URL
	o.Upstream = e.upstream
	e.Site = site.Start(t, s, o)
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}
	e.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(transport.CloseIdleConnections) // before Caddy stops: it would wait for them
	return e
}

// each runs test against a site in front of every store.
func each(t *testing.T, o site.Options, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	store.Each(t, func(t *testing.T, s *store.Store) { test(t, start(t, s, o)) })
}

func (e *endpoint) onMinIO() bool { return e.Store.Name == "minio" }

// Sizes in bytes around which bodies take another way: chunks of the format,
// the limit of what is buffered, frames of an upload.
const (
	chunk    = 65536
	buffered = 1 << 20
	frame    = 8 << 20
)

// streamed is a size that is not buffered.
const streamed = buffered + chunk + 17

var random = sync.OnceValue(func() []byte {
	b := make([]byte, frame+1)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
})

// plain returns n bytes that are the same every time. Nobody may change them.
func plain(n int) []byte { return random()[:n:n] }

// reload gives the site another configuration.
func (e *endpoint) reload(t *testing.T, o site.Options) {
	t.Helper()
	o.Upstream = e.upstream
	e.Reload(t, o)
	e.http.CloseIdleConnections()
	// Caddy closes its former socket a moment later, and with it connections
	// that wait there to be accepted.
	for calm := 0; calm < 20; calm++ {
		hr, _ := request{method: http.MethodGet}.build(t, e)
		if upload(t.Context(), hr, nil, 0, nil).err != nil {
			calm = 0
		}
	}
}
