package caddymodule_test

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// CloudKeys has the keys of some key management service.
type CloudKeys struct {
	// The URL of the service. Required.
	Endpoint string `json:"endpoint,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (CloudKeys) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.s3_sse.keys.cloud",
		New: func() caddy.Module { return new(CloudKeys) },
	}
}

// Validate checks the settings. It does not contact the service.
func (k *CloudKeys) Validate() error {
	if k.Endpoint == "" {
		return fmt.Errorf("endpoint is missing")
	}
	return nil
}

// UnmarshalCaddyfile parses:
//
//	keys cloud <endpoint>
func (k *CloudKeys) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&k.Endpoint) {
		return d.ArgErr()
	}
	return nil
}

// Wrap implements kms.Provider.
func (k *CloudKeys) Wrap(ctx context.Context, key string, kek encryptor.Key, encContext []byte) (kms.Wrapped, error) {
	return kms.Wrapped{}, fmt.Errorf("wrap at %s: %w", k.Endpoint, kms.ErrUnavailable)
}

// Unwrap implements kms.Provider.
func (k *CloudKeys) Unwrap(ctx context.Context, key string, wrapped, encContext []byte) (encryptor.Key, kms.Call, error) {
	return encryptor.Key{}, kms.Call{}, fmt.Errorf("unwrap at %s: %w", k.Endpoint, kms.ErrUnavailable)
}

// Rewrap implements kms.Provider.
func (k *CloudKeys) Rewrap(ctx context.Context, key string, items []kms.Item) ([]kms.Rewrapped, error) {
	return nil, fmt.Errorf("rewrap at %s: %w", k.Endpoint, kms.ErrUnavailable)
}

// Describe implements kms.Provider.
func (k *CloudKeys) Describe(ctx context.Context, key string) (kms.KeyInfo, error) {
	return kms.KeyInfo{}, fmt.Errorf("describe at %s: %w", k.Endpoint, kms.ErrUnavailable)
}

// A provider of keys for another key management service. With it in the
// program, a Caddyfile can say keys cloud https://kms.example.com.
func Example() {
	caddy.RegisterModule(CloudKeys{}) // in the init function of its package
	fmt.Println(CloudKeys{}.CaddyModule().ID.Name())
	// Output: cloud
}
