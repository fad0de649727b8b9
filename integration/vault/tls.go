package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a certificate authority for loopback.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

// secure makes the files of TLS, and the configuration of the proxy.
func (s *Server) secure(t testing.TB, clients bool) {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = template(1, "vault tests"), newKey(t)
	a.cert.IsCA, a.cert.KeyUsage = true, x509.KeyUsageCertSign
	s.CA, _ = a.issue(t, "ca", a.cert, a.key)

	server := template(2, "127.0.0.1")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	cert, err := tls.LoadX509KeyPair(a.issue(t, "server", server, newKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	client := template(3, "client")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	s.ClientCert, s.ClientKey = a.issue(t, "client", client, newKey(t))

	s.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if clients {
		s.tls.ClientAuth, s.tls.ClientCAs = tls.RequireAndVerifyClientCert, s.pool(t)
	}
}

// TLSConfig returns what a client of a server that speaks HTTPS needs, its
// certificate included, and nil for one that speaks plain HTTP.
func (s *Server) TLSConfig(t testing.TB) *tls.Config {
	t.Helper()
	if s.tls == nil {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(s.ClientCert, s.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{RootCAs: s.pool(t), Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
}

func (s *Server) pool(t testing.TB) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", s.CA)
	}
	return pool
}

func template(serial int64, name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a certificate for key and returns the paths of both.
func (a *authority) issue(t testing.TB, name string, cert *x509.Certificate, key *ecdsa.PrivateKey) (certFile, keyFile string) {
	t.Helper()
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, kind string, der []byte) {
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	write(certFile, "CERTIFICATE", signed)
	write(keyFile, "PRIVATE KEY", private)
	return certFile, keyFile
}
