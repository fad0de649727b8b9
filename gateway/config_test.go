package gateway

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

type noKeys struct{}

func (noKeys) Active() string                                    { return "k" }
func (noKeys) KEK(string, [32]byte) (encryptor.Key, error)       { return encryptor.Key{}, nil }
func (noKeys) OuterKEK(string, [32]byte) (encryptor.Key, error)  { return encryptor.Key{}, nil }
func (noKeys) RecordKey(string, [32]byte) (encryptor.Key, error) { return encryptor.Key{}, nil }

type noCredentials struct{}

func (noCredentials) Lookup(string) (*Credential, bool) { return nil, false }

func testConfig(t *testing.T) Config {
	t.Helper()
	secret, err := sigv4.NewSecret("secret")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Keys:        noKeys{},
		Credentials: noCredentials{},
		Upstream: Upstream{
			Endpoint:   &url.URL{Scheme: "http", Host: "store:9000"},
			Credential: sigv4.Credential{AccessKey: "service", Secret: secret},
		},
	}
}

func TestConfigDefaults(t *testing.T) {
	c := testConfig(t)
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	if c.ETag != ETagAuto || c.BufferLimit != 1<<20 || c.Upstream.Region != "us-east-1" ||
		c.Upstream.Identity != IdentityService || c.Upstream.Integrity != IntegrityChecksum || c.Now == nil || c.Logger == nil {
		t.Errorf("defaults: %+v", c)
	}
}

func TestConfigRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no master keys":             func(c *Config) { c.Keys = nil },
		"no client credentials":      func(c *Config) { c.Credentials = nil },
		"the upstream must be a URL": func(c *Config) { c.Upstream.Endpoint = nil },
		"http://host:port":           func(c *Config) { c.Upstream.Endpoint = &url.URL{Scheme: "ftp", Host: "store"} },
		"no path, query or user":     func(c *Config) { c.Upstream.Endpoint.Path = "/base" },
		"service account":            func(c *Config) { c.Upstream.Credential = sigv4.Credential{} },
		"unknown upstream identity":  func(c *Config) { c.Upstream.Identity = "other" },
		"unknown upstream integrity": func(c *Config) { c.Upstream.Integrity = "other" },
		"unknown ETag policy":        func(c *Config) { c.ETag = "sha" },
		"buffer limit":               func(c *Config) { c.BufferLimit = 65 << 20 },
		`bad domain "S3.test"`:       func(c *Config) { c.VirtualHosts = []string{"s3.test", "S3.test"} },
		`bad domain "s3.test:80"`:    func(c *Config) { c.VirtualHosts = []string{"s3.test:80"} },
		`bad domain "s3.test."`:      func(c *Config) { c.VirtualHosts = []string{"s3.test."} },
		`bad domain ""`:              func(c *Config) { c.VirtualHosts = []string{""} },
		`bad bucket pattern "["`:     func(c *Config) { c.PublicBuckets = []string{"["} },
		`bad bucket pattern ""`:      func(c *Config) { c.PlaintextReads = []string{""} },
	} {
		c := testConfig(t)
		change(&c)
		if err := c.complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
