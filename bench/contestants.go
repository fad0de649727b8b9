//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
)

// The contestants, in the order of the tables.
const (
	nameStore   = "minio"
	nameCaddy   = "caddy"
	nameGateway = "gateway"
	nameSSE     = "minio-sse"
)

var contestantNames = []string{nameStore, nameCaddy, nameGateway, nameSSE}

// contestant is one way to reach a store.
type contestant struct {
	name  string
	addr  string // where clients connect
	admin string // Caddy's admin endpoint, "" unless profiling
	cred  credential
	sse   bool     // uploads ask the server for SSE-S3
	mode  *mode    // of the gateway, nil for its default
	proxy *process // nil when clients talk to the store itself
	store *process
	data  string // directory of the store

	uploader *uploader // of the last turn of uploads in parts
}

// field holds everything that runs.
type field struct {
	dir         string
	contestants []*contestant
	plain       *contestant // the store without encryption, nil if nobody needs it
	processes   []*process
}

// stop ends the servers, those in front first.
func (f *field) stop() {
	for _, p := range slices.Backward(f.processes) {
		p.stop()
	}
}

// start runs a server and waits until it accepts connections.
func (f *field) start(ctx context.Context, name, addr string, env []string, binary string, args ...string) (*process, error) {
	p, err := startProcess(name, f.dir, env, binary, args...)
	if err != nil {
		return nil, err
	}
	f.processes = append(f.processes, p)
	return p, p.waitReady(ctx, func() error {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// startField starts the servers that the named contestants need. The caller
// stops the field even after an error.
func startField(ctx context.Context, f *field, o *options) error {
	if o.modes {
		return startModes(ctx, f, o)
	}
	for _, name := range contestantNames {
		if !matches(o.contestants, name) {
			continue
		}
		var c *contestant
		var err error
		switch name {
		case nameSSE:
			key := "bench:" + base64.StdEncoding.EncodeToString(randomSecret())
			c, err = f.startStore(ctx, o, nameSSE, "MINIO_KMS_SECRET_KEY="+key)
		default:
			if f.plain == nil {
				if f.plain, err = f.startStore(ctx, o, nameStore); err != nil {
					return err
				}
			}
			if c = f.plain; name != nameStore {
				c, err = f.startCaddy(ctx, o, name, f.plain)
			}
		}
		if err != nil {
			return err
		}
		f.contestants = append(f.contestants, c)
	}
	return nil
}

// startStore runs MinIO on one directory and makes the bucket.
func (f *field) startStore(ctx context.Context, o *options, name string, env ...string) (*contestant, error) {
	addrs, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: name, addr: addrs[0], sse: name == nameSSE}
	if c.cred, err = newCredential("benchroot"); err != nil {
		return nil, err
	}
	env = append(env,
		"MINIO_ROOT_USER="+c.cred.AccessKey, "MINIO_ROOT_PASSWORD="+c.cred.secret,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_SCANNER_SPEED=slowest")
	c.data = filepath.Join(f.dir, name)
	c.store, err = f.start(ctx, name, c.addr, env, o.minio,
		"server", "--quiet", "--address", addrs[0], "--console-address", addrs[1], c.data)
	if err != nil {
		return nil, err
	}
	// MinIO listens before it can serve: only the made bucket tells.
	conn := newConn(c.addr)
	defer conn.close()
	return c, c.store.waitReady(ctx, func() error {
		_, err := conn.do(c.sign(draft{method: http.MethodPut}, hexSHA256(nil)), nil)
		return err
	})
}

// startCaddy runs Caddy in front of the store, as a plain reverse proxy or
// with the handler.
func (f *field) startCaddy(ctx context.Context, o *options, name string, store *contestant, more ...string) (*contestant, error) {
	addrs, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: name, addr: addrs[0], cred: store.cred, store: store.store, data: store.data}
	global := "admin off"
	if o.pprof != "" {
		c.admin = addrs[1]
		global = "admin " + c.admin
	}
	config := plainConfig
	env := append([]string{"UPSTREAM_SECRET=" + store.cred.secret}, more...)
	if name != nameCaddy {
		config = gatewayConfig
		if name == nameModes {
			config = modesConfig
		}
		if c.cred, err = newCredential("AKIDBENCH"); err != nil {
			return nil, err
		}
		env = append(env, "CLIENT_SECRET="+c.cred.secret,
			"MASTER_KEY="+base64.StdEncoding.EncodeToString(randomSecret()))
	}
	_, port, err := net.SplitHostPort(c.addr)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(f.dir, name+".Caddyfile")
	text := fmt.Sprintf(config, global, port, store.addr)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c.proxy, err = f.start(ctx, name, c.addr, env, o.caddy, "run", "--adapter", "caddyfile", "--config", path)
	return c, err
}

// Both proxies run with Caddy's defaults apart from logs, admin endpoint and
// TLS, which would hide the difference between them. The arguments are global
// options, port and the store's address.
const (
	plainConfig = `{
	%s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://:%s {
	bind 127.0.0.1
	reverse_proxy %s
}
`
	gatewayConfig = `{
	%s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://:%s {
	bind 127.0.0.1
	s3_sse {
		upstream http://%s
		upstream_credentials benchroot {env.UPSTREAM_SECRET}
		region us-east-1
		master_key k1 {env.MASTER_KEY}
		credential AKIDBENCH {env.CLIENT_SECRET}
	}
}
`
)

// randomSecret returns 32 fresh random bytes.
func randomSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}
