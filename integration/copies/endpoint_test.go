// Package copies_test copies objects through a gateway in front of a real
// store: what clients get, and what is moved at the store for it.
package copies_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// The clients of the gateway and their common secret. The second may use
// buckets with a name of its own only.
const (
	someone   = "someone"
	stranger  = "stranger"
	secretKey = "secret-of-the-clients-of-integration-tests"
)

// endpoint is a gateway with keys of all kinds, a recording proxy between it
// and the store, and a bucket.
type endpoint struct {
	*wire.Client
	store  *store.Store
	proxy  *store.Proxy
	keys   *kmstest.Memory
	bucket string

	serving sync.RWMutex // held for reading by every request under way
	bodies  atomic.Int64
}

type clients map[string]*gateway.Credential

func (c clients) Lookup(accessKey string) (*gateway.Credential, bool) {
	cred, ok := c[accessKey]
	return cred, ok
}

// start runs a gateway to MinIO in this process. Requests count as made over
// TLS.
func start(t *testing.T, change func(*gateway.Config)) *endpoint {
	t.Helper()
	return startAt(t, store.MinIO(t), change)
}

// startAt runs a gateway to another store.
func startAt(t *testing.T, s *store.Store, change func(*gateway.Config)) *endpoint {
	t.Helper()
	e := &endpoint{store: s, proxy: store.NewProxy(t, s.URL), keys: kmstest.NewMemory("a", "b"), bucket: s.Bucket(t)}
	service, err := kms.New(kms.Options{Provider: e.keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	local, err := localkeys.New([]localkeys.Key{{ID: "k1", Key: encryptor.NewKey()}}, "k1")
	if err != nil {
		t.Fatal(err)
	}
	secret := func(text string) sigv4.Secret {
		sec, err := sigv4.NewSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		return sec
	}
	upstream, err := url.Parse(e.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	config := gateway.Config{
		Keys: local,
		Credentials: clients{
			someone:  {AccessKey: someone, Secret: secret(secretKey)},
			stranger: {AccessKey: stranger, Secret: secret(secretKey), Buckets: []string{stranger + "-*"}},
		},
		Upstream: gateway.Upstream{
			Endpoint: upstream, Transport: transport, Region: s.Region,
			Credential: sigv4.Credential{AccessKey: s.AccessKey, Secret: secret(s.SecretKey)},
		},
		KMS:            gateway.KMS{Service: service, DefaultKey: "a", KeyIDs: metadata.KeyIDs{Region: "us-east-1", Account: "111122223333"}},
		PlaintextReads: []string{"*"},
	}
	if change != nil {
		change(&config)
	}
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.serving.RLock()
		defer e.serving.RUnlock()
		var out gateway.Outcome
		defer func() {
			if out.BodyEnvelope {
				e.bodies.Add(1)
			}
		}()
		g.Serve(w, r, gateway.Inbound{Target: r.RequestURI, Secure: true, Outcome: &out})
	}))
	t.Cleanup(server.Close)
	e.Client = wire.New(t, server.URL, someone, secretKey)
	return e
}

// recovered returns how many of the answers so far were given with the
// envelope in the object's body.
func (e *endpoint) recovered() int64 {
	e.serving.Lock() // clients can be ahead of the gateway
	defer e.serving.Unlock()
	return e.bodies.Load()
}

var random = sync.OnceValue(func() []byte {
	b := make([]byte, 9<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b
})

// plain returns n bytes that are the same every time. Nobody may change them.
func plain(n int) []byte { return random()[:n:n] }
