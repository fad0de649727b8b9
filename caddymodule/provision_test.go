package caddymodule

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

func randomKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// goodHandler is a config that can be provisioned.
func goodHandler() *Handler {
	return &Handler{
		Upstream:            "http://127.0.0.1:1",
		UpstreamCredentials: &UpstreamCredentials{AccessKey: "gateway", SecretKey: "{env.TEST_STORE_SECRET}"},
		MasterKeys:          map[string]string{"2026": "{env.TEST_MASTER_KEY}"},
		Credentials:         []Credential{{AccessKey: "AKIDALICE", SecretKey: "{env.TEST_CLIENT_SECRET}"}},
	}
}

// provision loads h as Caddy does.
func provision(t *testing.T, h *Handler) error {
	t.Helper()
	js, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel) // also cleans up
	_, err = ctx.LoadModuleByID("http.handlers.s3_sse", js)
	return err
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProvision(t *testing.T) {
	secretEnv(t)
	t.Setenv("TEST_UPSTREAM", "http://127.0.0.1:1")
	a, b := localkeys.Generate("a"), localkeys.Generate("b")
	keys := write(t, "keys", string(localkeys.FormatFile([]localkeys.Key{a, b}, "b")))
	clients := write(t, "clients.json", credentialsDoc("A"))
	for name, change := range map[string]func(*Handler){
		"minimal":                        func(*Handler) {},
		"upstream from env":              func(h *Handler) { h.Upstream = "{env.TEST_UPSTREAM}" },
		"through next":                   func(h *Handler) { h.Upstream, h.StoreHost = "", "[::1]:9000" },
		"keys from file":                 func(h *Handler) { h.MasterKeys, h.MasterKeysFile = nil, keys },
		"keys from both":                 func(h *Handler) { h.MasterKeysFile = keys },
		"other active key":               func(h *Handler) { h.MasterKeysFile, h.ActiveKey = keys, "2026" },
		"clients from file":              func(h *Handler) { h.Credentials, h.CredentialsFile = nil, clients },
		"public buckets only":            func(h *Handler) { h.Credentials, h.PublicBuckets = nil, []string{"www"} },
		"client identity":                func(h *Handler) { h.UpstreamIdentity, h.UpstreamCredentials = "client", nil },
		"tls":                            func(h *Handler) { h.Upstream = "https://127.0.0.1:1" },
		"own account of client identity": func(h *Handler) { h.UpstreamIdentity = "client" },
		"system bucket":                  func(h *Handler) { h.SystemBucket = "gateway-system.2" },
		"virtual hosts":                  func(h *Handler) { h.VirtualHosts = []string{"s3.example.com", "storage"} },
		"keys": func(h *Handler) {
			h.KeysRaw = json.RawMessage(`{"provider": "vault", "address": "http://127.0.0.1:1", "token": "{env.TEST_CLIENT_SECRET}"}`)
			h.KMS = &KMSOptions{DefaultKey: "alias/a", Aliases: map[string]string{"a": "k"}, KeyIDFormat: "name", CacheTTL: -1}
			h.Encryption = []EncryptionRule{
				{Buckets: []string{"a"}, Default: "aws:kms", BucketKey: true, Require: []string{"aws:kms", "SSE-C"}},
				{Buckets: []string{"b"}, Default: "aws:kms:dsse", KMSKey: "arn:aws:kms:us-east-1:000000000000:key/k"},
			}
		},
		"encryption": func(h *Handler) { h.Encryption = []EncryptionRule{{Buckets: []string{"*"}, BlockSSEC: true}} },
		"h2c":        func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{Versions: []string{"h2c"}} },
	} {
		t.Run(name, func(t *testing.T) {
			h := goodHandler()
			change(h)
			if err := provision(t, h); err != nil {
				t.Error(err)
			}
		})
	}
}

// memoryJSON are keys in memory.
var memoryJSON = json.RawMessage(`{"provider": "memory"}`)

// rule gives a handler a rule for the bucket b.
func rule(r EncryptionRule) func(*Handler) {
	r.Buckets = []string{"b"}
	return func(h *Handler) { h.Encryption = []EncryptionRule{r} }
}

func TestProvisionErrors(t *testing.T) {
	secretEnv(t)
	on := true
	a, b := localkeys.Generate("a"), localkeys.Generate("b")
	t.Setenv("TEST_SHORT", "short")
	for name, test := range map[string]struct {
		change func(*Handler)
		want   string
	}{
		"no store":               {func(h *Handler) { h.Upstream = "" }, "the store is missing"},
		"two stores":             {func(h *Handler) { h.StoreHost = "minio" }, "upstream and store_host exclude each other"},
		"transport of next":      {func(h *Handler) { h.Upstream, h.StoreHost, h.Transport = "", "minio", new(reverseproxy.HTTPTransport) }, "transport is for upstream"},
		"upstream":               {func(h *Handler) { h.Upstream = "ftp://minio" }, "upstream: want http://"},
		"upstream placeholder":   {func(h *Handler) { h.Upstream = "http://{env.TEST_UNSET}" }, "upstream: evaluated placeholder {env.TEST_UNSET} is empty"},
		"store_host":             {func(h *Handler) { h.Upstream, h.StoreHost = "", "http://minio" }, "is not a host"},
		"store_host path":        {func(h *Handler) { h.Upstream, h.StoreHost = "", "minio/x" }, "is not a host"},
		"no upstream account":    {func(h *Handler) { h.UpstreamCredentials = nil }, "service account"},
		"account without key":    {func(h *Handler) { h.UpstreamCredentials.AccessKey = "" }, "upstream_credentials: access_key is missing"},
		"account without secret": {func(h *Handler) { h.UpstreamCredentials.SecretKey = "" }, "upstream_credentials gateway secret_key is missing"},
		"identity":               {func(h *Handler) { h.UpstreamIdentity = "nobody" }, "unknown upstream identity"},
		"integrity":              {func(h *Handler) { h.UpstreamIntegrity = "md5" }, "unknown upstream integrity"},
		"etag":                   {func(h *Handler) { h.ETag = "sha" }, "unknown ETag policy"},
		"buffer_limit":           {func(h *Handler) { h.BufferLimit = -1 }, "buffer limit"},
		"no key":                 {func(h *Handler) { h.MasterKeys = nil }, "there is no master key"},
		"several keys":           {func(h *Handler) { h.MasterKeys["2027"] = randomKey() }, "there are several master keys"},
		"unknown active key":     {func(h *Handler) { h.ActiveKey = "2027" }, `active master key "2027"`},
		"key twice":              {func(h *Handler) { h.MasterKeys["2027"], h.ActiveKey = "{env.TEST_MASTER_KEY}", "2026" }, "are the same key"},
		"weak key":               {func(h *Handler) { h.MasterKeys["2026"] = strings.Repeat("00", 32) }, `master key "2026"`},
		"short key":              {func(h *Handler) { h.MasterKeys["2026"] = "{env.TEST_SHORT}" }, `master_key "2026": localkeys: a master key is 32 bytes`},
		"empty key":              {func(h *Handler) { h.MasterKeys["2026"] = "" }, `master_key "2026" is missing`},
		"unset key":              {func(h *Handler) { h.MasterKeys["2026"] = "{env.TEST_UNSET}" }, "{env.TEST_UNSET} is empty"},
		"unknown placeholder":    {func(h *Handler) { h.MasterKeys["2026"] = "{evn.hidden}" }, `master_key "2026": unrecognized placeholder;`},
		"key id":                 {func(h *Handler) { h.MasterKeys = map[string]string{"a b": "{env.TEST_MASTER_KEY}"} }, "the id must be"},
		"no key file":            {func(h *Handler) { h.MasterKeysFile = "/nonexistent/keys" }, "master_keys_file: open /nonexistent/keys"},
		"bad key file":           {func(h *Handler) { h.MasterKeysFile = write(t, "keys", "hidden") }, "keys: localkeys: key file, line 1"},
		"key file and key": {func(h *Handler) {
			h.MasterKeys["b"] = randomKey()
			h.MasterKeysFile = write(t, "keys", string(localkeys.FormatFile([]localkeys.Key{a, b}, "b")))
		}, `master key "b" is given twice`},
		"no clients":            {func(h *Handler) { h.Credentials = nil }, "there are no clients"},
		"client twice":          {func(h *Handler) { h.Credentials = append(h.Credentials, h.Credentials[0]) }, "the access key AKIDALICE is given twice"},
		"client key":            {func(h *Handler) { h.Credentials[0].AccessKey = "a b" }, "only visible ASCII"},
		"long client key":       {func(h *Handler) { h.Credentials[0].AccessKey = strings.Repeat("a", 129) }, "longer than 128"},
		"short secret":          {func(h *Handler) { h.Credentials[0].SecretKey = "{env.TEST_SHORT}" }, "credential AKIDALICE secret_key: shorter than 8"},
		"client pattern":        {func(h *Handler) { h.Credentials[0].Buckets = []string{"["} }, "credential 1: bad bucket pattern"},
		"no client file":        {func(h *Handler) { h.CredentialsFile = "/nonexistent/clients" }, "credentials_file: open /nonexistent/clients"},
		"bad client file":       {func(h *Handler) { h.CredentialsFile = write(t, "clients", "{hidden}") }, "not valid JSON at byte 2"},
		"client file clash":     {func(h *Handler) { h.CredentialsFile = write(t, "clients", credentialsDoc("AKIDALICE")) }, "AKIDALICE is given twice"},
		"client's KMS keys":     {func(h *Handler) { h.Credentials[0].KMSKeys = []string{"["} }, `credential 1: bad pattern of KMS keys "["`},
		"system bucket":         {func(h *Handler) { h.SystemBucket = "System" }, `system_bucket: "System" cannot be the name of a bucket`},
		"no keys":               {func(h *Handler) { h.KMS = new(KMSOptions) }, "kms: there are no keys"},
		"unknown keys":          {func(h *Handler) { h.KeysRaw = json.RawMessage(`{"provider": "nowhere"}`) }, "keys: loading module"},
		"key id format":         {func(h *Handler) { h.KMS = &KMSOptions{KeyIDFormat: "uuid"} }, `kms: key_id_format: "uuid" is not one of arn, name`},
		"account":               {func(h *Handler) { h.KMS = &KMSOptions{ARNAccount: "a b"} }, `kms: "a b" cannot be the account`},
		"alias":                 {func(h *Handler) { h.KMS = &KMSOptions{Aliases: map[string]string{"a": "b c"}} }, `kms: alias "a"`},
		"default key":           {func(h *Handler) { h.KeysRaw, h.KMS = memoryJSON, &KMSOptions{DefaultKey: "alias/a"} }, "kms: default_key: "},
		"bucket key uses":       {func(h *Handler) { h.KeysRaw, h.KMS = memoryJSON, &KMSOptions{BucketKeyUses: -1} }, "kms: a bucket key may serve"},
		"rule without buckets":  {func(h *Handler) { h.Encryption = []EncryptionRule{{}} }, "a rule without buckets"},
		"rule's mode":           {rule(EncryptionRule{Default: "none"}), `encryption of ["b"]: default: "none" is not one of`},
		"rule with SSE-C":       {rule(EncryptionRule{Default: "SSE-C"}), `encryption of ["b"]: objects cannot be encrypted with SSE-C by default`},
		"rule's key":            {rule(EncryptionRule{Default: "aws:kms", KMSKey: "alias/x"}), `encryption of ["b"]: kms_key: `},
		"rule's requirement":    {rule(EncryptionRule{Require: []string{"AES"}}), `encryption of ["b"]: require: "AES" is not one of`},
		"contradictory rule":    {rule(EncryptionRule{Require: []string{"SSE-C"}}), `a rule that requires other modes than its own default`},
		"rule without provider": {rule(EncryptionRule{Default: "aws:kms", KMSKey: "k"}), `aws:kms needs a key management service: add keys`},
		"rule without key":      {func(h *Handler) { h.KeysRaw = memoryJSON; rule(EncryptionRule{Default: "aws:kms:dsse"})(h) }, `aws:kms:dsse needs a key: name one`},
		"virtual host":          {func(h *Handler) { h.VirtualHosts = []string{"S3.example.com"} }, `bad domain "S3.example.com"`},
		"virtual host from env": {func(h *Handler) { h.VirtualHosts = []string{"{env.TEST_UNSET}"} }, "virtual_hosts: "},
		"public pattern":        {func(h *Handler) { h.PublicBuckets = []string{"["} }, "bad bucket pattern"},
		"realm":                 {func(h *Handler) { h.Realms = map[string]string{"a": ""} }, "realm: "},
		"region":                {func(h *Handler) { h.Region = "{env.TEST_UNSET}" }, "region: "},
		"upstream region":       {func(h *Handler) { h.UpstreamRegion = "{env.TEST_UNSET}" }, "upstream_region: "},
		"tls without https":     {func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{TLS: new(reverseproxy.TLSConfig)} }, "TLS options need an upstream"},
		"compression":           {func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{Compression: &on} }, "compression cannot be used"},
		"PROXY protocol":        {func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{ProxyProtocol: "v2"} }, "PROXY protocol is not supported"},
		"HTTP/3":                {func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{Versions: []string{"3"}} }, "HTTP/3 to the store is not supported"},
		"HTTP version":          {func(h *Handler) { h.Transport = &reverseproxy.HTTPTransport{Versions: []string{"1.0"}} }, "transport: unsupported HTTP version"},
		"server name": {func(h *Handler) {
			h.Upstream = "https://127.0.0.1:1"
			h.Transport = &reverseproxy.HTTPTransport{TLS: &reverseproxy.TLSConfig{ServerName: "{http.request.host}"}}
		}, "server_name: unrecognized placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			h := goodHandler()
			test.change(h)
			err := provision(t, h)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			for _, secret := range []string{clientSecret, storeSecret, os.Getenv("TEST_MASTER_KEY"), "hidden", "short\""} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// TestLiteralSecrets checks what is said of secrets in the config.
func TestLiteralSecrets(t *testing.T) {
	secretEnv(t)
	core, logs := observer.New(zap.WarnLevel)
	x := expander{repl: caddy.NewReplacer(), logger: zap.New(core)}
	if _, err := x.credential("credential", "AKIDALICE", "{env.TEST_CLIENT_SECRET}"); err != nil || logs.Len() != 0 {
		t.Errorf("placeholder: %v, %v", err, logs.All())
	}
	c, err := x.credential("credential", "AKIDALICE", "a-literal-secret")
	if err != nil || logs.Len() != 1 {
		t.Fatalf("literal: %v, %v", err, logs.All())
	}
	for _, shown := range []string{fmt.Sprint(logs.All()[0]), fmt.Sprintf("%+v %#v", c, c)} {
		if strings.Contains(shown, "a-literal-secret") {
			t.Errorf("secret shown: %s", shown)
		}
	}
	if !strings.Contains(fmt.Sprint(logs.All()[0].ContextMap()), "credential AKIDALICE secret_key") {
		t.Errorf("the warning does not say where: %v", logs.All()[0])
	}
}

// TestDirectTransport checks the defaults, and that they leave settings alone.
func TestDirectTransport(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	x := expander{repl: caddy.NewReplacer(), logger: zap.NewNop()}
	h := new(Handler)
	if _, err := h.directTransport(ctx, x, &url.URL{Scheme: "http", Host: "minio:9000"}); err != nil {
		t.Fatal(err)
	}
	tr := h.Transport.Transport
	if !tr.DisableCompression || tr.MaxIdleConnsPerHost != 128 || tr.ReadBufferSize != 8<<10 || tr.WriteBufferSize != 8<<10 || tr.ForceAttemptHTTP2 || tr.TLSClientConfig != nil {
		t.Errorf("%+v", tr)
	}
	t.Setenv("TEST_NAME", "store.example.net")
	h = &Handler{Transport: &reverseproxy.HTTPTransport{
		ReadBufferSize: 1 << 20,
		KeepAlive:      &reverseproxy.KeepAlive{MaxIdleConnsPerHost: 7},
		TLS:            &reverseproxy.TLSConfig{ServerName: "{env.TEST_NAME}"},
	}}
	if _, err := h.directTransport(ctx, x, &url.URL{Scheme: "https", Host: "minio:9000"}); err != nil {
		t.Fatal(err)
	}
	tr = h.Transport.Transport
	if tr.ReadBufferSize != 1<<20 || tr.MaxIdleConnsPerHost != 7 || tr.TLSClientConfig.ServerName != "store.example.net" {
		t.Errorf("%+v", tr)
	}
}

// TestCleanup cleans up handlers that were not provisioned completely.
func TestCleanup(t *testing.T) {
	for _, h := range []*Handler{{}, {Transport: new(reverseproxy.HTTPTransport)}} {
		if err := h.Cleanup(); err != nil {
			t.Error(err)
		}
	}
}
