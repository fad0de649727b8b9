package caddymodule

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "s3-sse",
		Usage: "<command>",
		Short: "Commands for the server-side encryption of S3 objects",
		Long: `
Commands for the s3_sse handler, which gives a plain S3-compatible store the
server-side encryption of Amazon S3.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.NoArgs // none but the names of commands
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.AddCommand(keygenCommand(), rewrapCommand(), migrateCommand())
		},
	})
}

const (
	flagID     = "id"
	flagOutput = "output"
	flagAppend = "append"
)

func keygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen [--id <id>] [--output <file>] [--append]",
		Short: "Makes a master key for SSE-S3",
		Long: `
Makes a new random master key and writes it as a key file, which the
subdirective master_keys_file reads.

Without --output, the key file goes to standard output. With --output, it goes
to a new file that only its owner can read; an existing file is never
overwritten. With --append, the key is added to the key file and becomes the
active one, under which new objects are encrypted. The other keys stay, and
with them the objects that were encrypted under them. Run "caddy reload
--force" afterwards.

Without the key file, nobody can read the objects. Keep a copy in a safe place.`,
		Example: `  $ caddy s3-sse keygen --output /etc/caddy/master-keys
  $ caddy s3-sse keygen --output /etc/caddy/master-keys --append
  $ caddy s3-sse keygen --id 2026`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().String(flagID, "", "The id of the key, which is stored with every object (default: the date and a random number)")
	cmd.Flags().StringP(flagOutput, "o", "", "The key file to write")
	cmd.Flags().Bool(flagAppend, false, "Add the key to an existing key file and make it active")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		err := keygen(os.Stdout, os.Stderr, fl.String(flagID), fl.String(flagOutput), fl.Bool(flagAppend))
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		return caddy.ExitCodeSuccess, nil
	})
	return cmd
}

// keygen writes a new key to the key file at path, or to stdout if there is
// none.
func keygen(stdout, stderr io.Writer, id, path string, add bool) error {
	if id == "" {
		id = newKeyID(time.Now())
	}
	key := localkeys.Generate(id)
	if _, err := localkeys.New([]localkeys.Key{key}, id); err != nil {
		return err
	}
	switch {
	case add && path == "":
		return errors.New("--append needs --output, the key file to add to")
	case add:
		if err := addKey(path, key); err != nil {
			return fmt.Errorf("adding a key: %w", err)
		}
		_, _ = fmt.Fprintf(stderr, "Added key %q to %s and made it active. Keep a copy of the file, then run: caddy reload --force\n", id, path)
	case path != "":
		if err := createKeyFile(path, key); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stderr, "Wrote key %q to %s. Without this file nobody can read the objects: keep a copy of it in a safe place.\n", id, path)
	default:
		_, err := stdout.Write(localkeys.FormatFile([]localkeys.Key{key}, id))
		return err
	}
	return nil
}

// newKeyID returns an id that says when the key was made.
func newKeyID(now time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("2006-01-02") + "-" + hex.EncodeToString(b[:])
}

// createKeyFile writes a key file of one key, unless the file exists.
func createKeyFile(path string, key localkeys.Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is not overwritten, since its keys would be lost; use --append to add a key to it", path)
	}
	if err != nil {
		return err
	}
	if err := finish(f, localkeys.FormatFile([]localkeys.Key{key}, key.ID)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	syncName(path)
	return nil
}

// addKey adds a key to the key file at path and makes it active. The file
// changes as a whole or not at all, and keeps its mode and owner.
func addKey(path string, key localkeys.Key) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	old, info, err := readSecretFile(path)
	if err != nil {
		return err
	}
	data, err := withKey(old, key)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // if it has not been renamed
	if err := copyOwner(f, info); err != nil {
		_ = f.Close()
		return err
	}
	if err := finish(f, data); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncName(path)
	return nil
}

// withKey returns the key file old with one more key, the active one. Lines
// other than the one that names the active key stay as they are.
func withKey(old []byte, key localkeys.Key) ([]byte, error) {
	if _, _, err := localkeys.ParseFile(old); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for line := range bytes.Lines(old) {
		if fields := strings.Fields(string(line)); len(fields) > 0 && fields[0] == "active" {
			continue
		}
		b.Write(line)
	}
	if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
		b.WriteByte('\n')
	}
	for line := range bytes.Lines(localkeys.FormatFile([]localkeys.Key{key}, key.ID)) {
		if !bytes.HasPrefix(line, []byte("#")) {
			b.Write(line)
		}
	}
	keys, active, err := localkeys.ParseFile(b.Bytes())
	if err != nil {
		return nil, err
	}
	if _, err := localkeys.New(keys, active); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// finish writes data to f, makes sure that it is on disk, and closes f.
func finish(f *os.File, data []byte) error {
	_, err := f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncName makes sure that the file at path is found there after a crash, too:
// objects may be encrypted under its keys a moment later. Not every system can.
func syncName(path string) {
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}
