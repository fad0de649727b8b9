package modes_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// process is a Caddy of its own, another instance of a site.
type process struct {
	*wire.Client
	cmd  *exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// Write takes what the process writes.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

// said returns all that the process wrote.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// startProcess runs a Caddy with the configuration of the endpoint's site, but
// at an address of its own. Edits are pairs of texts of the Caddyfile and what
// takes their place.
func startProcess(t *testing.T, e *endpoint, o site.Options, edits ...string) *process {
	t.Helper()
	program, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, former, _ := strings.Cut(e.site.URL, "://")
	home := t.TempDir()
	text := strings.NewReplacer(append(edits, former, addr)...).Replace(e.site.Caddyfile(o))
	file := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(program, "run", "--config", file)
	p.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "GOTRACEBACK=all")
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if t.Failed() {
			said := p.said()
			t.Logf("Caddy's output ends in\n%s", said[max(0, len(said)-4000):])
		}
	})
	p.Client = wire.New(t, strings.Replace(e.site.URL, former, addr, 1), site.AccessKey, site.SecretKey)
	p.HTTP.Transport.(*http.Transport).TLSClientConfig = e.site.TLSConfig(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if resp, err := p.HTTP.Get(p.URL); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return p
		}
		select {
		case <-ctx.Done():
			t.Fatalf("Caddy is not ready within a minute")
		case <-p.done:
			t.Fatalf("Caddy has ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end sends a signal and waits for the end.
func (p *process) end(sig os.Signal) {
	_ = p.cmd.Process.Signal(sig)
	<-p.done
}
