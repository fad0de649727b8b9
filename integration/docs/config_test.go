package docs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// machine is a place to run what the documents say: a directory that stands
// for /etc/caddy and one for the home of the account.
type machine struct {
	etc, home string
	env       []string
}

// newMachine makes a machine with keys, credentials and an environment as the
// README says to make them.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{etc: t.TempDir(), home: t.TempDir()}
	m.env = append(os.Environ(),
		"HOME="+m.home, "XDG_DATA_HOME="+m.home, "XDG_CONFIG_HOME="+m.home,
		"S3_STORE_ACCESS_KEY=store-account", "S3_STORE_SECRET_KEY=secret-of-the-store-account",
		"VAULT_ROLE_ID=role-id-of-the-gateway")
	m.caddy(t, "s3-sse", "keygen", "--output", filepath.Join(m.etc, "s3-master-keys"))
	m.write(t, "s3-clients.json", only(t, "README.md", "Install", "json", "credentials").text)
	return m
}

// local puts the machine's directory in the place of /etc/caddy.
func (m *machine) local(text string) string {
	return strings.ReplaceAll(text, "/etc/caddy", m.etc)
}

func (m *machine) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.etc, name)
	if err := os.WriteFile(path, []byte(m.local(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// caddy runs the Caddy that make built and returns its standard output.
func (m *machine) caddy(t *testing.T, args ...string) []byte {
	t.Helper()
	program, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env, cmd.Dir = m.env, m.etc
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%q: %v\n%s", args, err, &complaints)
	}
	return out
}

// TestCaddyfiles loads every Caddyfile, as far as that goes without serving.
func TestCaddyfiles(t *testing.T) {
	m := newMachine(t)
	for _, b := range blocks(t, "caddyfile") {
		if formatted := string(caddyfile.Format([]byte(b.text))); formatted != b.text {
			t.Errorf("%s, %q: not formatted (-is +want):\n%s", b.file, b.heading, cmp.Diff(b.text, formatted))
		}
		path := m.write(t, "Caddyfile", b.text)
		m.caddy(t, "validate", "--adapter", "caddyfile", "--config", path)
		if t.Failed() {
			t.Fatalf("%s, %q:\n%s", b.file, b.heading, b.text)
		}
	}
}

// TestJSON compares the configuration in JSON with the Caddyfile that it is
// said to be the same as. All other JSON must be valid.
func TestJSON(t *testing.T) {
	for _, b := range blocks(t, "json") {
		if !json.Valid([]byte(b.text)) {
			t.Errorf("%s, %q: not valid JSON", b.file, b.heading)
		}
	}
	m := newMachine(t)
	path := m.write(t, "Caddyfile", only(t, "README.md", "Install", "caddyfile", "s3_sse").text)
	var want, got any
	if err := json.Unmarshal(m.caddy(t, "adapt", "--config", path), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(m.local(only(t, "README.md", "JSON", "json", "apps").text)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the JSON (-Caddyfile +JSON):\n%s", diff)
	}
}
