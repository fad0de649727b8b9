package vaultkeys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// canned answers every operation with a key with a status and a body.
func canned(status int, header, body string) *fake {
	return &fake{fault: func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/transit/") {
			return false
		}
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		reply(w, body)
		return true
	}}
}

// operations calls everything that a Transit does, with good arguments.
func operations(t testing.TB, tr *Transit) map[string]error {
	t.Helper()
	_, wrap := tr.Wrap(t.Context(), "key", encryptor.NewKey(), nil)
	_, _, unwrap := tr.Unwrap(t.Context(), "key", []byte("vault:v1:AAAA"), nil)
	_, rewrap := tr.Rewrap(t.Context(), "key", []kms.Item{{Wrapped: []byte("vault:v1:AAAA")}})
	_, describe := tr.Describe(t.Context(), "key")
	return map[string]error{"encrypt": wrap, "decrypt": unwrap, "rewrap": rewrap, "keys": describe}
}

// What Vault is sent.
func TestRequests(t *testing.T) {
	key := encryptor.NewKey()
	text := base64.StdEncoding.EncodeToString(key[:])
	for name, tt := range map[string]struct {
		call         func(*Transit)
		answer, want string
	}{
		"encrypt": {
			func(tr *Transit) {
				w, err := tr.Wrap(t.Context(), "key", key, []byte(`{"a":"b"}`))
				if err != nil || string(w.Ciphertext) != "vault:v12:AAAA" || w.Version != 12 || w.RequestID != "r" {
					t.Errorf("%+v, %v", w, err)
				}
			},
			`{"request_id":"r","data":{"ciphertext":"vault:v12:AAAA","key_version":12}}`,
			`POST /v1/transit/encrypt/key {"plaintext":"` + text + `","context":"eyJhIjoiYiJ9","type":"none"}`,
		},
		"decrypt": {
			func(tr *Transit) {
				k, c, err := tr.Unwrap(t.Context(), "key", []byte("vault:v12:AAAA"), nil)
				if err != nil || !k.Equal(key) || c != (kms.Call{Version: 12, RequestID: "r"}) {
					t.Errorf("%+v, %v", c, err)
				}
			},
			`{"request_id":"r","data":{"plaintext":"` + text + `"}}`,
			`POST /v1/transit/decrypt/key {"ciphertext":"vault:v12:AAAA","context":"e30="}`,
		},
		"rewrap": {
			func(tr *Transit) {
				out, err := tr.Rewrap(t.Context(), "key", []kms.Item{
					{Wrapped: []byte("vault:v1:AAAA")}, {Wrapped: []byte("junk")}, {Wrapped: []byte("vault:v2:BBBB"), Context: []byte(`{"a":"b"}`)},
				})
				if err != nil || len(out) != 3 || string(out[0].Wrapped) != "vault:v3:CCCC" || out[0].Version != 3 ||
					!errors.Is(out[1].Err, kms.ErrCiphertext) || !errors.Is(out[2].Err, kms.ErrKeyState) {
					t.Errorf("%+v, %v", out, err)
				}
			},
			`{"data":{"batch_results":[{"ciphertext":"vault:v3:CCCC","key_version":3},
				{"error":"ciphertext or signature version is disallowed by policy (too old)"}]}}`,
			`POST /v1/transit/rewrap/key {"batch_input":[{"ciphertext":"vault:v1:AAAA","context":"e30="},` +
				`{"ciphertext":"vault:v2:BBBB","context":"eyJhIjoiYiJ9"}]}`,
		},
		"keys": {
			func(tr *Transit) {
				info, err := tr.Describe(t.Context(), "key")
				if want := (kms.KeyInfo{LatestVersion: 4, MinDecryptionVersion: 2, Derived: true, Deleted: true}); err != nil || info != want {
					t.Errorf("%+v, %v", info, err)
				}
			},
			`{"data":{"latest_version":4,"min_decryption_version":2,"derived":true,"soft_deleted":true}}`,
			`GET /v1/transit/keys/key `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := canned(http.StatusOK, "", tt.answer)
			tr, _ := open(t, f, appRole())
			tt.call(tr)
			if got := fmt.Sprintf("%s %s %s", f.last.Method, f.last.URL.Path, f.body); got != tt.want {
				t.Errorf("sent\n%s, want\n%s", got, tt.want)
			}
			if f.last.Header.Get("X-Vault-Token") != "token-1" || f.last.Header.Get("X-Vault-Namespace") != "team/a" {
				t.Errorf("header %v", f.last.Header)
			}
		})
	}
}

// Names that are not sent.
func TestKeyNames(t *testing.T) {
	f := &fake{}
	tr, _ := open(t, f, appRole())
	for n := 1; n <= 70; n++ {
		_, err := tr.Wrap(t.Context(), strings.Repeat("k", n), encryptor.NewKey(), nil)
		if (n <= 64) != errors.Is(err, kms.ErrAccessDenied) || (n > 64) != errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("a name of %d characters: %v", n, err)
		}
	}
	n := f.count("")
	for c := range rune(0x250) {
		first, later := string(c), "k"+string(c)
		alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if validKey.MatchString(first) != alphanumeric || validKey.MatchString(later) != (alphanumeric || strings.ContainsRune("._-", c)) {
			t.Errorf("%q or %q", first, later)
		}
	}
	for _, name := range []string{"", ".", "..", "../keys/key", "key/../other", "key\n", "k%2e"} {
		if _, err := tr.Describe(t.Context(), name); !errors.Is(err, kms.ErrKeyNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if f.count("") != n {
		t.Error("a bad name was sent")
	}
}

func TestParseWrapped(t *testing.T) {
	for s, version := range map[string]int{
		"vault:v1:AAAA": 1, "vault:v2147483647:A": 1<<31 - 1, "vault:v10:AA==": 10,
		"vault:v01:AAAA": 0, "vault:v1:====": 0, "vault:v1:A=A=": 0, "vault:v1:AAAA\n": 0,
		"": 0, "vault": 0, "vault:": 0, "vault:v": 0, "vault:v1": 0, "vault:v1:": 0, "vault:v0:AAAA": 0, "vault:v-1:AAAA": 0, "vault:v+1:AAAA": 0,
		"vault:1:AAAA": 0, "vault:v1.0:AAAA": 0, "vault:v2147483648:A": 0, "Vault:v1:AAAA": 0, " vault:v1:AAAA": 0, "other:v1:AAAA": 0,
		"vault:v1:AA:A": 0, "vault:v1:AA\nAA": 0, "vault:v1:A\x00": 0, "vault:v1:\xff": 0,
	} {
		b, got, err := parseWrapped(s)
		if got != version || (err == nil) != (version > 0) || err == nil && string(b) != s {
			t.Errorf("%q: %q, %d, %v", s, b, got, err)
		}
	}
	for n := kms.MaxWrapped - 2; n <= kms.MaxWrapped+2; n++ {
		_, _, err := parseWrapped("vault:v1:" + strings.Repeat("A", n-len("vault:v1:")))
		if (err == nil) != (n <= kms.MaxWrapped) || err != nil && !errors.Is(err, kms.ErrKeyState) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// A key of which Vault makes something else than 32 bytes.
func TestUnwrapsToSomethingElse(t *testing.T) {
	for n := range 40 {
		body := fmt.Sprintf(`{"data":{"plaintext":%q}}`, base64.StdEncoding.EncodeToString(make([]byte, n)))
		tr, _ := open(t, canned(http.StatusOK, "", body), appRole())
		_, _, err := tr.Unwrap(t.Context(), "key", []byte("vault:v1:AAAA"), nil)
		if (n == encryptor.KeySize) != (err == nil) || err != nil && !errors.Is(err, kms.ErrCiphertext) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
