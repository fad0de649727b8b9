package rotation_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestInterrupt stops a command with SIGINT. The same command goes on.
func TestInterrupt(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.load(t)
	const objects = 40
	for i := range objects {
		e.put(t, fmt.Sprint("k", i), "x")
	}
	e.masters = []string{"a", "b"}
	e.load(t)
	path, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(e.dir, "state")
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), path, "s3-sse", "rewrap", "--config", e.config(), "--adapter", "caddyfile",
		"--yes", "--bucket", e.bucket, "--rate", "20/s", "--state", state)
	cmd.Env = append(os.Environ(), "HOME="+e.dir, "XDG_DATA_HOME="+e.dir, "XDG_CONFIG_HOME="+e.dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if _, err := os.Stat(state); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(out.String(), "stopped; the same command goes on where it was") {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), e.store.SecretKey) {
		t.Errorf("a secret in the output:\n%s", out.String())
	}
	if got := e.run(t, 0, "rewrap", "--state", state); !strings.Contains(got, fmt.Sprintf("total       %d", objects)) {
		t.Errorf("after the interruption:\n%s", got)
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
	e.masters = []string{"b"}
	e.load(t)
	for i := range objects {
		e.reads(t, fmt.Sprint("k", i), "x")
	}
}
