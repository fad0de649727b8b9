package sigv4

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const (
	testKey    = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testRegion = "us-east-1"
)

var testNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func mustSecret(t testing.TB, s string) Secret {
	t.Helper()
	secret, err := NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func testCredential(t testing.TB) Credential {
	return Credential{testKey, mustSecret(t, testSecret)}
}

// newVerifier knows one credential.
func newVerifier(t testing.TB, accessKey, secret string, now time.Time) *Verifier {
	s := mustSecret(t, secret)
	return &Verifier{
		Lookup: func(k string) (Secret, bool) {
			if k == accessKey {
				return s, true
			}
			return Secret{}, false
		},
		Now: func() time.Time { return now },
	}
}

func testVerifier(t testing.TB) *Verifier { return newVerifier(t, testKey, testSecret, testNow) }

// overTheWire writes a request and reads it back as a server does. A nil error
// of http.ReadRequest is demanded.
func overTheWire(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatalf("writing the request: %v", err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("reading the request back: %v", err)
	}
	return got
}

func verify(v *Verifier, r *http.Request) (*Auth, error) {
	return v.Verify(r, r.RequestURI, r.Header)
}

// newRequest makes an outbound request for a raw path and query.
func newRequest(t testing.TB, method, rawTarget string, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, "http://store.example:9000"+rawTarget, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed returns a signed request as the server sees it.
func signed(t testing.TB, method, rawTarget, payload, body string, headers ...string) *http.Request {
	t.Helper()
	r := newRequest(t, method, rawTarget, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	var s Signer
	s.Sign(r, testCredential(t), testRegion, payload, testNow)
	return overTheWire(t, r)
}

// code returns the code of an error, "ok" for none.
func code(err error) string {
	if err == nil {
		return "ok"
	}
	var e *s3api.Error
	if !errors.As(err, &e) {
		return "not an s3api.Error: " + err.Error()
	}
	return e.Code
}
