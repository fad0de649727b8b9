//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profileTime is how long a CPU profile of one cell takes.
const profileTime = 8 * time.Second

// profileCell gives a proxy one more, uninterrupted turn in which Caddy's
// admin endpoint takes a CPU profile. The measured turns are over by then.
func (c *contestant) profileCell(ctx context.Context, w cell, body []byte, mode string, o *options) error {
	path := filepath.Join(o.pprof, fmt.Sprintf("%s-%s-%s-%s.pprof", c.name, w.Op, sizeFlag(w.Size), mode))
	profiled := make(chan error, 1)
	go func() {
		profiled <- fetch(ctx, c.profileURL(fmt.Sprintf("profile?seconds=%d", profileTime/time.Second)), path)
	}()
	_, err := c.takeTurn(ctx, c.messages(w, body, mode == payloadSigned), profileTime, o.concurrency)
	return errors.Join(err, <-profiled)
}

func (c *contestant) profileURL(what string) string {
	return "http://" + c.admin + "/debug/pprof/" + what
}

// fetch stores what a URL answers in a file.
func fetch(ctx context.Context, url, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	out, err := os.Create(path) //nolint:gosec // below the directory the user named
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
