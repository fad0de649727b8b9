package modes_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// overTrustedProxy makes a site take the word of proxies on this machine.
var overTrustedProxy = site.Options{Global: "servers {\n\ttrusted_proxies static 127.0.0.0/8 ::1/128\n}"}

// eachWay runs test with the two ways by which requests can be secure: TLS to
// the site itself, and TLS to a proxy that it trusts. Of the latter, forwarded
// are the headers.
func eachWay(t *testing.T, handler string, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	t.Run("TLS", func(t *testing.T) {
		test(t, start(t, store.MinIO(t), site.Options{TLS: true, Handler: handler}))
	})
	t.Run("trusted proxy", func(t *testing.T) {
		o := overTrustedProxy
		o.Handler = handler
		e := start(t, store.MinIO(t), o)
		e.HTTP.Transport = forwarding{e.HTTP.Transport, "https"}
		test(t, e)
	})
}

// forwarding is a proxy that says which protocol the client speaks.
type forwarding struct {
	http.RoundTripper
	proto string
}

func (f forwarding) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-Proto", f.proto)
	return f.RoundTripper.RoundTrip(r)
}

const (
	provide = "Requests specifying Server Side Encryption with Customer provided keys must provide "
	needed  = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
	wrong   = provide + "the correct secret key."
	useless = "The encryption parameters are not applicable to this object."
)

// without returns the headers without some.
func without(h http.Header, names ...string) http.Header {
	h = h.Clone()
	for _, name := range names {
		h.Del(name)
	}
	return h
}

// with returns the headers with another value.
func with(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// malformed are headers of SSE-C that are wrong in themselves, in the order in
// which Amazon S3 looks for mistakes. Each but the first has those after it as
// well, where that is possible.
var malformed = func() []struct {
	name           string
	header         http.Header
	code, text     string
	argument       string // ArgumentValue; "-" for none
	notWithReading bool
} {
	good := customer(customerKey(1))
	short := base64.StdEncoding.EncodeToString(customerKey(1)[:31])
	long := base64.StdEncoding.EncodeToString(append(customerKey(1), 0))
	twice := base64.StdEncoding.EncodeToString([]byte(good.Get(headerKey)))
	return []struct {
		name           string
		header         http.Header
		code, text     string
		argument       string
		notWithReading bool
	}{
		{"with AES256", with(with(good, headerSSE, "AES256"), headerAlgorithm, "x"), "InvalidArgument", "is incompatible with the encryption method specified", "AES256", true},
		{"with aws:kms", with(with(good, headerSSE, "aws:kms"), headerKey, "x"), "InvalidArgument", "is incompatible with the encryption method specified", "aws:kms", true},
		{"with another one", with(good, headerSSE, "none"), "InvalidArgument", "is incompatible with the encryption method specified", "none", true},
		{"no algorithm", with(without(good, headerAlgorithm), headerKey, "x"), "InvalidArgument", provide + "a valid encryption algorithm.", "-", false},
		{"only MD5", without(good, headerAlgorithm, headerKey), "InvalidArgument", provide + "a valid encryption algorithm.", "-", false},
		{"no key", with(without(good, headerKey), headerAlgorithm, "x"), "InvalidArgument", provide + "an appropriate secret key.", "-", false},
		{"only algorithm", without(good, headerKey, headerKeyMD5), "InvalidArgument", provide + "an appropriate secret key.", "-", false},
		{"no MD5", with(without(good, headerKeyMD5), headerKey, "x"), "InvalidArgument", provide + "the client calculated MD5 of the secret key.", "-", false},
		{"empty key", with(good, headerKey, ""), "InvalidArgument", "too short", "-", false},
		{"short key", with(with(good, headerKey, short), headerAlgorithm, "x"), "InvalidArgument", "The secret key was invalid for the specified algorithm.", "-", false},
		{"long key", with(good, headerKey, long), "InvalidArgument", "The secret key was invalid for the specified algorithm.", "-", false},
		{"key encoded twice", with(good, headerKey, twice), "InvalidArgument", "The secret key was invalid for the specified algorithm.", "-", false},
		{"key not base64", with(good, headerKey, strings.Repeat("*", 44)), "InvalidArgument", "The secret key was invalid for the specified algorithm.", "-", false},
		{"algorithm", with(with(good, headerAlgorithm, "AES128"), headerKeyMD5, "*"), "InvalidEncryptionAlgorithmError", "Supported value: AES256.", "AES128", false},
		{"algorithm in lower case", with(good, headerAlgorithm, "aes256"), "InvalidEncryptionAlgorithmError", "Supported value: AES256.", "aes256", false},
		{"MD5 not base64", with(good, headerKeyMD5, "*"), "InvalidArgument", "The MD5 hash of the secret key was improperly encoded.", "-", false},
		{"MD5 of another key", with(good, headerKeyMD5, customer(customerKey(2)).Get(headerKeyMD5)), "InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.", "-", false},
		{"empty MD5", with(good, headerKeyMD5, ""), "InvalidArgument", "did not match", "-", false},
	}
}()

// TestCustomerKeys writes and reads with keys that are right, wrong, missing,
// superfluous and malformed.
func TestCustomerKeys(t *testing.T) {
	eachWay(t, "", func(t *testing.T, e *endpoint) {
		good := customer(customerKey(1))
		put := e.try(t, e.bucket, "customer", good)
		if put.Status != http.StatusOK {
			t.Fatalf("status %d\n%s", put.Status, put.Body)
		}
		if etag := strings.Trim(put.Header.Get("Etag"), `"`); etag == md5Hex(content) || etag == "" {
			t.Errorf("ETag %s", etag)
		}
		if again := e.try(t, e.bucket, "customer", good); again.Header.Get("Etag") == put.Header.Get("Etag") {
			t.Error("the same content has the same ETag again")
		}
		if a := e.try(t, e.bucket, "plain", nil); a.Status != http.StatusOK {
			t.Fatalf("status %d", a.Status)
		}
		for _, m := range malformed {
			a := e.try(t, e.bucket, "refused", m.header)
			fails(t, "PUT, "+m.name, a, http.StatusBadRequest, m.code, m.text)
			argument(t, "PUT, "+m.name, a, m.argument)
			if m.notWithReading {
				continue
			}
			for _, key := range []string{"customer", "plain"} {
				a := e.get(t, e.bucket, key, m.header)
				fails(t, "GET "+key+", "+m.name, a, http.StatusBadRequest, m.code, m.text)
				argument(t, "GET, "+m.name, a, m.argument)
				bare(t, "HEAD "+key+", "+m.name, e.head(t, e.bucket, key, m.header), http.StatusBadRequest)
			}
		}
		if a := e.get(t, e.bucket, "refused", nil); a.Status != http.StatusNotFound {
			t.Errorf("what was refused was written: status %d", a.Status)
		}

		for _, test := range []struct {
			name, key  string
			header     http.Header
			status     int
			code, text string
		}{
			{"missing", "customer", nil, 400, "InvalidRequest", needed},
			{"wrong", "customer", customer(customerKey(2)), 403, "AccessDenied", wrong},
			{"superfluous", "plain", good, 400, "InvalidRequest", useless},
		} {
			for _, ranged := range []string{"", "bytes=65000-66000", "bytes=-1"} {
				h := test.header.Clone()
				if ranged != "" {
					if h == nil {
						h = make(http.Header)
					}
					h.Set("Range", ranged)
				}
				fails(t, "GET "+ranged+", "+test.name, e.get(t, e.bucket, test.key, h), test.status, test.code, test.text)
				bare(t, "HEAD "+ranged+", "+test.name, e.head(t, e.bucket, test.key, h), test.status)
			}
		}

		e.reads(t, e.bucket, "customer", good)
		for _, r := range []struct {
			header   string
			from, to int
		}{{"bytes=0-0", 0, 1}, {"bytes=65530-65540", 65530, 65541}, {"bytes=-5", len(content) - 5, len(content)}} {
			a := e.get(t, e.bucket, "customer", with(good, "Range", r.header))
			if a.Status != http.StatusPartialContent || !bytes.Equal(a.Body, content[r.from:r.to]) || a.Header.Get(headerKeyMD5) != good.Get(headerKeyMD5) {
				t.Errorf("%s: status %d, %d bytes", r.header, a.Status, len(a.Body))
			}
		}
		if a := e.head(t, e.bucket, "customer", good); a.Status != http.StatusOK || a.Length != int64(len(content)) {
			t.Errorf("HEAD: status %d, length %d", a.Status, a.Length)
		}
		// Whoever may delete needs no key.
		e.Expect(t, http.StatusNoContent, wire.Request{Method: http.MethodDelete, Target: wire.Target(e.bucket, "customer", "")})
	})
}

// argument checks the ArgumentValue of an error.
func argument(t *testing.T, what string, a wire.Answer, want string) {
	t.Helper()
	if !bytes.Contains(a.Body, []byte("<ArgumentName>x-amz-server-side-encryption</ArgumentName>")) {
		t.Errorf("%s: no ArgumentName\n%s", what, a.Body)
	}
	if want == "-" {
		if bytes.Contains(a.Body, []byte("<ArgumentValue>")) {
			t.Errorf("%s: an ArgumentValue\n%s", what, a.Body)
		}
	} else if !bytes.Contains(a.Body, []byte("<ArgumentValue>"+want+"</ArgumentValue>")) {
		t.Errorf("%s: the ArgumentValue is not %q\n%s", what, want, a.Body)
	}
}

// bare checks the answer to HEAD, which has a status and nothing else.
func bare(t *testing.T, what string, a wire.Answer, status int) {
	t.Helper()
	if a.Status != status || len(a.Body) != 0 || a.Header.Get("Etag") != "" || a.Header.Get(headerAlgorithm) != "" {
		t.Errorf("%s: status %d, want %d; %v", what, a.Status, status, a.Header)
	}
}

// TestInsecure sends keys, and asks for what is encrypted with keys, over plain
// HTTP.
func TestInsecure(t *testing.T) {
	const unsafe = "must be made over a secure connection."
	for name, test := range map[string]struct {
		o     site.Options
		proto string
	}{
		"plain":                        {},
		"a proxy that nobody trusts":   {proto: "https"},
		"a trusted proxy over HTTP":    {o: overTrustedProxy, proto: "http"},
		"a trusted proxy says nothing": {o: overTrustedProxy},
		"a chain with a gap":           {o: overTrustedProxy, proto: "https, http"},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, store.MinIO(t), test.o)
			if test.proto != "" {
				e.HTTP.Transport = forwarding{e.HTTP.Transport, test.proto}
			}
			good := customer(customerKey(1))
			fails(t, "PUT", e.try(t, e.bucket, "k", good), http.StatusBadRequest, "InvalidRequest", unsafe)
			if a := e.try(t, e.bucket, "k", nil); a.Status != http.StatusOK {
				t.Errorf("without a key: status %d", a.Status)
			}
			fails(t, "GET", e.get(t, e.bucket, "k", good), http.StatusBadRequest, "InvalidRequest", unsafe)
			bare(t, "HEAD", e.head(t, e.bucket, "k", good), http.StatusBadRequest)
			e.reads(t, e.bucket, "k", nil)
		})
	}
}
