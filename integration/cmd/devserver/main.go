// Command devserver runs an encrypting Caddy in front of a plain store on one
// machine, to try things out and to develop against.
//
// Everything it makes is in one directory: keys and credentials (readable by
// the owner only), the Caddyfile, Caddy's certificate authority and the stored
// objects. The next start finds all of it again. Nothing outside that directory
// is written, and no certificate is installed anywhere.
//
// The first SIGINT or SIGTERM lets Caddy finish requests in flight, then stops
// the store, and the program ends with status 0. A second one cuts them off.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

func run() error {
	var site site
	caddy := flag.String("caddy", "caddy", "the Caddy program, with the s3_sse handler built in")
	data := flag.String("data", ".data", "directory for keys, configuration and objects")
	flag.StringVar(&site.HTTPS, "https", "8443", "port for https on the loopback interface")
	flag.StringVar(&site.HTTP, "http", "8080", "port for plain http on the loopback interface")
	flag.StringVar(&site.Store, "store", "127.0.0.1:7070", "address of the plain store")
	flag.Parse()
	var err error
	if site.Dir, err = filepath.Abs(*data); err != nil {
		return fmt.Errorf("resolving the data directory: %w", err)
	}
	program, err := exec.LookPath(*caddy)
	if err != nil {
		return fmt.Errorf("finding Caddy: %w", err)
	}
	if program, err = filepath.Abs(program); err != nil {
		return fmt.Errorf("finding Caddy: %w", err)
	}
	if err := site.prepare(); err != nil {
		return err
	}

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	storeCtx, stopStore := context.WithCancel(context.Background())
	defer stopStore()
	stored := make(chan error, 1)
	storeSecret, err := site.secret("store-secret-key")
	if err != nil {
		return err
	}
	go func() {
		stored <- posixstore.Run(storeCtx, posixstore.Options{
			Dir: filepath.Join(site.Dir, "store"), Addr: site.Store, Region: region,
			AccessKey: storeAccessKey, SecretKey: storeSecret,
		})
	}()
	err = site.serve(program, signals, stored)
	// Caddy has ended, and with it every request to the store.
	stopStore()
	if errors.Is(err, errStoreEnded) {
		return err
	}
	return errors.Join(err, <-stored)
}

var errStoreEnded = errors.New("the store has ended")

// serve runs Caddy until a signal, or until Caddy or the store ends by itself.
func (s *site) serve(program string, signals <-chan os.Signal, stored <-chan error) error {
	start, cancel := context.WithTimeoutCause(context.Background(), 30*time.Second, errors.New("no answer within 30 s"))
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- posixstore.WaitReady(start, "http://"+s.Store) }()
	select {
	case err := <-ready:
		if err != nil {
			return fmt.Errorf("starting the store: %w", err)
		}
	case err := <-stored:
		return fmt.Errorf("%w: %w", errStoreEnded, err)
	case <-signals:
		return nil
	}

	cmd := exec.Command(program, "run", "--config", s.caddyfile(), "--adapter", "caddyfile")
	// Caddy keeps certificates and its identity below these directories.
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir)
	cmd.Dir = s.Dir // the socket of the admin API is named relative to it
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// A group of its own: Ctrl-C in a terminal goes to the whole group, and
	// Caddy takes a second signal as the wish to end at once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	go func() { ready <- posixstore.WaitReady(start, s.HTTPURL()) }()

	var cause error
	stopping := false
	for {
		select {
		case err := <-ready:
			switch {
			case stopping:
			case err != nil:
				cause = fmt.Errorf("starting Caddy: %w", err)
				stopping = true
				_ = cmd.Process.Signal(syscall.SIGTERM)
			default:
				s.printHelp(os.Stdout)
			}
		case sig := <-signals:
			stopping = true
			_ = cmd.Process.Signal(sig) // fails only when Caddy has ended, which ended tells
		case err := <-stored:
			cause = fmt.Errorf("%w: %w", errStoreEnded, err)
			stopping = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case err := <-ended:
			if !stopping {
				return fmt.Errorf("caddy has ended: %w", err)
			}
			if err != nil {
				return errors.Join(cause, fmt.Errorf("stopping Caddy: %w", err))
			}
			return cause
		}
	}
}
