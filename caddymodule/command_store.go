package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
)

const (
	defaultSystemBucket   = "caddy-s3-sse-system"
	defaultUpstreamRegion = "us-east-1"
)

// storeAccess is what a command needs of a handler in a config: the store and
// the keys. It must be closed.
type storeAccess struct {
	handler *Handler
	store   *rotation.Client
	keys    *localkeys.Keyring
	kms     gateway.KMS
	rules   []gateway.Rule
	system  string
	close   func()
}

// openStore reads a config and returns access to the store behind one of its
// s3_sse handlers. number chooses the handler, from 1; 0 is for configs with one.
// address, unless it is empty, is used instead of the store's in the config.
func openStore(file, adapter string, number int, address string) (*storeAccess, error) {
	config, _, _, err := caddycmd.LoadConfig(file, adapter)
	if err != nil {
		return nil, err
	}
	if len(config) == 0 { // nor a Caddyfile in the current directory
		return nil, fmt.Errorf("there is no config: give it with --%s", flagConfig)
	}
	raw, err := chooseHandler(config, number)
	if err != nil {
		return nil, err
	}
	var cfg caddy.Config
	if err := json.Unmarshal(config, &cfg); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	// Logs go where the server's go, among them the audit log. Nothing else of
	// the config is set up.
	outer, err := caddy.ProvisionContext(&caddy.Config{Logging: cfg.Logging, StorageRaw: cfg.StorageRaw})
	if err != nil {
		return nil, err
	}
	ctx, cancel := caddy.NewContext(outer)
	a := &storeAccess{handler: new(Handler)}
	a.close = func() {
		_ = a.handler.Cleanup() // releases what the process has no use for any more
		cancel()
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err = dec.Decode(a.handler); err == nil {
		err = a.open(ctx, address)
	}
	if err != nil {
		a.close()
		return nil, fmt.Errorf("the handler s3_sse in the config: %w", err)
	}
	return a, nil
}

// open sets up the parts of the handler that are needed.
func (a *storeAccess) open(ctx caddy.Context, address string) error {
	h := a.handler
	h.logger, h.slogger = ctx.Logger(), ctx.Slogger()
	x := expander{repl: caddy.NewReplacer(), logger: h.logger}
	u, err := h.upstream(ctx, x)
	if err != nil {
		return err
	}
	switch {
	case address != "":
		if u.Endpoint, err = parseUpstream(address); err != nil {
			return fmt.Errorf("--%s: %w", flagStore, err)
		}
	case u.Transport == nil:
		return fmt.Errorf("it reaches the store through reverse_proxy, which a command cannot: give the store's URL with --%s", flagStore)
	}
	if u.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableCompression = true
		u.Transport = t
	}
	if u.Credential.AccessKey == "" {
		return errors.New("it has no upstream_credentials: the command needs an account of its own at the store")
	}
	if u.Region == "" {
		u.Region = defaultUpstreamRegion
	}
	a.store = &rotation.Client{
		Endpoint: u.Endpoint, Transport: u.Transport, Region: u.Region, Credential: u.Credential,
		Plain: u.Integrity == gateway.IntegrityNone,
	}
	if a.keys, err = h.masterKeys(x); err != nil {
		return err
	}
	if a.system, err = x.text("system_bucket", h.SystemBucket); err != nil {
		return err
	}
	if a.system == "" {
		a.system = defaultSystemBucket
	}
	region, err := x.text("region", h.Region)
	if err != nil {
		return err
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if a.kms, err = h.keyService(ctx, x, region); err != nil {
		return err
	}
	a.rules, err = h.rules(&a.kms)
	return err
}

// options returns the options that come from the config.
func (a *storeAccess) options() rotation.Options {
	o := rotation.Options{
		Store: a.store, StoreName: a.store.Endpoint.String(), Keys: a.keys, Realms: a.handler.Realms, SystemBucket: a.system,
	}
	if s, ok := a.kms.Service.(rotation.KeyService); ok {
		o.KMS = s
	}
	return o
}

// storeFields are the fields of a handler that decide about the store and the
// keys.
var storeFields = []string{
	"upstream", "transport", "store_host", "upstream_credentials", "upstream_region", "master_keys", "master_keys_file",
	"active_key", "keys", "kms", "encryption", "realms", "system_bucket",
}

// chooseHandler returns the configuration of the handler with that number, or
// of the only one. Handlers with the same store and keys count as one.
func chooseHandler(config []byte, number int) (json.RawMessage, error) {
	var root any
	if err := json.Unmarshal(config, &root); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	var (
		found []json.RawMessage
		names []string
		seen  = make(map[string]bool)
	)
	err := eachHandler(root, func(h map[string]any) error {
		essence := make(map[string]any)
		for _, f := range storeFields {
			if v, ok := h[f]; ok {
				essence[f] = v
			}
		}
		id, err := json.Marshal(essence)
		if err != nil || seen[string(id)] {
			return err
		}
		seen[string(id)] = true
		delete(h, "handler")
		raw, err := json.Marshal(h)
		name, _ := h["upstream"].(string)
		if name == "" {
			name, _ = h["store_host"].(string)
		}
		found, names = append(found, raw), append(names, fmt.Sprintf("%d: %s", len(found)+1, name))
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, errors.New("the config has no handler s3_sse")
	case number == 0 && len(found) == 1:
		return found[0], nil
	case number == 0:
		return nil, fmt.Errorf("the config has s3_sse handlers with several stores or sets of keys: choose one with --%s (%s)", flagHandler, strings.Join(names, ", "))
	case number < 0 || number > len(found):
		return nil, fmt.Errorf("--%s: the config has %d (%s)", flagHandler, len(found), strings.Join(names, ", "))
	}
	return found[number-1], nil
}

// eachHandler calls do for every s3_sse handler in a config, in order.
func eachHandler(v any, do func(map[string]any) error) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := eachHandler(e, do); err != nil {
				return err
			}
		}
	case map[string]any:
		if v["handler"] == "s3_sse" {
			return do(v)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := eachHandler(v[k], do); err != nil {
				return err
			}
		}
	}
	return nil
}
