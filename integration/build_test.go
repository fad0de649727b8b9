// Package integration_test checks the repository as a whole: which package may
// import what, and that the programs built from it have the handler.
package integration_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

const module = "github.com/caddy-s3-sse/caddy-s3-sse"

// TestDependencies keeps the packages that know a protocol or a format free of
// servers, and the program for production free of what only tests need.
func TestDependencies(t *testing.T) {
	const caddy = "github.com/caddyserver/"
	onlyTests := []string{
		"github.com/versity/", "github.com/minio/minio-go/", "github.com/google/go-cmp/", "pgregory.net/rapid",
		"github.com/rogpeppe/go-internal/", "github.com/aws/aws-sdk-go-v2/service/", module + "/bench", "testing",
	}
	for _, tc := range []struct {
		pkg    string
		banned []string
	}{
		{"encryptor", []string{caddy, "net/http", module + "/"}},
		{"metadata", []string{caddy, module + "/gateway", module + "/sigv4"}},
		{"s3api", []string{caddy, module + "/"}},
		{"sigv4", []string{caddy, module + "/gateway", module + "/encryptor", module + "/metadata"}},
		{"localkeys", []string{caddy, "net/http", module + "/gateway", module + "/s3api"}},
		{"gateway", []string{caddy, module + "/caddymodule"}},
		{"rotation", []string{caddy, module + "/caddymodule"}},
		{"cmd/caddy", onlyTests},
	} {
		self := module + "/" + tc.pkg
		for _, dep := range list(t, "-deps", "./"+tc.pkg) {
			banned := func(prefix string) bool {
				return dep == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(dep, prefix)
			}
			if own := dep == self || strings.HasPrefix(dep, self+"/"); !own && slices.ContainsFunc(tc.banned, banned) {
				t.Errorf("%s depends on %s", tc.pkg, dep)
			}
		}
	}
}

// list runs go list in the repository.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-tags", "nobadger,nomysql,nopgx"}, args...)...)
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return strings.Fields(string(out))
}

// TestBuiltCaddyHasTheHandler asks the program that make built.
func TestBuiltCaddyHasTheHandler(t *testing.T) {
	caddy, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), caddy, "list-modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Fields(string(out)), "http.handlers.s3_sse") {
		t.Errorf("no http.handlers.s3_sse among\n%s", out)
	}
}
