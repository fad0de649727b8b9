package caddymodule

import (
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

const (
	// credentialsCheckInterval is the least time between two looks at the file.
	credentialsCheckInterval = time.Second

	// settledAge is the age from which a file is trusted not to change without
	// its time stamp showing it: time stamps can be as coarse as two seconds.
	settledAge = 3 * time.Second
)

// credentialsFile is a set of clients that follows a file. A lookup from time
// to time looks whether the file has changed, so that there is no goroutine to
// stop. It is safe for concurrent use.
type credentialsFile struct {
	path   string
	fixed  credentialSet // from the config: part of every set
	logger *zap.Logger
	now    func() time.Time
	opened time.Time

	current atomic.Pointer[credentialSet]
	next    atomic.Int64 // when to look again, in nanoseconds since opened
	looking atomic.Bool  // guards what follows

	seen    fs.FileInfo // of the content last read, whether it was good or not
	settled bool        // whether seen will tell that the file has changed
	missing bool        // whether it has been logged that the file cannot be read
}

// openCredentialsFile reads the file at path, which must be good this time.
func openCredentialsFile(path string, fixed credentialSet, logger *zap.Logger, now func() time.Time) (*credentialsFile, error) {
	f := &credentialsFile{path: path, fixed: fixed, logger: logger, now: now, opened: now()}
	f.next.Store(int64(credentialsCheckInterval))
	set, err := f.read()
	if err != nil {
		return nil, err
	}
	f.current.Store(&set)
	warnIfShared(path, f.seen, logger)
	return f, nil
}

// Lookup implements gateway.Credentials.
func (f *credentialsFile) Lookup(accessKey string) (*gateway.Credential, bool) {
	if int64(f.now().Sub(f.opened)) >= f.next.Load() && f.looking.CompareAndSwap(false, true) {
		f.look()
		f.looking.Store(false)
	}
	return f.current.Load().Lookup(accessKey)
}

// look takes over the file if it has changed.
func (f *credentialsFile) look() {
	f.next.Store(int64(f.now().Sub(f.opened) + credentialsCheckInterval))
	info, err := os.Stat(f.path)
	if err != nil {
		if !f.missing {
			f.logger.Error("cannot read the credentials file; the credentials stay as they were", zap.Error(err))
		}
		f.missing = true
		return
	}
	f.missing = false
	if f.settled && sameFile(f.seen, info) {
		return
	}
	changed := !sameFile(f.seen, info)
	set, err := f.read()
	if changed {
		warnIfShared(f.path, f.seen, f.logger)
	}
	switch {
	case err != nil && changed:
		f.logger.Error("the credentials file has changed and is not valid; the credentials stay as they were", zap.Error(err))
	case err == nil:
		f.current.Store(&set)
		if changed {
			f.logger.Info("credentials read again", zap.String("file", f.path), zap.Int("credentials", len(set)))
		}
	}
}

// read reads and parses the file, and notes which version of it that was.
func (f *credentialsFile) read() (credentialSet, error) {
	data, info, err := readSecretFile(f.path)
	if err != nil {
		return nil, err
	}
	f.seen, f.settled = info, f.now().Sub(info.ModTime()) > settledAge
	set, err := parseCredentials(data, f.fixed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return set, nil
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
