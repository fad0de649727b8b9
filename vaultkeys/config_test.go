package vaultkeys

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	good := func() Config { return Config{Address: "https://vault.test:8200", Auth: Token(Value("hvs.secret"))} }
	for name, set := range map[string]func(*Config){
		"minimal":       func(*Config) {},
		"plain HTTP":    func(c *Config) { c.Address = "http://127.0.0.1:8200" },
		"a path":        func(c *Config) { c.Address = "https://gw.test/vault/" },
		"a deep mount":  func(c *Config) { c.Mount = "team-a/transit.v2/x_y" },
		"a namespace":   func(c *Config) { c.Namespace = "admin/team-a/" },
		"a login mount": func(c *Config) { c.Auth = AppRole("a/b", "r", Value("s")) },
		"a timeout":     func(c *Config) { c.Timeout = time.Millisecond },
	} {
		c := good()
		set(&c)
		tr, err := New(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tr.Close()
	}
	for name, set := range map[string]func(*Config){
		"no auth":            func(c *Config) { c.Auth = Auth{} },
		"no address":         func(c *Config) { c.Address = "" },
		"no scheme":          func(c *Config) { c.Address = "vault.test:8200" },
		"no host":            func(c *Config) { c.Address = "https://" },
		"another scheme":     func(c *Config) { c.Address = "ftp://vault.test" },
		"a user":             func(c *Config) { c.Address = "https://u:hvs.secret@vault.test" },
		"a query":            func(c *Config) { c.Address = "https://vault.test?x" },
		"a fragment":         func(c *Config) { c.Address = "https://vault.test#x" },
		"no URL":             func(c *Config) { c.Address = "https://hvs.secret:\x00" },
		"mount up":           func(c *Config) { c.Mount = "../sys" },
		"mount up inside":    func(c *Config) { c.Mount = "a/../sys" },
		"mount with slash":   func(c *Config) { c.Mount = "/transit" },
		"mount ends":         func(c *Config) { c.Mount = "transit/" },
		"mount with query":   func(c *Config) { c.Mount = "transit?x" },
		"mount with escape":  func(c *Config) { c.Mount = "transit%2f" },
		"login mount":        func(c *Config) { c.Auth = Kubernetes("../x", "r", Value("s")) },
		"namespace":          func(c *Config) { c.Namespace = "a\r\nb" },
		"namespace up":       func(c *Config) { c.Namespace = "a/.." },
		"a negative timeout": func(c *Config) { c.Timeout = -1 },
	} {
		c := good()
		set(&c)
		tr, err := New(c)
		if err == nil {
			tr.Close()
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), "hvs.secret") {
			t.Errorf("%s: the error shows it: %v", name, err)
		}
	}
}
