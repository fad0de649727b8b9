package vaultkeys

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// Whatever Vault answers, results are within their bounds and errors have a class.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, `{"data":null}`, `{"errors":["invalid token"]}`, `{"errors":["encryption key not found"]}`, `{"errors":null}`,
		`{"data":{"ciphertext":"vault:v1:AAAA","key_version":1}}`, `{"data":{"plaintext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="}}`,
		`{"data":{"batch_results":[{"ciphertext":"vault:v1:AAAA"}]}}`, `{"data":{"batch_results":[{"error":"x"}]}}`,
		`{"data":{"latest_version":1,"derived":true}}`, `{"data":{"capabilities":["update"]}}`,
		`{"auth":{"client_token":"t","lease_duration":-1,"renewable":true}}`, `{"data":{"ttl":9223372036854775807}}`,
	} {
		for _, status := range []int{200, 204, 400, 403, 404, 429, 503} {
			f.Add(status, body, "1")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 200 || status > 599 || strings.ContainsAny(after, "\r\n") {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			tr, _ := open(t, canned(status, "Retry-After: "+after, body), appRole())
			w, err := tr.Wrap(t.Context(), "key", encryptor.NewKey(), nil)
			if n := len(w.Ciphertext); (n == 0) != (err != nil) || n > kms.MaxWrapped || err == nil && w.Version < 1 {
				t.Errorf("%+v, %v", w, err)
			}
			if k, _, err := tr.Unwrap(t.Context(), "key", []byte("vault:v1:AAAA"), nil); err != nil && !k.IsZero() {
				t.Errorf("a key with %v", err)
			}
			if out, err := tr.Rewrap(t.Context(), "key", []kms.Item{{Wrapped: []byte("vault:v1:AAAA")}}); (len(out) == 1) != (err == nil) {
				t.Errorf("%+v, %v", out, err)
			}
			for operation, err := range operations(t, tr) {
				classified := err == nil
				for _, class := range []error{kms.ErrKeyNotFound, kms.ErrKeyState, kms.ErrAccessDenied, kms.ErrCiphertext, kms.ErrThrottled, kms.ErrUnavailable} {
					classified = classified || errors.Is(err, class)
				}
				if !classified || kms.RetryAfter(err) > 24*time.Hour {
					t.Errorf("%s: %v, try again after %v", operation, err, kms.RetryAfter(err))
				}
			}
		})
	})
}

// Whatever a login answers.
func FuzzLogin(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `{"auth":null}`, `{"auth":{"client_token":"t","lease_duration":1}}`, `{"auth":{"client_token":"a\r\nb"}}`,
		`{"auth":{"client_token":"t","lease_duration":9223372036854775807,"renewable":true}}`, `{"errors":["x"]}`, `{"data":{"ttl":-1}}`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			for _, auth := range []Auth{appRole(), Token(Value("t"))} {
				tr, _ := open(t, &fake{fault: func(w http.ResponseWriter, _ *http.Request) bool {
					w.WriteHeader(status)
					reply(w, body)
					return true
				}}, auth)
				token, err := tr.session.token(t.Context())
				if (token == "") != (err != nil) || err != nil && !errors.Is(err, kms.ErrUnavailable) {
					t.Errorf("%q, %v", token, err)
				}
			}
		})
	})
}
