// Package posixstore runs VersityGW, a plain S3 store on top of a directory,
// inside the calling process.
//
// The store is a process-wide thing: it changes the working directory and
// keeps package-level state, so one process runs one store. Programs that want
// another way of life (tests) run it as a child: see cmd/devstore.
package posixstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// Options says where a store lives and who may use it.
type Options struct {
	// Dir holds everything the store keeps: objects/ with one file an object,
	// metadata/ with its headers, versions/ with what was overwritten. It is
	// made with mode 0700 when absent and must be an absolute path.
	Dir string
	// Addr is the host:port to listen on.
	Addr string
	// Region is the region clients must sign for.
	Region string
	// AccessKey and SecretKey are the only credential the store knows.
	AccessKey, SecretKey string
}

// Objects returns the directory under which bucket/key is a plain file.
func (o Options) Objects() string { return filepath.Join(o.Dir, "objects") }

// Run serves until ctx is cancelled, then finishes requests in flight and
// returns nil.
func Run(ctx context.Context, o Options) error {
	if !filepath.IsAbs(o.Dir) {
		return fmt.Errorf("store directory %q is not an absolute path", o.Dir)
	}
	// Metadata lives in files of its own, not in extended attributes: those
	// are missing or small on many file systems that hold temporary files.
	metadata, versions := filepath.Join(o.Dir, "metadata"), filepath.Join(o.Dir, "versions")
	for _, dir := range []string{o.Objects(), metadata, versions} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the store's directory: %w", err)
		}
	}
	sidecar, err := meta.NewSideCar(metadata)
	if err != nil {
		return fmt.Errorf("opening the metadata directory: %w", err)
	}
	backend, err := posix.New(o.Objects(), sidecar, posix.PosixOpts{
		SideCarDir:    metadata,
		VersioningDir: versions,
		// A posix directory has no size limit of its own for one object; the
		// server-side copy limit is S3's.
		CopyObjectThreshold: 5 << 30,
	})
	if err != nil {
		return fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	err = embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess:    o.AccessKey,
		RootUserSecret:    o.SecretKey,
		Region:            o.Region,
		Ports:             []string{o.Addr},
		MaxConnections:    4096,
		MaxRequests:       4096,
		MultipartMaxParts: 10000,
		Quiet:             true,
		KeepAlive:         true,
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("running the store: %w", err)
	}
	return nil
}

// WaitReady returns once an HTTP server answers at url, whatever it answers.
// It gives up when ctx ends.
func WaitReady(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       (&net.Dialer{Timeout: time.Second}).DialContext,
	}}
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("asking the store whether it is ready: %w", err)
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode < http.StatusInternalServerError {
				tick.Stop()
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return fmt.Errorf("waiting for %s: %w (last answer: %w)", url, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// FreeAddr returns a loopback address nobody listened on a moment ago.
func FreeAddr() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
