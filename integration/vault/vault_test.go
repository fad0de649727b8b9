package vault_test

import (
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
)

const usePolicy = `path "transit/+/k" { capabilities = ["update"] }`

var plaintext = base64.StdEncoding.EncodeToString([]byte("a key-encryption key"))

// encrypt returns a ciphertext under k that open then opens.
func encrypt(t *testing.T, v *vault.Server, token string) string {
	t.Helper()
	a := v.Do(t, token, "POST", "transit/encrypt/k", map[string]any{"plaintext": plaintext})
	ciphertext, _ := a.Data["ciphertext"].(string)
	if a.Status != http.StatusOK || ciphertext == "" {
		t.Fatalf("encrypting: %d %v", a.Status, a.Errors)
	}
	return ciphertext
}

func open(t *testing.T, v *vault.Server, token, ciphertext string) {
	t.Helper()
	a := v.Do(t, token, "POST", "transit/decrypt/k", map[string]any{"ciphertext": ciphertext})
	if a.Status != http.StatusOK || a.Data["plaintext"] != plaintext {
		t.Errorf("decrypting: %d %v", a.Status, a.Errors)
	}
}

// refused checks that Vault answers a decryption with that status and a reason.
func refused(t *testing.T, v *vault.Server, token, ciphertext string, status int, reason string) {
	t.Helper()
	a := v.Do(t, token, "POST", "transit/decrypt/k", map[string]any{"ciphertext": ciphertext})
	if a.Status != status || !strings.Contains(strings.Join(a.Errors, "; "), reason) {
		t.Errorf("decrypting: %d %q, want %d %q", a.Status, a.Errors, status, reason)
	}
}

// TestServer walks one server through what tests do with it.
func TestServer(t *testing.T) {
	v := vault.Start(t, vault.Options{})
	v.CreateKey(t, "k", false)
	v.WritePolicy(t, "use", usePolicy)
	token := v.CreateToken(t, vault.Token{Policies: []string{"use"}, TTL: time.Hour})
	first := encrypt(t, v, token)
	open(t, v, token, first)

	t.Run("audit", func(t *testing.T) {
		a := v.Do(t, token, "POST", "transit/decrypt/k", map[string]any{"ciphertext": first})
		var types []string
		for _, e := range v.AuditLog(t) {
			if e.RequestID == a.RequestID && e.Path == "transit/decrypt/k" && e.Operation == "update" && e.Error == "" && !e.Time.IsZero() {
				types = append(types, e.Type)
			}
		}
		if !slices.Equal(types, []string{"request", "response"}) {
			t.Errorf("the log has %q of request %s", types, a.RequestID)
		}
		v.Do(t, token, "GET", "transit/keys/k", nil)
		log := v.AuditLog(t)
		if last := log[len(log)-1]; last.Error == "" || last.Path != "transit/keys/k" {
			t.Errorf("the log ends with %+v", last)
		}
	})

	t.Run("derived key", func(t *testing.T) {
		v.CreateKey(t, "derived", true)
		a := v.Do(t, v.RootToken, "POST", "transit/encrypt/derived", map[string]any{"plaintext": plaintext})
		if a.Status != http.StatusBadRequest {
			t.Errorf("encrypting without a context: %d %v", a.Status, a.Data)
		}
	})

	t.Run("revoked token", func(t *testing.T) {
		other := v.CreateToken(t, vault.Token{Policies: []string{"use"}, Period: time.Minute})
		open(t, v, other, first)
		v.RevokeToken(t, other)
		refused(t, v, other, first, http.StatusForbidden, "permission denied")
	})

	t.Run("used up token", func(t *testing.T) {
		once := v.CreateToken(t, vault.Token{Policies: []string{"use"}, Uses: 1})
		open(t, v, once, first)
		refused(t, v, once, first, http.StatusForbidden, "")
	})

	t.Run("counted", func(t *testing.T) {
		v.Proxy.Reset()
		encrypt(t, v, token)
		open(t, v, token, first)
		v.RotateKey(t, "derived") // not counted
		if all, one := v.Count(""), v.Count("transit/encrypt/"); all != 2 || one != 1 {
			t.Errorf("%d requests, %d to encrypt", all, one)
		}
	})

	t.Run("held and delayed", func(t *testing.T) {
		v.Proxy.Reset()
		release := v.Hold()
		done := make(chan struct{})
		go func() {
			defer close(done)
			v.Do(t, token, "POST", "transit/decrypt/k", map[string]any{"ciphertext": first})
		}()
		for v.Proxy.Count() == 0 {
			time.Sleep(time.Millisecond)
		}
		select {
		case <-done:
			t.Error("a held request was answered")
		default:
		}
		release()
		<-done

		begin := time.Now()
		v.Delay(50 * time.Millisecond)
		open(t, v, token, first)
		if took := time.Since(begin); took < 50*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		v.Delay(0)
	})

	t.Run("throttled", func(t *testing.T) {
		v.Throttle(t, "transit/", 0.01)
		v.Do(t, token, "POST", "transit/encrypt/k", map[string]any{"plaintext": plaintext})
		refused(t, v, token, first, http.StatusTooManyRequests, "quota")
		v.Throttle(t, "transit/", 0)
		open(t, v, token, first)
	})

	t.Run("sealed", func(t *testing.T) {
		v.Seal(t)
		refused(t, v, token, first, http.StatusServiceUnavailable, "sealed")
		v.Unseal(t)
		open(t, v, token, first)
	})

	t.Run("dead and back", func(t *testing.T) {
		url := v.URL
		v.Proxy.Reset()
		v.Hold()
		cut := make(chan error)
		go func() {
			resp, err := http.Get(url + "/v1/sys/seal-status")
			if err == nil {
				resp.Body.Close()
			}
			cut <- err
		}()
		for v.Proxy.Count() == 0 {
			time.Sleep(time.Millisecond)
		}
		v.Kill()
		v.Kill()
		if err := <-cut; err == nil {
			t.Error("a server that died answered")
		}
		v.Proxy.Inject(nil)
		if c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
			c.Close()
			t.Error("a dead server accepts connections")
		}
		v.Restart(t)
		if v.URL != url {
			t.Errorf("came back at %s", v.URL)
		}
		entries := len(v.AuditLog(t))
		open(t, v, token, first)
		if added := len(v.AuditLog(t)) - entries; added != 2 {
			t.Errorf("%d new entries in the audit log", added)
		}
	})

	t.Run("rotated and deleted key", func(t *testing.T) {
		v.RotateKey(t, "k")
		if second := encrypt(t, v, token); !strings.HasPrefix(second, "vault:v2:") {
			t.Errorf("ciphertext %.9s", second)
		}
		open(t, v, token, first)
		v.SetMinDecryptionVersion(t, "k", 2)
		refused(t, v, token, first, http.StatusBadRequest, "too old")
		v.DeleteKey(t, "k")
		refused(t, v, token, first, http.StatusBadRequest, "not found")
	})
}

// TestLogins logs in the ways a program can.
func TestLogins(t *testing.T) {
	v := vault.Start(t, vault.Options{ClientCertificate: true})
	v.CreateKey(t, "k", false)
	v.WritePolicy(t, "use", usePolicy)
	issued := vault.Token{Policies: []string{"use"}, TTL: time.Minute, MaxTTL: time.Hour}

	login := func(method string, body map[string]any) vault.Answer {
		return v.Do(t, "", "POST", "auth/"+method+"/login", body)
	}
	works := func(a vault.Answer) {
		t.Helper()
		if a.Status != http.StatusOK || a.Auth.Lease != 60 {
			t.Fatalf("logging in: %d %v for %d s", a.Status, a.Errors, a.Auth.Lease)
		}
		encrypt(t, v, a.Auth.Token)
	}

	role := v.CreateAppRole(t, "gateway", issued)
	byRole := login("approle", map[string]any{"role_id": role.RoleID, "secret_id": role.SecretID})
	works(byRole)
	v.RevokeLogins(t, "approle")
	refused(t, v, byRole.Auth.Token, "vault:v1:", http.StatusForbidden, "permission denied")

	v.CreateKubernetesRole(t, "gateway", "prod", "s3", issued)
	jwt := v.JWT("prod", "s3")
	works(login("kubernetes", map[string]any{"role": "gateway", "jwt": jwt}))
	v.ForgetJWT(jwt)
	for _, jwt := range []string{jwt, v.JWT("prod", "other"), v.JWT("dev", "s3")} {
		if a := login("kubernetes", map[string]any{"role": "gateway", "jwt": jwt}); a.Status != http.StatusForbidden {
			t.Errorf("logging in: %d %v", a.Status, a.Errors)
		}
	}

	strange := v.TLSConfig(t)
	strange.Certificates = nil
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: strange, DisableKeepAlives: true}}
	if resp, err := client.Get(v.URL + "/v1/sys/seal-status"); err == nil {
		resp.Body.Close()
		t.Error("connected without a certificate")
	}
}
