package vault

import (
	"testing"
	"time"
)

// Token says what a token may do and for how long. Zero fields leave the choice
// to Vault. Vault rounds durations to seconds.
type Token struct {
	Policies []string
	// TTL is how long it lives unless renewed, MaxTTL how long in any case.
	TTL, MaxTTL time.Duration
	// Period is how long it lives from each renewal on, without end.
	Period time.Duration
	// Uses is the number of requests it is good for.
	Uses int
}

// settings returns t's fields under the names the API has for them, which
// begin with prefix except for tokens made directly.
func (t Token) settings(prefix, maxTTL string) map[string]any {
	return map[string]any{
		prefix + "policies": t.Policies,
		prefix + "ttl":      t.TTL.String(),
		maxTTL:              t.MaxTTL.String(),
		prefix + "period":   t.Period.String(),
		prefix + "num_uses": t.Uses,
	}
}

// CreateToken makes a token that does not depend on another.
func (s *Server) CreateToken(t testing.TB, token Token) string {
	t.Helper()
	var a Answer
	s.ask(t, "POST", "auth/token/create-orphan", token.settings("", "explicit_max_ttl"), &a)
	return a.Auth.Token
}

// RevokeToken makes a token worthless at once.
func (s *Server) RevokeToken(t testing.TB, token string) {
	t.Helper()
	s.Admin(t, "POST", "auth/token/revoke", map[string]any{"token": token})
}

// RevokeLogins makes all tokens worthless that the auth method "approle" or
// "kubernetes" has issued.
func (s *Server) RevokeLogins(t testing.TB, method string) {
	t.Helper()
	s.Admin(t, "PUT", "sys/leases/revoke-prefix/auth/"+method, nil)
}

// AppRole is a credential for the AppRole auth method.
type AppRole struct{ RoleID, SecretID string }

// CreateAppRole makes or replaces a role whose logins get such tokens, and
// returns a new credential for it.
func (s *Server) CreateAppRole(t testing.TB, name string, issued Token) AppRole {
	t.Helper()
	role := "auth/approle/role/" + name
	s.Admin(t, "POST", role, issued.settings("token_", "token_max_ttl"))
	id, _ := s.Admin(t, "GET", role+"/role-id", nil)["role_id"].(string)
	secret, _ := s.Admin(t, "POST", role+"/secret-id", nil)["secret_id"].(string)
	if id == "" || secret == "" {
		t.Fatalf("Vault gave no credential for the role %s", name)
	}
	return AppRole{RoleID: id, SecretID: secret}
}

// CreateKubernetesRole makes or replaces a role whose logins get such tokens.
// Pods of that service account may log in with a JWT of [Server.JWT].
func (s *Server) CreateKubernetesRole(t testing.TB, name, namespace, account string, issued Token) {
	t.Helper()
	role := issued.settings("token_", "token_max_ttl")
	role["bound_service_account_namespaces"] = []string{namespace}
	role["bound_service_account_names"] = []string{account}
	s.Admin(t, "POST", "auth/kubernetes/role/"+name, role)
}
