package rotation_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestHostile writes, overwrites and deletes objects while they are moved, again
// and again, with uploads under the old key too. At the end every object must be
// the last that was written.
func TestHostile(t *testing.T) {
	for _, versioned := range []bool{false, true} {
		t.Run(fmt.Sprintf("versioned=%v", versioned), func(t *testing.T) {
			e := start(t, store.MinIO(t))
			e.load(t)
			if versioned {
				if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
					t.Fatal(err)
				}
			}
			const writers, keys, rounds = 4, 6, 40
			content := func(key string, n int) string {
				return strings.Repeat(fmt.Sprintf("%s %d ", key, n), 1+n%3*12000) // up to what is copied by the store
			}
			last := make(map[string]int) // -1: deleted
			for w := range writers {
				for k := range keys {
					key := fmt.Sprintf("w%d-%d", w, k)
					e.put(t, key, content(key, 0))
					last[key] = 0
				}
			}
			e.masters = []string{"a", "b"}
			e.load(t)
			var (
				group sync.WaitGroup
				mu    sync.Mutex
			)
			done := make(chan struct{})
			for w := range writers {
				group.Go(func() {
					r := rand.New(rand.NewPCG(uint64(w), 1))
					for n := 1; n <= rounds; n++ {
						key := fmt.Sprintf("w%d-%d", w, r.IntN(keys))
						wrote := n
						if r.IntN(6) == 0 {
							wrote = -1
							a := e.do(t, wire.Request{Method: http.MethodDelete, Target: "/" + e.bucket + "/" + key, Header: headers()})
							if a.Status != http.StatusNoContent {
								t.Errorf("DELETE %s: status %d", key, a.Status)
							}
						} else if a := e.do(t, wire.Request{Method: http.MethodPut, Target: "/" + e.bucket + "/" + key, Body: []byte(content(key, n)), Header: http.Header{"X-Amz-Meta-Number": {fmt.Sprint(n)}}}); a.Status != http.StatusOK {
							t.Errorf("PUT %s: status %d\n%s", key, a.Status, a.Body)
						}
						mu.Lock()
						last[key] = wrote
						mu.Unlock()
					}
				})
			}
			go func() { group.Wait(); close(done) }()
			active := 1
			for running := true; running; {
				select {
				case <-done:
					running = false // and once more, for what was written last
				default:
				}
				e.masters = [][]string{{"a", "b"}, {"b", "a"}}[active%2]
				e.load(t)
				active++
				if out := e.run(t, 0, "rewrap", "--concurrency", "16"); strings.Contains(out, "the metadata of another body") {
					t.Error(out)
				}
			}
			e.masters = e.masters[1:]
			e.load(t)
			for key, n := range last {
				if n < 0 {
					if a := e.get(t, key); a.Status != http.StatusNotFound {
						t.Errorf("GET %s, which was deleted: status %d", key, a.Status)
					}
					continue
				}
				e.reads(t, key, content(key, n))
				if a := e.get(t, key); n > 0 && a.Header.Get("X-Amz-Meta-Number") != fmt.Sprint(n) {
					t.Errorf("GET %s: %v, want number %d", key, a.Header, n)
				}
			}
			for _, v := range e.versions(t) {
				if !v.IsDeleteMarker && versioned {
					if a := e.get(t, v.Key+"?versionId="+v.VersionID); a.Status != http.StatusOK {
						t.Errorf("GET %s, version %s: status %d\n%s", v.Key, v.VersionID, a.Status, a.Body)
					}
				}
			}
		})
	}
}
