package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/vaultkeys"
)

func init() {
	caddy.RegisterModule(VaultKeys{})
}

// VaultKeys has the keys of a Transit secrets engine of HashiCorp Vault or
// OpenBao.
//
// Vault is not contacted before a key is used, so that it may be down when a
// config is loaded. Clients get 503 with Retry-After while it is. Handlers with
// the same settings share one login, which also survives reloads.
//
// Exactly one of `token`, `token_file`, `approle` and `kubernetes` says how to
// log in.
type VaultKeys struct {
	kms.Provider `json:"-"`

	// The URL of Vault, such as `https://vault.example.com:8200`. Accepts
	// placeholders. Required.
	Address string `json:"address,omitempty"`

	// The namespace of the secrets engine and of the login. Accepts
	// placeholders. Default: none.
	Namespace string `json:"namespace,omitempty"`

	// The path at which the secrets engine is mounted. Accepts placeholders.
	// Default: `transit`.
	Mount string `json:"mount,omitempty"`

	// A token. It is renewed if Vault says that it can be. Accepts
	// placeholders.
	Token string `json:"token,omitempty"`

	// The path of a file with a token, such as the one that Vault Agent keeps
	// fresh. It is read again when it has changed. Accepts placeholders.
	TokenFile string `json:"token_file,omitempty"`

	// The AppRole auth method.
	AppRole *VaultAppRole `json:"approle,omitempty"`

	// The Kubernetes auth method.
	Kubernetes *VaultKubernetes `json:"kubernetes,omitempty"`

	// The path of a PEM file with the certificate authorities that Vault's
	// certificate may be of. It is read when the config is loaded. Accepts
	// placeholders. Default: those of the system.
	CA string `json:"ca,omitempty"`

	// The paths of PEM files with a client certificate and its key. They are
	// read again for every connection. Accepts placeholders. Default: none.
	ClientCertificate string `json:"client_certificate,omitempty"`
	ClientKey         string `json:"client_key,omitempty"`

	// The name in Vault's certificate. Accepts placeholders. Default: the host
	// of `address`.
	ServerName string `json:"server_name,omitempty"`

	// How long a request to Vault may take. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	release func()
}

// VaultAppRole logs in with the AppRole auth method.
type VaultAppRole struct {
	// The role id. Accepts placeholders. Required.
	RoleID string `json:"role_id,omitempty"`

	// The secret id. Accepts placeholders. Either this or `secret_id_file` is
	// required.
	SecretID string `json:"secret_id,omitempty"`

	// The path of a file with the secret id, which is read for every login.
	// Accepts placeholders.
	SecretIDFile string `json:"secret_id_file,omitempty"`

	// The path at which the auth method is mounted. Default: `approle`.
	Mount string `json:"mount,omitempty"`
}

// VaultKubernetes logs in with the Kubernetes auth method.
type VaultKubernetes struct {
	// The role in Vault. Accepts placeholders. Required.
	Role string `json:"role,omitempty"`

	// The path of the file with the token of the service account, which is
	// read for every login. Accepts placeholders. Default:
	// `/var/run/secrets/kubernetes.io/serviceaccount/token`.
	JWTFile string `json:"jwt_file,omitempty"`

	// The path at which the auth method is mounted. Default: `kubernetes`.
	Mount string `json:"mount,omitempty"`
}

const defaultJWTFile = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// CaddyModule returns the Caddy module information.
func (VaultKeys) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.s3_sse.keys.vault",
		New: func() caddy.Module { return new(VaultKeys) },
	}
}

// Provision sets up v. It does not contact Vault.
func (v *VaultKeys) Provision(ctx caddy.Context) error {
	x := expander{repl: caddy.NewReplacer(), logger: ctx.Logger()}
	cfg := vaultkeys.Config{Timeout: time.Duration(v.Timeout)}
	id := newPoolID()
	for _, field := range []struct {
		name, value string
		into        *string
	}{
		{"address", v.Address, &cfg.Address},
		{"namespace", v.Namespace, &cfg.Namespace},
		{"mount", v.Mount, &cfg.Mount},
	} {
		var err error
		if *field.into, err = x.text(field.name, field.value); err != nil {
			return err
		}
		id.add(field.name, *field.into)
	}
	id.add("timeout", cfg.Timeout.String())
	var err error
	if cfg.Auth, err = v.auth(x, id); err != nil {
		return err
	}
	tlsConfig, err := v.tls(x, id)
	if err != nil {
		return err
	}
	v.Provider, v.release, err = vaultClients.get(id.sum(), cfg, tlsConfig, ctx.Slogger().Handler())
	return err
}

// auth returns how to log in. All that it depends on becomes part of id.
func (v *VaultKeys) auth(x expander, id poolID) (auth vaultkeys.Auth, err error) {
	ways := 0
	for _, given := range []bool{v.Token != "", v.TokenFile != "", v.AppRole != nil, v.Kubernetes != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return auth, errors.New("exactly one way to log in is needed: token, token_file, approle or kubernetes")
	}
	// text and secret expand a value and make it part of id.
	text := func(field, value string) (s string) {
		if err == nil {
			s, err = x.text(field, value)
			id.add(field, s)
		}
		return s
	}
	secret := func(field, value string) (s string) {
		if err == nil {
			s, err = x.secret(field, value)
			id.add(field, s)
		}
		return s
	}
	required := func(field, value string) string {
		if s := text(field, value); err != nil || s != "" {
			return s
		}
		err = fmt.Errorf("%s is missing", field)
		return ""
	}
	switch {
	case v.Token != "":
		auth = vaultkeys.Token(vaultkeys.Value(secret("token", v.Token)))
	case v.TokenFile != "":
		auth = vaultkeys.Token(vaultkeys.File(text("token_file", v.TokenFile)))
	case v.AppRole != nil:
		a := v.AppRole
		role := required("approle role_id", a.RoleID)
		if (a.SecretID == "") == (a.SecretIDFile == "") {
			return auth, errors.New("approle: either secret_id or secret_id_file is needed")
		}
		source := vaultkeys.File(text("approle secret_id_file", a.SecretIDFile))
		if a.SecretID != "" {
			source = vaultkeys.Value(secret("approle secret_id", a.SecretID))
		}
		auth = vaultkeys.AppRole(text("approle mount", a.Mount), role, source)
	default:
		k := v.Kubernetes
		role := required("kubernetes role", k.Role)
		jwt := k.JWTFile
		if jwt == "" {
			jwt = defaultJWTFile
		}
		auth = vaultkeys.Kubernetes(text("kubernetes mount", k.Mount), role, vaultkeys.File(text("kubernetes jwt_file", jwt)))
	}
	return auth, err
}

// Cleanup releases the client, which others may share.
func (v *VaultKeys) Cleanup() error {
	if v.release != nil {
		v.release()
	}
	return nil
}

var (
	_ caddy.Provisioner  = (*VaultKeys)(nil)
	_ caddy.CleanerUpper = (*VaultKeys)(nil)
	_ kms.Provider       = (*VaultKeys)(nil)
)
