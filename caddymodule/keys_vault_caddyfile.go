package caddymodule

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens. Syntax:
//
//	vault {
//	    address   <url>
//	    namespace <namespace>
//	    mount     <path>
//
//	    # one of
//	    token      <token>
//	    token_file <path>
//	    approle {
//	        role_id        <id>
//	        secret_id      <id>
//	        secret_id_file <path>
//	        mount          <path>
//	    }
//	    kubernetes {
//	        role     <role>
//	        jwt_file <path>
//	        mount    <path>
//	    }
//
//	    ca                 <path>
//	    client_certificate <path> <key_path>
//	    server_name        <name>
//	    timeout            <duration>
//	}
func (v *VaultKeys) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the name of the provider
	if d.NextArg() {
		return d.ArgErr()
	}
	return block{once: map[string]parser{
		"address":            text(&v.Address),
		"namespace":          text(&v.Namespace),
		"mount":              text(&v.Mount),
		"token":              secretText("a token", &v.Token),
		"token_file":         text(&v.TokenFile),
		"approle":            v.unmarshalAppRole,
		"kubernetes":         v.unmarshalKubernetes,
		"ca":                 text(&v.CA),
		"client_certificate": texts(&v.ClientCertificate, &v.ClientKey),
		"server_name":        text(&v.ServerName),
		"timeout":            duration(&v.Timeout),
	}}.unmarshal(d, "keys vault")
}

func (v *VaultKeys) unmarshalAppRole(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Err("approle: want a block and no arguments")
	}
	a := new(VaultAppRole)
	v.AppRole = a
	return block{once: map[string]parser{
		"role_id":        text(&a.RoleID),
		"secret_id":      secretText("a secret id", &a.SecretID),
		"secret_id_file": text(&a.SecretIDFile),
		"mount":          text(&a.Mount),
	}}.unmarshal(d, "approle")
}

func (v *VaultKeys) unmarshalKubernetes(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Err("kubernetes: want a block and no arguments")
	}
	k := new(VaultKubernetes)
	v.Kubernetes = k
	return block{once: map[string]parser{
		"role":     text(&k.Role),
		"jwt_file": text(&k.JWTFile),
		"mount":    text(&k.Mount),
	}}.unmarshal(d, "kubernetes")
}

var _ caddyfile.Unmarshaler = (*VaultKeys)(nil)
