package caddymodule

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

// accessLog returns the entries of a log, by the URI of the request.
func accessLog(t *testing.T, path string) map[string]map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := make(map[string]map[string]any)
	for line := range strings.Lines(string(data)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		request, _ := entry["request"].(map[string]any)
		method, _ := request["method"].(string)
		uri, _ := request["uri"].(string)
		entries[method+" "+uri] = entry
	}
	return entries
}

func TestAccessLogFields(t *testing.T) {
	secretEnv(t)
	store := newFakeStore(t)
	log := filepath.Join(t.TempDir(), "access.log")
	js := siteJSON(t, "", "http://:8080 {\nlog {\noutput file "+log+"\n}\n"+directive("upstream "+store.URL)+"}\n")
	base := "http://" + load(t, js)
	mustDo(t, http.DefaultClient, http.MethodPut, base+"/bucket/key", "data", nil)
	do(t, http.DefaultClient, http.MethodGet, base+"/bucket/missing", "", nil)
	if resp, err := http.Get(base + "/bucket/anonymous"); err != nil {
		t.Fatal(err)
	} else {
		_ = resp.Body.Close()
	}
	_ = caddy.Stop()

	entries := accessLog(t, log)
	for request, want := range map[string]map[string]any{
		"PUT /bucket/key": {
			"s3_operation": "PutObject", "s3_bucket": "bucket", "s3_access_key": "AKIDALICE", "s3_sse": "SSE-S3", "user_id": "AKIDALICE",
		},
		"GET /bucket/missing": {
			"s3_operation": "GetObject", "s3_bucket": "bucket", "s3_access_key": "AKIDALICE", "s3_error": "NoSuchKey", "user_id": "AKIDALICE",
		},
		"GET /bucket/anonymous": {
			"s3_operation": "GetObject", "s3_bucket": "bucket", "s3_error": "AccessDenied", "user_id": "",
		},
	} {
		got := make(map[string]any)
		for name, value := range entries[request] {
			if strings.HasPrefix(name, "s3_") || name == "user_id" {
				got[name] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", request, diff)
		}
	}
}

// exampleJSON adapts an example with its files under dir, serving plain HTTP
// on a free port, with the store elsewhere.
func exampleJSON(t *testing.T, file, dir, store string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, old := range []string{"127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"} {
		text = strings.ReplaceAll(text, old, store)
	}
	text = strings.NewReplacer(
		"/etc/caddy/", dir+"/",
		"/var/log/caddy/", dir+"/",
		"\ts3.example.com", "",
		"s3.example.com {", "http://:8080 {",
		"\n{\n", "\n{\n\tadmin off\n\tpersist_config off\n\tstorage file_system "+dir+"/storage\n",
		"\tlog {\n\t\timport s3_log_format\n\t}\n\n\tservers", "\tlog {\n\t\toutput file "+dir+"/caddy.log\n\t\timport s3_log_format\n\t\tlevel DEBUG\n\t}\n\n\tservers",
		"\tlog {\n\t\texclude", "\tlog {\n\t\toutput file "+dir+"/caddy.log\n\t\tlevel DEBUG\n\t\texclude",
	).Replace(text)
	js, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Error("warning:", w)
		}
	}
	return []byte(strings.ReplaceAll(string(js), `":8080"`, `"127.0.0.1:0"`))
}

// TestExamples loads the examples as they are but for places, sends what must
// not be logged, and looks for it in everything that Caddy wrote.
func TestExamples(t *testing.T) {
	for _, file := range []string{"Caddyfile.example", "Caddyfile.proxy.example"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			store := newFakeStore(t)
			key := localkeys.Generate("2026")
			keys := localkeys.FormatFile([]localkeys.Key{key}, key.ID)
			for name, data := range map[string]string{
				"s3-master-keys":  string(keys),
				"s3-clients.json": `{"credentials": [{"access_key": "AKIDALICE", "secret_key": "` + clientSecret + `"}]}`,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("S3_STORE_ACCESS_KEY", "gateway")
			t.Setenv("S3_STORE_SECRET_KEY", storeSecret)
			base := "http://" + load(t, exampleJSON(t, file, dir, store.host()))

			mustDo(t, http.DefaultClient, http.MethodPut, base+"/bucket/key", "data", nil)
			secrets := http.Header{
				"X-Amz-Server-Side-Encryption-Customer-Key":             {"SECRET-customer-key"},
				"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key": {"SECRET-copy-source-key"},
				"X-Amz-Security-Token":                                  {"SECRET-token"},
				"Referer":                                               {"https://s3.example.com/b/k?X-Amz-Signature=SECRET-referer"},
				"Cookie":                                                {"SECRET-cookie"},
			}
			do(t, http.DefaultClient, http.MethodGet, base+"/bucket/key", "", secrets)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256"+
				"&X-Amz-Credential=SECRET-credential&X-Amz-Signature=SECRET-signature&X-Amz-Security-Token=SECRET-query-token"+
				"&X-Amz-Server-Side-Encryption-Customer-Key=SECRET-1&x-amz-server-side-encryption-customer-key=SECRET-2"+
				"&X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=SECRET-3&x-amz-copy-source-server-side-encryption-customer-key=SECRET-4"+
				"&Signature=SECRET-5&kept=visible", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "SECRET-authorization")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if err := caddy.Stop(); err != nil {
				t.Fatal(err)
			}

			for _, name := range []string{"s3-access.log", "caddy.log"} {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if name == "s3-access.log" && (strings.Count(string(data), "\n") != 3 || !strings.Contains(string(data), "visible")) {
					t.Errorf("%s is not what was expected:\n%s", name, data)
				}
				if i := strings.Index(string(data), "SECRET-"); i >= 0 {
					t.Errorf("%s shows %.40q", name, data[i:])
				}
				for _, secret := range []string{clientSecret, storeSecret, strings.Fields(string(keys[strings.Index(string(keys), "\nkey"):]))[2]} {
					if strings.Contains(string(data), secret) {
						t.Errorf("%s shows %s", name, secret)
					}
				}
			}
		})
	}
}

// TestConfigShowsNoSecret looks for secrets, given as placeholders, in all
// that can be seen of a config.
func TestConfigShowsNoSecret(t *testing.T) {
	masterKey := secretEnv(t)
	store := newFakeStore(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "admin.sock")
	js := siteJSON(t, "log {\noutput file "+dir+"/caddy.log\nlevel DEBUG\n}\nservers {\ntrace\n}\n",
		"http://:8080 {\nlog {\noutput file "+dir+"/access.log\n}\n"+directive("upstream "+store.URL)+"}\n")
	js = []byte(strings.Replace(string(js), `"disabled":true`, `"listen":"unix/`+socket+`"`, 1))
	base := "http://" + load(t, js)
	mustDo(t, http.DefaultClient, http.MethodPut, base+"/bucket/key", "data", nil)
	mustDo(t, http.DefaultClient, http.MethodGet, base+"/bucket/key", "", nil)

	admin := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/config/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = ""
	resp, err := admin.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var config strings.Builder
	if err := resp.Write(&config); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(config.String(), "{env.TEST_MASTER_KEY}") {
		t.Fatalf("not the config: %s", config.String())
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	logs := readTree(t, dir)
	if !strings.Contains(logs, `"http.log.trace"`) || !strings.Contains(logs, "{env.TEST_MASTER_KEY}") {
		t.Error("the logs are not what was expected:", logs)
	}
	for name, text := range map[string]string{"adapted JSON": string(js), "/config/": config.String(), "logs": logs} {
		for _, secret := range []string{clientSecret, storeSecret, masterKey} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s", name, secret)
			}
		}
	}
}
