package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
)

// ErrNotBuilt says that a program is missing from .tools/bin, and the text
// around it which make target builds it.
var ErrNotBuilt = errors.New("program not built")

// guard runs its arguments as a child that ends when standard input does, and
// then removes the directory $GUARD_DIR, unless that is empty. A test binary
// that panics or is killed runs no cleanup, but the kernel closes its end of the
// pipe.
const guard = `exec 3<&0
"$@" </dev/null &
p=$!
{ cat <&3; kill "$p"; } >/dev/null 2>&1 &
wait "$p"
s=$?
rm -rf "$GUARD_DIR"
exit "$s"`

// Program is one of the programs in .tools/bin as a child that serves HTTP.
type Program struct {
	Name string
	Args []string
	// Env comes on top of this process's environment, of which settings of
	// stores, of Vault and of their clients are left out.
	Env []string
	// Ready is a URL that answers, with a status below 500, once the program
	// works.
	Ready string
	// Dir is removed when the program has ended. Empty: nothing is.
	Dir string
}

// Process is a running Program. It does not outlive this process.
type Process struct {
	log   *tail
	stdin io.Closer
	done  chan struct{}
}

// Tool returns the path of a program in the repository's .tools/bin, or an
// error that tells how to build it.
func Tool(name string) (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("finding the repository: no caller information")
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	path := filepath.Join(root, ".tools", "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: run `make -C %s .tools/bin/%s` first", ErrNotBuilt, root, name)
	}
	return path, nil
}

func launch(s *Store, addr string, command func(*Store, string) (string, []string, []string)) (*Process, error) {
	dir, err := os.MkdirTemp("", "s3-store-")
	if err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	s.Dir = dir
	program := Program{Ready: s.URL, Dir: dir}
	program.Name, program.Args, program.Env = command(s, addr)
	if program.Name == "minio" {
		program.Ready += "/minio/health/ready"
	}
	p, err := program.Run()
	if errors.Is(err, ErrNotBuilt) {
		os.Remove(dir)
	}
	return p, err
}

// Run starts the program and returns when it is ready, within 30 s, or with an
// error that quotes the end of its output.
func (program Program) Run() (*Process, error) {
	path, err := Tool(program.Name)
	if err != nil {
		return nil, err
	}
	p := &Process{log: new(tail), done: make(chan struct{})}
	cmd := exec.Command("sh", append([]string{"-c", guard, "sh", path}, program.Args...)...)
	cmd.Env = append(withoutSettings(os.Environ()), append(program.Env, "GUARD_DIR="+program.Dir)...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program.Name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program.Name, err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 30*time.Second, errors.New("not ready within 30 s"))
	defer cancel()
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // ended by a signal, or said why in its output
		cancel()
	}()
	if err := posixstore.WaitReady(ctx, program.Ready); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%w; %s said:\n%s", err, program.Name, p.log.since(0))
	}
	return p, nil
}

// Stop ends the program with SIGTERM and returns when it has ended. A second
// call does nothing.
func (p *Process) Stop() {
	p.stdin.Close()
	<-p.done
}

// Said returns the last 4 KiB of the program's output.
func (p *Process) Said() string { return p.log.since(0) }

// withoutSettings drops what would reconfigure a program or its clients from
// the outside.
func withoutSettings(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "MINIO_") && !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "VGW_") && !strings.HasPrefix(e, "VAULT_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// tail keeps the last 4 KiB written to it.
type tail struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	total int64 // bytes ever written
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	w.total += int64(len(p))
	if surplus := w.buf.Len() - 4<<10; surplus > 0 {
		w.buf.Next(surplus)
	}
	return len(p), nil
}

// mark stands for what has been written so far.
func (w *tail) mark() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// since returns what is kept of the output after the mark.
func (w *tail) since(mark int64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.buf.Bytes()
	return string(kept[max(0, int64(len(kept))-(w.total-mark)):])
}
