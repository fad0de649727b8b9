//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// startVault runs a Vault with a Transit key named bench and returns its
// address and root token.
func (f *field) startVault(ctx context.Context, o *options) (addr, token string, err error) {
	addrs, err := freeAddresses(1)
	if err != nil {
		return "", "", err
	}
	addr = addrs[0]
	dir := filepath.Join(f.dir, "vault")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", "", err
	}
	if _, err := f.start(ctx, "vault", addr, nil, o.vault, "-dir", dir, "-addr", addr); err != nil {
		return "", "", err
	}
	var made struct {
		Keys  []string `json:"keys"`
		Token string   `json:"root_token"`
	}
	ask := func(path string, body, into any) {
		if err == nil {
			err = askVault(ctx, "http://"+addr+"/v1/"+path, made.Token, body, into)
		}
	}
	ask("sys/init", map[string]int{"secret_shares": 1, "secret_threshold": 1}, &made)
	if err == nil && len(made.Keys) == 0 {
		err = fmt.Errorf("the Vault has made no key of its own")
	}
	if err != nil {
		return "", "", err
	}
	ask("sys/unseal", map[string]string{"key": made.Keys[0]}, nil)
	ask("sys/mounts/transit", map[string]string{"type": "transit"}, nil)
	ask("transit/keys/bench", map[string]string{}, nil)
	return addr, made.Token, err
}

func askVault(ctx context.Context, url, token string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("X-Vault-Token", token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
