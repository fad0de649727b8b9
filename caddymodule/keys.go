package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"

	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

// maxSecretFileSize bounds the files of master keys and credentials, in bytes.
const maxSecretFileSize = 16 << 20

// masterKeys builds the keyring from the keys in the config and in the file.
func (h *Handler) masterKeys(x expander) (*localkeys.Keyring, error) {
	var (
		keys   []localkeys.Key
		active string
	)
	if h.MasterKeysFile != "" {
		path, err := x.text("master_keys_file", h.MasterKeysFile)
		if err != nil {
			return nil, err
		}
		data, info, err := readSecretFile(path)
		if err != nil {
			return nil, fmt.Errorf("master_keys_file: %w", err)
		}
		warnIfShared(path, info, x.logger)
		if keys, active, err = localkeys.ParseFile(data); err != nil {
			return nil, fmt.Errorf("master_keys_file: %s: %w", path, err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.MasterKeys)) {
		field := fmt.Sprintf("master_key %q", id)
		text, err := x.secret(field, h.MasterKeys[id])
		if err != nil {
			return nil, err
		}
		key, err := localkeys.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		keys = append(keys, localkeys.Key{ID: id, Key: key})
	}
	switch {
	case len(keys) == 0:
		return nil, errors.New("there is no master key: make one with `caddy s3-sse keygen` and give it with master_key or master_keys_file")
	case h.ActiveKey != "":
		active = h.ActiveKey
	case active == "" && len(keys) == 1:
		active = keys[0].ID
	case active == "":
		return nil, errors.New("there are several master keys: say with active_key which one new objects are encrypted under")
	}
	return localkeys.New(keys, active)
}

// readSecretFile reads the file at path and returns what it was when it was
// opened.
func readSecretFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFileSize+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxSecretFileSize {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretFileSize)
	}
	return data, info, nil
}

// warnIfShared logs that others than the owner can use a file with secrets.
func warnIfShared(path string, info fs.FileInfo, logger *zap.Logger) {
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		logger.Warn("a file with secrets can be used by others than its owner; change its mode to 0600",
			zap.String("file", path), zap.Stringer("mode", mode))
	}
}
