package modes_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestCustomerKeyIsNowhere uses customer keys in every way, with everything
// logged that can be, and looks for them in all that Caddy writes: logs, the
// access log as the example has it, answers, metrics, and what Go prints of
// every goroutine when it crashes.
func TestCustomerKeyIsNowhere(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{TLS: true})
	metrics, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	snippet := logFormat(t)
	p := startProcess(t, e, site.Options{TLS: true, Handler: e.system},
		"level ERROR", "level DEBUG\n\t\timport s3_log_format",
		"s3_sse {", "log {\n\t\timport s3_log_format\n\t}\n\ts3_sse {",
		"{\n\tadmin off", snippet+"\n{\n\tadmin off\n\tmetrics",
		"\nhttps://", "\nhttp://"+metrics+" {\n\tmetrics\n}\nhttps://")

	key, another := customerKey(0xd7), customerKey(0xd8)
	good := customer(key)
	target := wire.Target(e.bucket, "k", "")
	copied := with(good, "X-Amz-Copy-Source", target)
	for name, values := range good {
		copied[strings.Replace(name, "X-Amz-Server", "X-Amz-Copy-Source-Server", 1)] = values
	}
	var answers strings.Builder
	send := func(method, target string, h http.Header, body []byte) wire.Answer {
		a := p.Do(t, wire.Request{Method: method, Target: target, Header: h, Body: body})
		fmt.Fprintf(&answers, "%v\n", a.Header)
		if a.Status >= http.StatusBadRequest {
			fmt.Fprintf(&answers, "%s\n", a.Body)
		}
		return a
	}
	if a := send("PUT", target, good, content); a.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", a.Status, a.Body)
	}
	if a := send("GET", target, good, nil); a.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", a.Status, a.Body)
	}
	query := make(url.Values)
	for name := range good {
		query.Set(name, good.Get(name))
	}
	for _, h := range []http.Header{
		good, customer(another), with(good, headerAlgorithm, "x"), with(good, headerKeyMD5, "x"), without(good, headerAlgorithm),
		with(good, headerKey, good.Get(headerKey)+"="), with(good, headerKey, " "+good.Get(headerKey)+"AAAA"), with(good, headerSSE, "aws:kms"), with(good, "Range", "bytes=7-"),
		with(good, headerSSE, good.Get(headerKey)[:10]), with(good, "If-Match", `"x"`),
	} {
		send("GET", target, h, nil)
		send("HEAD", target, h, nil)
		send("PUT", target, h, content)
		send("POST", target+"?uploads", h, nil)
		send("GET", wire.Target(e.bucket, "missing", ""), h, nil)
		send("GET", wire.Target("no-such-bucket", "k", ""), h, nil)
	}
	send("PUT", wire.Target(e.bucket, "k2", ""), copied, nil)
	send("GET", target+"?attributes", with(good, "X-Amz-Object-Attributes", "ETag"), nil)
	send("GET", target+"?"+query.Encode(), nil, nil)
	send("GET", wire.Target(e.bucket, "", ""), good, nil)
	send("DELETE", target, good, nil)

	resp, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	measured, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(measured), `sse="SSE-C"`) {
		t.Errorf("metrics: %v", err)
	}
	p.end(syscall.SIGABRT) // Go prints all goroutines
	output := p.said()
	for _, must := range []string{`"level":"debug"`, `"logger":"http.log.access`, "\ngoroutine 1 "} {
		if !strings.Contains(output, must) {
			t.Errorf("the output lacks %s", must)
		}
	}
	for where, text := range map[string]string{"output": output, "answers": answers.String(), "metrics": string(measured)} {
		for _, k := range [][]byte{key, another} {
			for _, form := range []string{
				base64.StdEncoding.EncodeToString(k)[:40], base64.RawURLEncoding.EncodeToString(k)[:40],
				url.QueryEscape(base64.StdEncoding.EncodeToString(k)[:40]),
				hex.EncodeToString(k), string(k), strings.Trim(fmt.Sprintf("%d", k), "[]"), strconv.Quote(string(k)),
			} {
				if i := strings.Index(text, form); i >= 0 {
					t.Errorf("a key is in the %s: …%s…", where, text[max(0, i-200):min(len(text), i+60)])
				}
			}
		}
	}
}

// logFormat returns the snippet of the example that keeps secrets out of logs.
func logFormat(t *testing.T) string {
	t.Helper()
	example, err := os.ReadFile("../../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(example), "(s3_log_format) {")
	body, _, found := strings.Cut(rest, "\n}\n")
	if !found {
		t.Fatal("the example has no snippet s3_log_format")
	}
	return "(s3_log_format) {" + body + "\n}\n"
}
