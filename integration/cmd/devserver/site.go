package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

const (
	region          = "us-east-1"
	clientAccessKey = "dev-client"
	storeAccessKey  = "dev-store"
	masterKeyID     = "dev-1"
)

// site is everything the two servers are made from.
type site struct {
	Dir         string // absolute
	HTTPS, HTTP string // ports
	Store       string // host:port
}

func (s *site) caddyfile() string { return filepath.Join(s.Dir, "Caddyfile") }
func (s *site) RootCA() string {
	return filepath.Join(s.Dir, "caddy", "pki", "authorities", "local", "root.crt")
}
func (s *site) HTTPSURL() string           { return "https://localhost:" + s.HTTPS }
func (s *site) HTTPURL() string            { return "http://127.0.0.1:" + s.HTTP }
func (s *site) StoreURL() string           { return "http://" + s.Store }
func (s *site) secretFile(n string) string { return filepath.Join(s.Dir, "secrets", n) }

// prepare makes what is not there yet: the directories, the secrets, and the
// Caddyfile, which is written anew at every start since ports may differ.
func (s *site) prepare() error {
	if strings.ContainsAny(s.Dir, "`{}\n") {
		return fmt.Errorf("the data directory %q has a character that a Caddyfile gives a meaning", s.Dir)
	}
	for _, dir := range []string{s.Dir, filepath.Join(s.Dir, "secrets")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the data directory: %w", err)
		}
		// MkdirAll leaves a directory alone that was there before.
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("closing the data directory to others: %w", err)
		}
	}
	key := make([]byte, 32)
	rand.Read(key)
	for name, value := range map[string]string{
		"master-key":        base64.StdEncoding.EncodeToString(key),
		"client-secret-key": rand.Text() + rand.Text()[:14],
		"store-secret-key":  rand.Text() + rand.Text()[:14],
	} {
		if err := writeOnce(s.secretFile(name), value+"\n"); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := caddyfile.Execute(&b, s); err != nil {
		return fmt.Errorf("writing the Caddyfile: %w", err)
	}
	if err := os.WriteFile(s.caddyfile(), b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the Caddyfile: %w", err)
	}
	return nil
}

// writeOnce makes a file only its owner can read, unless it is there already.
// The content appears under the name at once or not at all: half a key must not
// be taken for a key at the next start.
func writeOnce(path, content string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (s *site) secret(name string) (string, error) {
	b, err := os.ReadFile(s.secretFile(name))
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

//go:embed Caddyfile.tmpl
var caddyfileText string

var caddyfile = template.Must(template.New("Caddyfile").Funcs(template.FuncMap{
	"region": func() string { return region },
	"client": func() string { return clientAccessKey },
	"store":  func() string { return storeAccessKey },
	"keyID":  func() string { return masterKeyID },
	"secret": func(s *site, name string) string { return "`{file." + s.secretFile(name) + "}`" },
}).Parse(caddyfileText))
