package clients_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// patience is how long one command may take on a slow machine.
const patience = 5 * time.Minute

// debian returns the path of a program of Debian's, which may not be the first
// of its name: what a developer installed for themselves is of any version.
func debian(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("/usr/bin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name, err)
	}
	return path
}

// built returns the path of a program that make builds.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := store.Tool(name)
	if err != nil {
		missing(t, name, err)
	}
	return path
}

// missing fails the test, or skips it where make could not install everything.
func missing(t *testing.T, name string, err error) {
	t.Helper()
	if os.Getenv("CLIENTS_MISSING") == "skip" {
		t.Skipf("\n!!!!\n!!!! NOT TESTED: %s is not installed\n!!!!\n%v", name, err)
	}
	t.Fatalf("%s is not installed, make test-clients does it: %v", name, err)
}

// command is a program with what it needs to know of the site.
type command struct {
	e    *endpoint
	path string
	args []string // before those of every run
	env  []string
	dir  string
}

// program returns a command in an environment of its own, which has the
// credential and the certificate authority under all the names that programs
// look for. Settings of the developer's do not reach it.
func (e *endpoint) program(path string, args ...string) *command {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.home, "LC_ALL=C.UTF-8", "TMPDIR=" + os.TempDir(),
		"AWS_ACCESS_KEY_ID=" + site.AccessKey, "AWS_SECRET_ACCESS_KEY=" + site.SecretKey,
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
	}
	if e.secure() {
		for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
			env = append(env, name+"="+e.CA)
		}
	}
	return &command{e: e, path: path, args: args, env: env, dir: e.home}
}

// run runs the program and returns what it printed to standard output. The test
// ends if it fails.
func (c *command) run(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := c.output(t, args...)
	return out
}

// output runs the program and returns what it printed to standard output and
// standard error. The test ends if it fails.
func (c *command) output(t *testing.T, args ...string) (out, said string) {
	t.Helper()
	out, said, err := c.try(t, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(c.path), strings.Join(args, " "), err, out, said)
	}
	return out, said
}

// try is output for programs that may fail.
func (c *command) try(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, slices.Concat(c.args, args)...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = c.env, c.dir, 10*time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}
