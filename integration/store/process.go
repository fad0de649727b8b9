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

var errNotBuilt = errors.New("program not built")

// guard runs its arguments as a child that ends when standard input does, and
// then removes the directory $GUARD_DIR. A test binary that panics or is killed
// runs no cleanup, but the kernel closes its end of the pipe.
const guard = `exec 3<&0
"$@" </dev/null &
p=$!
{ cat <&3; kill "$p"; } >/dev/null 2>&1 &
wait "$p"
s=$?
rm -rf "$GUARD_DIR"
exit "$s"`

// process is a running store program.
type process struct {
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
		return "", fmt.Errorf("%w: run `make -C %s .tools/bin/%s` first", errNotBuilt, root, name)
	}
	return path, nil
}

func launch(s *Store, addr string, command func(*Store, string) (string, []string, []string)) (*process, error) {
	dir, err := os.MkdirTemp("", "s3-store-")
	if err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	s.Dir = dir
	program, args, env := command(s, addr)
	path, err := Tool(program)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}

	p := &process{log: new(tail), done: make(chan struct{})}
	cmd := exec.Command("sh", append([]string{"-c", guard, "sh", path}, args...)...)
	cmd.Env = append(withoutStoreSettings(os.Environ()), append(env, "GUARD_DIR="+dir)...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 30*time.Second, errors.New("not ready within 30 s"))
	defer cancel()
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // ended by a signal, or said why in its output
		cancel()
	}()
	ready := s.URL
	if program == "minio" {
		ready += "/minio/health/ready"
	}
	if err := posixstore.WaitReady(ctx, ready); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w; %s said:\n%s", err, program, p.log.since(0))
	}
	return p, nil
}

func (p *process) stop() {
	p.stdin.Close()
	<-p.done
}

// withoutStoreSettings drops what would reconfigure a store or its clients from
// the outside.
func withoutStoreSettings(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "MINIO_") && !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "VGW_") {
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
