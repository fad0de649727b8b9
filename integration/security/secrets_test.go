package security_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestLogs sends all kinds of secrets, succeeding and failing, and looks for
// them in everything that Caddy logs of its own accord: all but the access
// log, which the examples configure.
func TestLogs(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := bytes.Repeat([]byte("The content is a secret, too. "), 5000)
		customerKey := base64.StdEncoding.EncodeToString(body(32, 1))
		const token = "session-token-that-is-secret"
		e.Put(t, e.bucket, "k", content)
		u := e.presigners(t)["minio-go"](t, http.MethodGet, "k", time.Minute)
		if status, got := e.plain(t, http.MethodGet, u, nil); status != http.StatusOK || !bytes.Equal(got, content) {
			t.Fatalf("status %d", status)
		}
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		signature := parsed.Query().Get("X-Amz-Signature")

		target := "/" + e.bucket + "/k"
		sse := wire.Header(
			"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256",
			"X-Amz-Server-Side-Encryption-Customer-Key", customerKey,
			"X-Amz-Server-Side-Encryption-Customer-Key-Md5", wire.MD5(body(32, 1)))
		copySource := wire.Header("X-Amz-Copy-Source", target)
		for name, values := range sse {
			copySource[strings.Replace(name, "X-Amz-Server", "X-Amz-Copy-Source-Server", 1)] = values
		}
		for _, r := range []wire.Request{
			{Method: "PUT", Target: target + "2", Body: content, Header: sse},
			{Method: "GET", Target: target, Header: sse},
			{Method: "HEAD", Target: target, Header: sse},
			{Method: "PUT", Target: target + "2", Header: copySource},
			{Method: "GET", Target: target, Header: wire.Header("X-Amz-Security-Token", token)},
			{Method: "GET", Target: "/" + e.bucket, Header: wire.Header("X-Amz-Security-Token", token)},
			{Method: "GET", Target: target + "?X-Amz-Security-Token=" + token},
			{Method: "GET", Target: parsed.RequestURI() + "&X-Amz-Security-Token=" + token, Anonymous: true},
			{Method: "PUT", Target: target, Body: content, Header: wire.Header("Content-Md5", wire.MD5(nil))},
		} {
			e.Do(t, r)
		}
		// What goes wrong is logged with more.
		for _, fault := range []store.Fault{
			{Body: store.FlipByte(100)},
			{Body: store.FlipByte(100_000)},
			{CutResponse: 100_000},
			{Header: func(h http.Header) { h.Set(envelopeHeader, "AAAA") }},
			{Replace: func(*http.Request) *http.Response { panic(http.ErrAbortHandler) }},
			{Replace: func(*http.Request) *http.Response { return store.Response(500, nil, "") }},
		} {
			e.proxy.Inject(store.Always("", fault))
			e.Get(t, e.bucket, "k")
			e.Do(t, wire.Request{Method: "PUT", Target: target, Body: content})
		}
		e.proxy.Inject(nil)

		log := e.logged(t)
		if !strings.Contains(log, `"level":"debug"`) || !strings.Contains(log, `"msg":"request failed"`) {
			t.Error("the log is not what was expected")
		}
		master := e.masterKey(t)
		raw, err := base64.StdEncoding.DecodeString(master)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{
			"client's secret":        site.SecretKey,
			"store's secret":         e.store.SecretKey,
			"master key":             master,
			"master key in hex":      hex.EncodeToString(raw),
			"customer key":           customerKey,
			"session token":          token,
			"presigned URL":          signature,
			"content":                "is a secret, too",
			"signature to the store": "Signature=",
		} {
			if i := strings.Index(log, secret); i >= 0 {
				t.Errorf("the log shows the %s: …%s…", what, log[max(0, i-300):min(len(log), i+100)])
			}
		}
	})
}

// masterKey reads the site's master key from the file that its configuration
// names.
func (e *endpoint) masterKey(t *testing.T) string {
	t.Helper()
	_, line, _ := strings.Cut(e.site.Caddyfile(site.Options{}), "master_key test `{file.")
	name, _, _ := strings.Cut(line, "}`")
	key, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}
