package vaultkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// maxSecretSize bounds a file with a secret in bytes.
const maxSecretSize = 64 << 10

// Secret reads a secret whenever it is needed. Being a function it does not
// show itself in logs and dumps. Its errors must not hold the secret.
type Secret func() (string, error)

// Value is a secret that does not change.
func Value(s string) Secret { return func() (string, error) { return s, nil } }

// File is a secret in a file, without white space around it, at most 64 KiB. The
// file is read anew whenever the secret is needed, so it may be replaced.
func File(path string) Secret {
	return func() (string, error) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }()
		b, err := io.ReadAll(io.LimitReader(f, maxSecretSize+1))
		if err != nil {
			return "", err
		}
		if len(b) > maxSecretSize {
			return "", fmt.Errorf("%s is larger than %d bytes", path, maxSecretSize)
		}
		return string(bytes.TrimSpace(b)), nil
	}
}

// read returns the secret, which must not be empty nor have control characters.
func (s Secret) read(what string) (string, error) {
	if s == nil {
		return "", fmt.Errorf("no %s", what)
	}
	v, err := s()
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	if v == "" {
		return "", fmt.Errorf("the %s is empty", what)
	}
	for _, c := range []byte(v) {
		if c <= ' ' || c >= 0x7f {
			return "", fmt.Errorf("the %s has characters that cannot be in it", what)
		}
	}
	return v, nil
}

// Auth is a way to log in at Vault: Token, AppRole or Kubernetes.
type Auth struct {
	method method
	mount  string // to be checked, or empty
}

// method obtains tokens.
type method interface {
	// login returns a token and what is known of it.
	login(ctx context.Context, c *client) (grant, error)

	// changed reports whether a login would not use what the last one used.
	changed() bool

	// static says that login finds a token instead of making one: there is no
	// new one when it ends.
	static() bool
}

// grant is a token that was issued.
type grant struct {
	token     string
	ttl       time.Duration // how long it is valid; 0 means without end or unknown
	renewable bool
}

// Format shows nothing of the token.
func (grant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "vaultkeys.grant") }

// Token uses a token that somebody else has obtained, for instance with
// File one that Vault Agent keeps fresh in a file. A file is looked at about
// once a second while keys are used, and when Vault refuses the token. The
// token is renewed if Vault says that it can be.
func Token(token Secret) Auth { return Auth{method: &tokenAuth{secret: token}} }

// AppRole logs in with the AppRole auth method at the given mount path, empty
// for DefaultAppRoleMount.
func AppRole(mount, roleID string, secretID Secret) Auth {
	if mount == "" {
		mount = DefaultAppRoleMount
	}
	return Auth{mount: mount, method: loginAuth{mount, func() (map[string]string, string, error) {
		id, err := secretID.read("secret id")
		return map[string]string{"role_id": roleID, "secret_id": id}, id, err
	}}}
}

// Kubernetes logs in with the Kubernetes auth method at the given mount path,
// empty for DefaultKubernetesMount. The token of the service account is usually
// File("/var/run/secrets/kubernetes.io/serviceaccount/token").
func Kubernetes(mount, role string, jwt Secret) Auth {
	if mount == "" {
		mount = DefaultKubernetesMount
	}
	return Auth{mount: mount, method: loginAuth{mount, func() (map[string]string, string, error) {
		token, err := jwt.read("service account token")
		return map[string]string{"role": role, "jwt": token}, token, err
	}}}
}

// loginAuth logs in at auth/<mount>/login.
type loginAuth struct {
	mount string
	// credentials returns the body of the request and the secret in it.
	credentials func() (body map[string]string, secret string, err error)
}

func (loginAuth) changed() bool { return false }

func (loginAuth) static() bool { return false }

func (a loginAuth) login(ctx context.Context, c *client) (grant, error) {
	body, secret, err := a.credentials()
	if err != nil {
		return grant{}, err
	}
	r, err := c.do(ctx, request{method: http.MethodPost, path: "auth/" + a.mount + "/login", body: body, secrets: []string{secret}})
	if err != nil {
		return grant{}, err
	}
	if r.Auth == nil || r.Auth.ClientToken == "" {
		return grant{}, errors.New("the answer to the login has no token")
	}
	return grant{r.Auth.ClientToken, r.Auth.lease(), r.Auth.Renewable}, nil
}

// tokenAuth uses a token that is there. Its methods are not called
// concurrently with themselves.
type tokenAuth struct {
	secret Secret
	used   func() string // the token of the last login; a function hides it
}

func (a *tokenAuth) static() bool { return true }

func (a *tokenAuth) changed() bool {
	token, err := a.secret.read("token")
	return err == nil && (a.used == nil || a.used() != token)
}

// login asks Vault how long the token is valid. Not being allowed to ask is no
// reason against the token, unless Vault says that it does not know it.
func (a *tokenAuth) login(ctx context.Context, c *client) (grant, error) {
	token, err := a.secret.read("token")
	if err != nil {
		return grant{}, err
	}
	a.used = func() string { return token }
	r, err := c.do(ctx, request{method: http.MethodGet, path: "auth/token/lookup-self", token: token})
	if e, ok := errors.AsType[*statusError](err); ok && e.status == http.StatusForbidden && !e.dead {
		return grant{token: token}, nil
	}
	if err != nil {
		return grant{}, err
	}
	var data struct {
		TTL       int64 `json:"ttl"`
		Renewable bool  `json:"renewable"`
	}
	if err := r.decode(&data); err != nil {
		return grant{}, err
	}
	return grant{token, seconds(data.TTL), data.Renewable}, nil
}
