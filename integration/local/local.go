// Package local runs a gateway inside the test process, with keys of every
// kind and without Caddy, in front of a real store.
package local

import (
	"net/http"
	"net/http/httptest"
	"net/url"
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

// The credential that every gateway knows, and may use all buckets.
const (
	AccessKey = "client"
	SecretKey = "secret-of-the-clients-of-integration-tests"
)

// The KMS keys of every gateway; requests that name none use KeyA.
const (
	KeyA = "a"
	KeyB = "b"
)

// Gateway is a running gateway with a client of it, a recording proxy between
// it and the store, and a bucket of its own.
type Gateway struct {
	*wire.Client
	Store  *store.Store
	Proxy  *store.Proxy
	Keys   *kmstest.Memory
	Bucket string
}

// Clients are the credentials of a gateway by access key.
type Clients map[string]*gateway.Credential

// Lookup implements gateway.Credentials.
func (c Clients) Lookup(accessKey string) (*gateway.Credential, bool) {
	cred, ok := c[accessKey]
	return cred, ok
}

// Add makes a credential with the secret that all have.
func (c Clients) Add(t testing.TB, cred gateway.Credential) {
	t.Helper()
	cred.Secret = secret(t, SecretKey)
	c[cred.AccessKey] = &cred
}

func secret(t testing.TB, text string) sigv4.Secret {
	t.Helper()
	s, err := sigv4.NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Start runs a gateway until the test ends. Requests count as made over TLS,
// unless they say otherwise in a header named Insecure. change, if not nil,
// alters the configuration.
func Start(t testing.TB, s *store.Store, change func(*gateway.Config)) *Gateway {
	t.Helper()
	e := &Gateway{Store: s, Proxy: store.NewProxy(t, s.URL), Keys: kmstest.NewMemory(KeyA, KeyB), Bucket: s.Bucket(t)}
	service, err := kms.New(kms.Options{Provider: e.Keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	local, err := localkeys.New([]localkeys.Key{{ID: "k1", Key: encryptor.NewKey()}}, "k1")
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := url.Parse(e.Proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	clients := Clients{}
	clients.Add(t, gateway.Credential{AccessKey: AccessKey})
	config := gateway.Config{
		Keys:        local,
		Credentials: clients,
		Upstream: gateway.Upstream{
			Endpoint: upstream, Transport: transport, Region: s.Region,
			Credential: sigv4.Credential{AccessKey: s.AccessKey, Secret: secret(t, s.SecretKey)},
		},
		KMS:          gateway.KMS{Service: service, DefaultKey: KeyA, KeyIDs: metadata.KeyIDs{Region: "us-east-1", Account: "111122223333"}},
		SystemBucket: "system-" + e.Bucket, // no two gateways have the same master key
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
		g.Serve(w, r, gateway.Inbound{Target: r.RequestURI, Secure: r.Header.Get("Insecure") == ""})
	}))
	t.Cleanup(server.Close)
	e.Client = wire.New(t, server.URL, AccessKey, SecretKey)
	return e
}
