package vaultkeys

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultMount           = "transit"
	DefaultAppRoleMount    = "approle"
	DefaultKubernetesMount = "kubernetes"
	DefaultTimeout         = 10 * time.Second
)

// Config configures a Transit.
type Config struct {
	// Address is where Vault is, such as "https://vault.example.com:8200". A
	// path is kept in front of Vault's own. Required.
	Address string

	// Namespace is the namespace of the secrets engine and of the login.
	// Default: none.
	Namespace string

	// Mount is the path at which the secrets engine is mounted.
	// Default: DefaultMount.
	Mount string

	// Auth says how to log in. Required.
	Auth Auth

	// Transport sends the requests; certificates and proxies are set there.
	// Default: one like http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout bounds every request to Vault. Default: DefaultTimeout.
	Timeout time.Duration

	// Logger gets logins, renewals and their failures. Default: none.
	Logger *slog.Logger
}

// Transit has the keys of one Transit secrets engine. It implements
// kms.Provider and is safe for concurrent use.
type Transit struct {
	client  *client
	session *session
	mount   string
}

// Format shows nothing of the session.
func (Transit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "vaultkeys.Transit") }

// New checks the configuration. It does not contact Vault and does not read
// secrets. The result must be closed.
func New(cfg Config) (*Transit, error) {
	if cfg.Auth.method == nil {
		return nil, errors.New("vaultkeys: no way to log in")
	}
	base, err := parseAddress(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Mount == "" {
		cfg.Mount = DefaultMount
	}
	for _, mount := range []string{cfg.Mount, cfg.Auth.mount} {
		if mount != "" && !validPath.MatchString(mount) {
			return nil, fmt.Errorf("vaultkeys: %q is not a mount path", mount)
		}
	}
	if cfg.Namespace = strings.Trim(cfg.Namespace, "/"); cfg.Namespace != "" && !validPath.MatchString(cfg.Namespace) {
		return nil, fmt.Errorf("vaultkeys: %q is not a namespace", cfg.Namespace)
	}
	if cfg.Timeout < 0 {
		return nil, errors.New("vaultkeys: the timeout is negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := newClient(base, cfg)
	return &Transit{client: c, session: newSession(cfg.Auth.method, c, cfg.Logger), mount: cfg.Mount}, nil
}

// Close ends everything that is under way. Calls return kms.ErrUnavailable from
// then on. The token is not revoked.
func (t *Transit) Close() {
	t.session.stop()
	t.client.close()
}

// validPath matches paths without empty and dot segments, which Vault or a
// proxy before it would resolve.
var validPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// parseAddress returns the URL that the paths of Vault's API follow.
func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return nil, errors.New("vaultkeys: the address is not a URL without user information")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("vaultkeys: the address %q is not of the form https://host:port", address)
	}
	return u.JoinPath("v1"), nil
}
