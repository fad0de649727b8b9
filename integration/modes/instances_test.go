package modes_test

import (
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// settingsAge is how long it takes at most until a bucket's configuration is in
// force in all instances, as the documentation says.
const settingsAge = 3 * time.Second

// TestTwoInstances changes the configurations of two buckets, each in another
// process, and waits until the other one follows.
func TestTwoInstances(t *testing.T) {
	v := newVault(t, vault.Options{})
	store.Each(t, func(t *testing.T, s *store.Store) {
		o := site.Options{TLS: true, Handler: keys(t, v)}
		e := start(t, s, o)
		o.Handler += e.system
		p := startProcess(t, e, o)
		other := &endpoint{Client: p.Client, site: e.site, store: s, bucket: s.Bucket(t)}
		instances := []*endpoint{e, other}
		put := func(by *endpoint, bucket string) string {
			t.Helper()
			return by.Put(t, bucket, "k", content).Header.Get(headerSSE)
		}
		for _, by := range instances {
			if got := put(by, by.bucket); got != "AES256" {
				t.Fatal(got)
			}
		}
		for _, by := range instances {
			by.configure(t, by.bucket, s3api.BucketEncryption{Method: s3api.EncryptionDSSE})
			if got := put(by, by.bucket); got != "aws:kms:dsse" {
				t.Errorf("where it was changed: %q", got)
			}
		}
		changed := time.Now()
		for i, by := range instances {
			bucket := instances[1-i].bucket
			eventually(t, "the other instance follows", func() bool {
				asked := time.Now()
				got := put(by, bucket)
				if got != "aws:kms:dsse" && asked.Sub(changed) > settingsAge {
					t.Fatalf("still %q %v after the change", got, asked.Sub(changed))
				}
				return got == "aws:kms:dsse"
			})
			by.reads(t, bucket, "k", nil)
		}
	})
}
