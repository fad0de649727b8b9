package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestVaultKeysProvision loads settings with nothing at the address.
func TestVaultKeysProvision(t *testing.T) {
	secretEnv(t)
	cert, _, _ := strings.Cut(newCertificate(t), " ")
	garbage := write(t, "garbage", "hidden")
	t.Setenv("TEST_EMPTY", "")
	good := func() *VaultKeys { return &VaultKeys{Address: "https://127.0.0.1:1", TokenFile: "/run/vault/token"} }
	for name, test := range map[string]struct {
		change func(*VaultKeys)
		want   string // in the error; none if empty
	}{
		"token file": {func(*VaultKeys) {}, ""},
		"token":      {func(v *VaultKeys) { v.TokenFile, v.Token = "", "{env.TEST_CLIENT_SECRET}" }, ""},
		"approle": {func(v *VaultKeys) {
			v.TokenFile, v.AppRole = "", &VaultAppRole{RoleID: "r", SecretID: "{env.TEST_CLIENT_SECRET}", Mount: "a/b"}
		}, ""},
		"kubernetes":   {func(v *VaultKeys) { v.TokenFile, v.Kubernetes = "", &VaultKubernetes{Role: "r"} }, ""},
		"everything":   {func(v *VaultKeys) { v.Namespace, v.Mount, v.Timeout = "a/b", "c/d", 1 }, ""},
		"TLS":          {func(v *VaultKeys) { v.CA, v.ClientCertificate, v.ClientKey, v.ServerName = cert, cert, cert, "vault" }, ""},
		"no address":   {func(v *VaultKeys) { v.Address = "" }, "address"},
		"address":      {func(v *VaultKeys) { v.Address = "127.0.0.1:1" }, "address"},
		"namespace":    {func(v *VaultKeys) { v.Namespace = "a b" }, "is not a namespace"},
		"mount":        {func(v *VaultKeys) { v.Mount = "../sys" }, "is not a mount path"},
		"timeout":      {func(v *VaultKeys) { v.Timeout = -1 }, "the timeout is negative"},
		"no login":     {func(v *VaultKeys) { v.TokenFile = "" }, "exactly one way to log in"},
		"two logins":   {func(v *VaultKeys) { v.Kubernetes = &VaultKubernetes{Role: "r"} }, "exactly one way to log in"},
		"empty token":  {func(v *VaultKeys) { v.TokenFile, v.Token = "", "{env.TEST_EMPTY}" }, "token: evaluated placeholder {env.TEST_EMPTY} is empty"},
		"no role id":   {func(v *VaultKeys) { v.TokenFile, v.AppRole = "", &VaultAppRole{SecretIDFile: "f"} }, "approle role_id is missing"},
		"no secret id": {func(v *VaultKeys) { v.TokenFile, v.AppRole = "", &VaultAppRole{RoleID: "r"} }, "either secret_id or secret_id_file"},
		"two secret ids": {func(v *VaultKeys) {
			v.TokenFile, v.AppRole = "", &VaultAppRole{RoleID: "r", SecretID: "hidden", SecretIDFile: "f"}
		}, "either secret_id or secret_id_file"},
		"approle mount": {func(v *VaultKeys) {
			v.TokenFile, v.AppRole = "", &VaultAppRole{RoleID: "r", SecretIDFile: "f", Mount: "/"}
		}, "is not a mount path"},
		"no role":             {func(v *VaultKeys) { v.TokenFile, v.Kubernetes = "", new(VaultKubernetes) }, "kubernetes role is missing"},
		"no CA":               {func(v *VaultKeys) { v.CA = "/nonexistent/ca" }, "ca: open /nonexistent/ca"},
		"bad CA":              {func(v *VaultKeys) { v.CA = garbage }, "ca: there is no certificate in"},
		"certificate alone":   {func(v *VaultKeys) { v.ClientCertificate = cert }, "need each other"},
		"key alone":           {func(v *VaultKeys) { v.ClientKey = cert }, "need each other"},
		"bad certificate":     {func(v *VaultKeys) { v.ClientCertificate, v.ClientKey = garbage, garbage }, "client_certificate: "},
		"missing certificate": {func(v *VaultKeys) { v.ClientCertificate, v.ClientKey = "/nonexistent/c", cert }, "client_certificate: open /nonexistent/c"},
	} {
		t.Run(name, func(t *testing.T) {
			v := good()
			test.change(v)
			js, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			h := goodHandler()
			h.KeysRaw = append([]byte(`{"provider":"vault",`), js[1:]...)
			err = provision(t, h)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			for _, secret := range []string{clientSecret, "hidden"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// fakeVault is as much of a Vault as encrypting needs. It encrypts nothing.
type fakeVault struct {
	*httptest.Server
	logins, uses atomic.Int64
}

func newFakeVault(t *testing.T) *fakeVault {
	t.Helper()
	v := new(fakeVault)
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/auth/approle/login":
			n := v.logins.Add(1)
			_, _ = io.WriteString(w, `{"auth": {"client_token": "token`+strconv.FormatInt(n, 10)+`", "lease_duration": 3600, "renewable": true}}`)
		case "/v1/transit/encrypt/k":
			v.uses.Add(1)
			_, _ = io.WriteString(w, `{"request_id": "r", "data": {"ciphertext": "vault:v1:AAAA"}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

// TestVaultLoginSurvivesReloads reloads the same settings and others.
func TestVaultLoginSurvivesReloads(t *testing.T) {
	secretEnv(t)
	store, vault := newFakeStore(t), newFakeVault(t)
	log := filepath.Join(t.TempDir(), "log")
	site := func(secret string) []byte {
		keys := "keys vault {\n\t\taddress " + vault.URL + "\n\t\tapprole {\n\t\t\trole_id r\n\t\t\tsecret_id " + secret + "\n\t\t}\n\t}"
		handler := directive("upstream "+store.URL, keys)
		return siteJSON(t, trusting+"log {\n\t\toutput file "+log+"\n\t}\n", "http://:8080 {\nhandle /one/* {\n"+handler+"}\nhandle {\n"+handler+"}\n}\n")
	}
	use := func(base string) {
		t.Helper()
		mustDo(t, http.DefaultClient, http.MethodPut, base+"/one/key", "data", kmsHeader("aws:kms", "k"))
		mustDo(t, http.DefaultClient, http.MethodPut, base+"/two/key", "data", kmsHeader("aws:kms", "k"))
	}
	for range 3 {
		use("http://" + load(t, site("{env.TEST_CLIENT_SECRET}")))
	}
	if n := vault.logins.Load(); n != 1 {
		t.Errorf("%d logins, want one for all handlers and configs with the same settings", n)
	}
	use("http://" + load(t, site("{env.TEST_STORE_SECRET}")))
	if n := vault.logins.Load(); n != 2 {
		t.Errorf("%d logins, want another one with another secret", n)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	left := 0
	vaultClients.pool.Range(func(any, any) bool { left++; return true })
	if left != 0 {
		t.Errorf("%d clients are left", left)
	}
	said := readTree(t, filepath.Dir(log))
	if n := strings.Count(said, "logged in at Vault"); n != 2 {
		t.Errorf("%d logins in the log, want 2", n)
	}
	for _, secret := range []string{clientSecret, storeSecret, "token1"} {
		if strings.Contains(said, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}
