package modes_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestVaultCalls counts the requests to Vault for many objects, with bucket
// keys and without.
func TestVaultCalls(t *testing.T) {
	v := newVault(t, vault.Options{})
	e := start(t, store.MinIO(t), site.Options{TLS: true, Handler: keys(t, v)})
	for _, test := range []struct {
		name    string
		objects int
		header  http.Header
		most    int // requests for the PUTs, and again for the GETs
	}{
		{"with bucket keys", 1000, sse("aws:kms", headerBucketKey, "true"), 2},
		{"without", 100, sse("aws:kms"), 100},
		{"DSSE-KMS", 100, sse("aws:kms:dsse"), 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := e.store.Bucket(t)
			before := v.Count("")
			all := func(send func(key string) wire.Answer) {
				t.Helper()
				var wg sync.WaitGroup
				var next atomic.Int64
				for range 16 {
					wg.Go(func() {
						for i := next.Add(1); i <= int64(test.objects); i = next.Add(1) {
							if a := send(fmt.Sprint(i)); a.Status != http.StatusOK || a.Err != nil {
								t.Errorf("object %d: status %d, %v\n%.500s", i, a.Status, a.Err, a.Body)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			all(func(key string) wire.Answer {
				return e.Do(t, wire.Request{Method: http.MethodPut, Target: wire.Target(bucket, key, ""), Header: test.header, Body: []byte(key)})
			})
			all(func(key string) wire.Answer { return e.get(t, bucket, key, nil) })
			// The first login asks what the token is.
			if n := v.Count("") - before; n > 2*test.most+1 {
				t.Errorf("%d requests to Vault for %d PUTs and as many GETs", n, test.objects)
			} else {
				t.Logf("%d requests to Vault for %d PUTs and as many GETs", n, test.objects)
			}
		})
	}
}
