// Package rotation_test changes the encryption of objects in real stores with
// the commands, as somebody would who runs a server.
package rotation_test

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/minio/minio-go/v7"

	_ "github.com/caddy-s3-sse/caddy-s3-sse" // the handler
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

const kmsKey = "s3-photos"

// site is Caddy in front of a store, with a configuration that changes.
type site struct {
	*wire.Client
	store  *store.Store
	bucket string

	dir, addr, system string

	masters []string // ids of the master keys, the last is active
	vault   *vault.Server
	more    string // lines of the handler
}

// start runs a site with the master key "a" and a new bucket.
func start(t *testing.T, s *store.Store) *site {
	t.Helper()
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	e := &site{
		store: s, bucket: s.Bucket(t), dir: t.TempDir(), addr: addr, masters: []string{"a"},
		system: "system-" + strings.ToLower(rand.Text())[:16],
	}
	e.secret(t, "store", s.SecretKey)
	e.secret(t, "client", "client-secret-of-integration-tests")
	for _, id := range []string{"a", "b", "c"} {
		key := make([]byte, 32)
		rand.Read(key)
		e.secret(t, "master-"+id, base64.StdEncoding.EncodeToString(key))
	}
	e.Client = wire.New(t, "http://"+addr, "client", "client-secret-of-integration-tests")
	// Caddy closes idle connections when it loads a configuration.
	e.HTTP.Transport.(*http.Transport).DisableKeepAlives = true
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	return e
}

func (e *site) secret(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (e *site) file(name string) string { return "`{file." + filepath.Join(e.dir, name) + "}`" }

// load makes the site what its fields say.
func (e *site) load(t *testing.T) {
	t.Helper()
	var keys strings.Builder
	for _, id := range e.masters {
		fmt.Fprintf(&keys, "master_key %s %s\n", id, e.file("master-"+id))
	}
	fmt.Fprintf(&keys, "active_key %s\n", e.masters[len(e.masters)-1])
	if e.vault != nil {
		fmt.Fprintf(&keys, "keys vault {\n address %s\n token_file %s\n}\nkms {\n default_key %s\n cache_ttl off\n}\n",
			e.vault.URL, filepath.Join(e.dir, "token"), kmsKey)
	}
	text := fmt.Sprintf(`{
	admin off
	persist_config off
	storage file_system %s
	log {
		level ERROR
	}
	servers {
		trusted_proxies static 127.0.0.1/32
	}
}
http://%s {
	s3_sse {
		upstream %s
		upstream_credentials %s %s
		system_bucket %s
		credential client %s
		%s
		%s
	}
}
`, filepath.Join(e.dir, "caddy"), e.addr, e.store.URL, e.store.AccessKey, e.file("store"), e.system, e.file("client"), keys.String(), e.more)
	if err := os.WriteFile(e.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatalf("loading the configuration: %v", err)
	}
}

func (e *site) config() string { return filepath.Join(e.dir, "Caddyfile") }

// withVault gives the site a Vault with the key kmsKey.
func (e *site) withVault(t *testing.T) {
	t.Helper()
	e.vault = vault.Start(t, vault.Options{})
	e.vault.CreateKey(t, kmsKey, false)
	var policies []string
	for _, name := range []string{"gateway", "rewrap"} {
		hcl, err := os.ReadFile("../../docs/vault/" + name + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		e.vault.WritePolicy(t, name, string(hcl))
		policies = append(policies, name)
	}
	e.secret(t, "token", e.vault.CreateToken(t, vault.Token{Policies: policies, TTL: time.Hour}))
}

// run runs a command of Caddy with the site's configuration and checks its exit
// status.
func (e *site) run(t *testing.T, status int, command string, args ...string) string {
	t.Helper()
	path, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"s3-sse", command, "--config", e.config(), "--adapter", "caddyfile", "--yes", "--bucket", e.bucket}, args...)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "HOME="+e.dir, "XDG_DATA_HOME="+e.dir, "XDG_CONFIG_HOME="+e.dir)
	out, err := cmd.CombinedOutput()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Errorf("%s: exit status %d, want %d\n%s", strings.Join(args, " "), got, status, out)
	}
	return string(out)
}

// headers makes the headers of a request over a trusted proxy with TLS.
func headers(pairs ...string) http.Header {
	h := http.Header{"X-Forwarded-Proto": {"https"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// customer are the headers of SSE-C.
func customer() []string {
	key := bytes.Repeat([]byte("k"), 32)
	sum := md5.Sum(key)
	const prefix = "X-Amz-Server-Side-Encryption-Customer-"
	return []string{
		prefix + "Algorithm", "AES256", prefix + "Key", base64.StdEncoding.EncodeToString(key),
		prefix + "Key-Md5", base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// do sends a request, again if it comes at the moment when one configuration
// takes over from another, and connections are closed.
func (e *site) do(t *testing.T, r wire.Request) wire.Answer {
	t.Helper()
	a := e.Do(t, r)
	for range 5 {
		if a.Err == nil && a.Status != 0 {
			break
		}
		a = e.Do(t, r)
	}
	return a
}

// expect sends a request and checks the status of the answer.
func (e *site) expect(t *testing.T, status int, r wire.Request) {
	t.Helper()
	if a := e.do(t, r); a.Status != status {
		t.Fatalf("%s %s: status %d, want %d\n%s", r.Method, r.Target, a.Status, status, a.Body)
	}
}

// put writes an object through the site and returns its version.
func (e *site) put(t *testing.T, key, body string, pairs ...string) string {
	t.Helper()
	a := e.do(t, wire.Request{Method: http.MethodPut, Target: "/" + e.bucket + "/" + key, Header: headers(pairs...), Body: []byte(body)})
	if a.Status != http.StatusOK {
		t.Fatalf("PUT %s: status %d, %v\n%s", key, a.Status, a.Err, a.Body)
	}
	return a.Header.Get("X-Amz-Version-Id")
}

// get reads an object through the site.
func (e *site) get(t *testing.T, target string, pairs ...string) wire.Answer {
	t.Helper()
	return e.do(t, wire.Request{Method: http.MethodGet, Target: "/" + e.bucket + "/" + target, Header: headers(pairs...)})
}

// reads checks that an object has the given body.
func (e *site) reads(t *testing.T, target, body string, pairs ...string) http.Header {
	t.Helper()
	a := e.get(t, target, pairs...)
	if a.Status != http.StatusOK || string(a.Body) != body {
		t.Errorf("GET %s: status %d, %d bytes, %v\n%.300s", target, a.Status, len(a.Body), a.Err, a.Body)
	}
	return a.Header
}

// versions lists a bucket as the store has it.
func (e *site) versions(t *testing.T) []minio.ObjectInfo {
	t.Helper()
	var list []minio.ObjectInfo
	for o := range e.store.Client().ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		list = append(list, o)
	}
	return list
}
