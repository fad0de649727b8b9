package caddymodule

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Secrets of the test sites. They are recognizable, so that they can be looked
// for where they must not be.
const (
	clientSecret = "client-secret-that-must-not-show"
	storeSecret  = "store-secret-that-must-not-show"
)

// secretEnv sets the variables that siteJSON refers to.
func secretEnv(t *testing.T) (masterKey string) {
	t.Helper()
	var b [32]byte
	_, _ = rand.Read(b[:])
	masterKey = base64.StdEncoding.EncodeToString(b[:])
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	t.Setenv("TEST_STORE_SECRET", storeSecret)
	t.Setenv("TEST_MASTER_KEY", masterKey)
	return masterKey
}

// directive returns s3_sse with everything it needs.
func directive(upstream string, more ...string) string {
	return "s3_sse {\n" + upstream + `
		upstream_credentials gateway {env.TEST_STORE_SECRET}
		master_key 2026 {env.TEST_MASTER_KEY}
		credential AKIDALICE {env.TEST_CLIENT_SECRET}
		` + strings.Join(more, "\n") + "\n}\n"
}

// siteJSON adapts a Caddyfile whose sites are at http://127.0.0.1:8080 or
// https://127.0.0.1:8080 and makes it listen on a port that is free.
func siteJSON(t *testing.T, global, sites string) []byte {
	t.Helper()
	if !strings.Contains(global, "log {") {
		global += "log {\noutput discard\n}\n"
	}
	cf := "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n\tpersist_config off\n\tstorage file_system " + t.TempDir() + "\n" + global + "\n}\n" + sites
	js, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(cf), nil)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(js), `":8080"`, `"127.0.0.1:0"`))
}

// load starts Caddy or makes it take another config, and returns the address
// it listens on.
func load(t *testing.T, js []byte) string {
	t.Helper()
	if err := caddy.Load(js, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, srv := range app.(*caddyhttp.App).Servers {
		return srv.Listeners()[0].Addr().String()
	}
	t.Fatal("no server")
	return ""
}

// newRequest returns a request signed by the client of the test sites, with
// the payload unsigned.
func newRequest(t *testing.T, method, url string, body io.Reader, length int64, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = length
	maps.Copy(r.Header, header)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err = signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "AKIDALICE", SecretAccessKey: clientSecret},
		r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// do sends a signed request on a connection of its own and returns the answer
// with its body read.
func do(t *testing.T, client *http.Client, method, url, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	r := newRequest(t, method, url, strings.NewReader(body), int64(len(body)), header)
	r.Close = true
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

// mustDo is do for requests that succeed.
func mustDo(t *testing.T, client *http.Client, method, url, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	resp, data := do(t, client, method, url, body, header)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %s", method, url, resp.Status, data)
	}
	return resp, data
}

// newCertificate makes a self-signed certificate for localhost and returns it
// in the form of arguments of the tls directive.
func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "localhost.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path + " " + path
}

// readTree returns the content of all files under dir.
func readTree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s\n", data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
