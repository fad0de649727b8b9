// Package site runs Caddy with the s3_sse handler inside the test process, in
// front of a real store.
//
// Caddy has one configuration per process: a test starts one site at a time and
// must not run in parallel with another that does.
package site

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/minio/minio-go/v7"

	_ "github.com/caddy-s3-sse/caddy-s3-sse" // the handler
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// The client credential of every site.
const (
	AccessKey = "client"
	SecretKey = "client-secret-of-integration-tests"
)

// Options vary a site. The zero value is the ordinary one.
type Options struct {
	// Upstream is the URL the site reaches the store by, such as a
	// [store.Proxy]'s. Default: the store itself.
	Upstream string
	// ThroughProxy puts Caddy's reverse_proxy behind the handler instead of
	// the handler's own connections.
	ThroughProxy bool
	// Handler are further lines of the s3_sse block.
	Handler string
	// Global are further lines of the global options.
	Global string
	// TLS makes the site speak HTTPS, with a certificate of [Site.CA].
	TLS bool
}

// Site is a running Caddy.
type Site struct {
	// URL is the endpoint on a loopback port, plain HTTP unless TLS was asked
	// for.
	URL string
	// CA is the path of the certificate authority of a site that speaks HTTPS,
	// a PEM file.
	CA string
	// Store is what stands behind it.
	Store *store.Store

	addr, dir string
}

// Start runs a site in front of s until the test ends. Its master key is new.
func Start(t testing.TB, s *store.Store, o Options) *Site {
	t.Helper()
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	site := &Site{URL: "http://" + addr, Store: s, addr: addr, dir: t.TempDir()}
	key := make([]byte, 32)
	rand.Read(key)
	for name, value := range map[string]string{
		"master":  base64.StdEncoding.EncodeToString(key),
		"client":  SecretKey,
		"storage": s.SecretKey,
	} {
		if err := os.WriteFile(filepath.Join(site.dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if o.TLS {
		if err := writeCertificates(site.dir); err != nil {
			t.Fatal(err)
		}
		site.URL, site.CA = "https://"+addr, filepath.Join(site.dir, caFile)
	}
	site.Reload(t, o)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	return site
}

// Reload gives the running Caddy another configuration with the same keys, or
// the same one again: it is loaded in any case.
func (s *Site) Reload(t testing.TB, o Options) {
	t.Helper()
	text := s.Caddyfile(o)
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatalf("adapting\n%s\n%v", text, err)
	}
	for _, w := range warnings {
		t.Log(w)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatalf("loading the configuration: %v", err)
	}
}

// Caddyfile returns the configuration that o stands for.
func (s *Site) Caddyfile(o Options) string {
	if o.Upstream == "" {
		o.Upstream = s.Store.URL
	}
	upstream, next := "upstream "+o.Upstream, ""
	if o.ThroughProxy {
		host := strings.TrimPrefix(o.Upstream, "http://")
		upstream, next = "store_host "+host, "reverse_proxy "+o.Upstream
	}
	certificate := ""
	if o.TLS {
		// Nothing is listening on port 80.
		o.Global += "\nauto_https disable_redirects"
		certificate = fmt.Sprintf("tls %s %s", filepath.Join(s.dir, certFile), filepath.Join(s.dir, keyFile))
	}
	file := func(name string) string { return "`{file." + filepath.Join(s.dir, name) + "}`" }
	return string(caddyfile.Format(fmt.Appendf(nil, `{
	admin off
	persist_config off
	storage file_system %s
	log {
		level ERROR
	}
	%s
}
%s {
	%s
	s3_sse {
		%s
		upstream_credentials %s %s
		region %s
		master_key test %s
		active_key test
		credential %s %s
		%s
	}
	%s
}
`, filepath.Join(s.dir, "caddy"), o.Global, s.URL, certificate, upstream, s.Store.AccessKey, file("storage"), s.Store.Region,
		file("master"), AccessKey, file("client"), o.Handler, next)))
}

// Client returns a client of the site. Its connections are its own and are not
// kept open: Caddy closes idle ones when it loads a configuration, and a client
// can notice too late.
func (s *Site) Client(t testing.TB) *minio.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, TLSClientConfig: s.TLSConfig(t)}
	c, err := store.Connect(s.URL, AccessKey, SecretKey, transport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
