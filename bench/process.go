//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is one server under test, in a process of its own so that its CPU
// time and memory can be told from the others'.
type process struct {
	name string
	pid  int
	log  string // path of the file that takes its output
	cmd  *exec.Cmd
	done chan struct{} // closed once the process has ended and was reaped
}

// startProcess runs a server with a bare environment: what the shell of the
// caller exports (GOGC, proxies, credentials) must not change a measurement.
func startProcess(name, dir string, env []string, binary string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(binary, args...) //nolint:gosec // the binaries are named by whoever runs the benchmark
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir,
	}, env...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// An interrupt from the terminal goes to the benchmark alone, which then
	// stops the servers in order; if it dies itself, the kernel stops them.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.pid = p.cmd.Process.Pid
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// stop asks the process to end and, after five seconds, makes it end.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// failure describes why the process is of no use, with the end of its log.
func (p *process) failure(what string) error {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%s: %s; end of its log:\n%s", p.name, what, strings.Join(lines[max(0, len(lines)-15):], "\n"))
}

// waitReady returns once ready does without error, at most 30 seconds later.
func (p *process) waitReady(ctx context.Context, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.failure("ended while starting")
		case <-ctx.Done():
			return p.failure("not ready: " + err.Error())
		case <-tick.C:
		}
	}
}

// freeAddresses returns n different loopback addresses nobody listens on. They
// are released before they are used, so another program could still take one;
// the server then fails to start and says so.
func freeAddresses(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs[i] = l.Addr().String()
	}
	return addrs, nil
}
