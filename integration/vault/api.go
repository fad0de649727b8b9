package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// Answer is Vault's answer to a request.
type Answer struct {
	Status    int            `json:"-"`
	RequestID string         `json:"request_id"`
	Data      map[string]any `json:"data"`
	Auth      struct {
		Token    string `json:"client_token"`
		Accessor string `json:"accessor"`
		Lease    int    `json:"lease_duration"` // seconds
	} `json:"auth"`
	Errors []string `json:"errors"`
}

// Do sends a request to s.URL, as a client with that token would; body becomes
// JSON unless nil. path is without /v1/. Only a request that got no answer is
// fatal.
func (s *Server) Do(t testing.TB, token, method, path string, body any) Answer {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: s.TLSConfig(t)}}
	status, answer, err := send(client, s.URL, token, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Status: status}
	decode(t, answer, &a)
	return a
}

// Admin sends a request with the root token, around the proxy, and returns the
// data of the answer. Anything but success is fatal.
func (s *Server) Admin(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	var a Answer
	s.ask(t, method, path, body, &a)
	return a.Data
}

func (s *Server) ask(t testing.TB, method, path string, body, into any) {
	t.Helper()
	status, answer, err := send(s.admin, "http://"+s.vaultAddr, s.RootToken, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if status/100 != 2 {
		t.Fatalf("%s %s: Vault answers %d: %s", method, path, status, answer)
	}
	decode(t, answer, into)
}

func decode(t testing.TB, answer []byte, into any) {
	t.Helper()
	if len(answer) == 0 {
		return // 204
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("decoding Vault's answer: %v", err)
	}
}

func send(client *http.Client, url, token, method, path string, body any) (status int, answer []byte, err error) {
	var encoded []byte
	if body != nil {
		if encoded, err = json.Marshal(body); err != nil {
			return 0, nil, fmt.Errorf("%s %s: encoding the body: %w", method, path, err)
		}
	}
	// A cleanup may have to ask when the test's context has ended.
	req, err := http.NewRequest(method, url+"/v1/"+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return resp.StatusCode, answer, nil
}

// CreateKey makes a transit key, 256-bit AES-GCM. A derived key demands a
// context with every use.
func (s *Server) CreateKey(t testing.TB, name string, derived bool) {
	t.Helper()
	s.Admin(t, "POST", "transit/keys/"+name, map[string]any{"derived": derived})
}

// RotateKey gives a transit key another version, to be used from then on.
func (s *Server) RotateKey(t testing.TB, name string) {
	t.Helper()
	s.Admin(t, "POST", "transit/keys/"+name+"/rotate", nil)
}

// SetMinDecryptionVersion makes ciphertexts of versions before that one
// unreadable.
func (s *Server) SetMinDecryptionVersion(t testing.TB, name string, version int) {
	t.Helper()
	s.Admin(t, "POST", "transit/keys/"+name+"/config", map[string]any{"min_decryption_version": version})
}

// DeleteKey removes a transit key for good.
func (s *Server) DeleteKey(t testing.TB, name string) {
	t.Helper()
	s.Admin(t, "POST", "transit/keys/"+name+"/config", map[string]any{"deletion_allowed": true})
	s.Admin(t, "DELETE", "transit/keys/"+name, nil)
}

// WritePolicy makes or replaces a policy. From then on it holds for every token
// that has it.
func (s *Server) WritePolicy(t testing.TB, name, hcl string) {
	t.Helper()
	s.Admin(t, "PUT", "sys/policies/acl/"+name, map[string]any{"policy": hcl})
}

// Throttle makes Vault answer 429 to all but that many requests a second to a
// path such as "transit/"; "" stands for all. 0 ends that.
func (s *Server) Throttle(t testing.TB, path string, perSecond float64) {
	t.Helper()
	if perSecond == 0 {
		s.Admin(t, "DELETE", "sys/quotas/rate-limit/test", nil)
		return
	}
	s.Admin(t, "POST", "sys/quotas/rate-limit/test", map[string]any{
		"path": path, "rate": perSecond, "interval": time.Second.String(),
	})
}
