package copies_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// between runs do each time that the gateway has looked at the object that it
// is about to copy, before it goes on, so many times.
func (e *endpoint) between(t *testing.T, times int64, do func()) {
	t.Helper()
	var left atomic.Int64
	left.Store(times)
	var looked, busy atomic.Bool
	e.proxy.Inject(func(r *http.Request) *store.Fault {
		if busy.Load() || isSettings(store.Exchange{Target: r.RequestURI}) {
			return nil
		}
		if !looked.Swap(true) || left.Add(-1) < 0 {
			return nil
		}
		looked.Store(false)
		busy.Store(true)
		do()
		busy.Store(false)
		return nil
	})
	t.Cleanup(func() { e.proxy.Inject(nil) })
}
