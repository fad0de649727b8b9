// Package vault starts real Vault servers for tests, and makes them fail in
// every way a Vault fails.
//
// [Start] runs .tools/bin/vaultserver, HashiCorp Vault's core and HTTP API, as
// a child on a loopback port, initializes and unseals it, mounts the transit
// secrets engine at transit/, enables the AppRole and Kubernetes auth methods,
// and has every request written to an audit log. The test then makes keys,
// policies and ways to log in:
//
//	v := vault.Start(t, vault.Options{})
//	v.CreateKey(t, "orders", false)
//	v.WritePolicy(t, "orders", `path "transit/encrypt/orders" { capabilities = ["update"] }`)
//	token := v.CreateToken(t, vault.Token{Policies: []string{"orders"}})
//
// What is under test reaches Vault at [Server.URL]. That is a recording proxy:
// [Server.Count] tells how many requests came, [Server.Delay] and [Server.Hold]
// keep them waiting, and [store.Fault] has more. The methods of Server that
// administer Vault take another way and are neither counted nor held up.
//
// Outages are real ones. [Server.Seal] seals, [Server.Kill] ends the process,
// after which connections are refused, [Server.Restart] brings it back with its
// keys and tokens, [Server.RevokeToken] and [Server.RevokeLogins] take tokens
// away, [Server.Throttle] sets a quota.
//
// The program must have been built before: `make test` does, and a test that
// finds none fails with the command to run.
package vault

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// Options vary a server. The zero value is the ordinary one.
type Options struct {
	// TLS makes the server speak HTTPS, with a certificate of [Server.CA].
	TLS bool
	// ClientCertificate makes it demand a certificate of the same authority,
	// such as [Server.ClientCert]. It implies TLS.
	ClientCertificate bool
}

// Server is a running Vault. Its methods may be used concurrently, except those
// that end and start it: Kill, Restart, Seal and Unseal.
type Server struct {
	// URL is where Vault is found: loopback, the same for the server's life,
	// plain HTTP unless TLS was asked for.
	URL string
	// RootToken may do everything and does not expire.
	RootToken string
	// CA is the path of the certificate authority of a server that speaks
	// HTTPS. ClientCert and ClientKey are those of a client the authority
	// vouches for. All are PEM files.
	CA, ClientCert, ClientKey string
	// Proxy records requests on their way from URL and injects faults. Its own
	// URL is a way around TLS and Kill: not for tests.
	Proxy *store.Proxy

	dir       string // of Vault and its audit log
	vaultAddr string
	frontAddr string
	tls       *tls.Config
	unsealKey string
	admin     *http.Client
	cluster   *cluster

	proc  *store.Process // nil when killed
	front *httptest.Server
}

// Start runs a Vault until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), admin: &http.Client{Transport: new(http.Transport)}}
	if o.TLS || o.ClientCertificate {
		s.secure(t, o.ClientCertificate)
	}
	for attempt := 1; s.proc == nil; attempt++ {
		// A free port can be lost to another process before it is used.
		addr, err := posixstore.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		s.vaultAddr = addr
		if err := s.run(); errors.Is(err, store.ErrNotBuilt) || err != nil && attempt == 3 {
			t.Fatalf("starting Vault: %v", err)
		}
	}
	s.Proxy = store.NewProxy(t, "http://"+s.vaultAddr)
	s.open(t)
	t.Cleanup(func() {
		if t.Failed() && s.proc != nil {
			t.Logf("Vault said:\n%s", s.proc.Said())
		}
		s.Kill()
		s.admin.CloseIdleConnections()
	})
	s.provision(t)
	return s
}

func (s *Server) run() error {
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	p, err := store.Program{
		Name:  "vaultserver",
		Args:  []string{"-dir", data, "-addr", s.vaultAddr},
		Ready: "http://" + s.vaultAddr + "/v1/sys/init",
	}.Run()
	if err != nil {
		return err
	}
	s.proc = p
	return nil
}

// provision makes a new Vault usable.
func (s *Server) provision(t testing.TB) {
	t.Helper()
	var keys struct {
		Keys  []string `json:"keys_base64"`
		Token string   `json:"root_token"`
	}
	s.ask(t, "PUT", "sys/init", map[string]any{"secret_shares": 1, "secret_threshold": 1}, &keys)
	if len(keys.Keys) != 1 || keys.Token == "" {
		t.Fatal("Vault gave no unseal key")
	}
	s.unsealKey, s.RootToken = keys.Keys[0], keys.Token
	s.Unseal(t)
	s.Admin(t, "PUT", "sys/audit/file", map[string]any{
		"type": "file", "options": map[string]any{"file_path": s.auditFile()},
	})
	s.Admin(t, "POST", "sys/mounts/transit", map[string]any{"type": "transit"})
	s.Admin(t, "POST", "sys/auth/approle", map[string]any{"type": "approle"})
	s.Admin(t, "POST", "sys/auth/kubernetes", map[string]any{"type": "kubernetes"})
	s.joinCluster(t)
}

// Seal seals Vault: from then on it answers 503 to everything.
func (s *Server) Seal(t testing.TB) {
	t.Helper()
	s.Admin(t, "PUT", "sys/seal", nil)
}

// Unseal ends what Seal began. Keys and tokens are as before.
func (s *Server) Unseal(t testing.TB) {
	t.Helper()
	var status struct{ Sealed bool }
	s.ask(t, "PUT", "sys/unseal", map[string]any{"key": s.unsealKey}, &status)
	if status.Sealed {
		t.Fatal("Vault stays sealed")
	}
}

// Kill ends the process without giving it time for anything. Connections break,
// and new ones are refused. Killing a dead server does nothing.
func (s *Server) Kill() {
	if s.proc == nil {
		return
	}
	s.close()
	s.proc.Stop()
	s.proc = nil
}

// Restart starts the server again after Kill, at the same URL, and unseals it.
// Keys, tokens and leases are those from before.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		t.Fatalf("starting Vault again: %v", err)
	}
	s.Unseal(t)
	s.open(t)
}
