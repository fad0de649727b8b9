// Package browser_test uploads and reads with a real browser, from a page of
// another origin, through Caddy over TLS.
package browser_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/webform"
)

//go:embed page.html
var page []byte

// patience is how long the browser may take for everything on a slow machine.
const patience = 3 * time.Minute

const fileSize = 7<<20 + 5

// content is what the page uploads, of that size.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// small is the size of what the page uploads with fetch().
const small = 300_000

// step is a request that the page makes with fetch().
type step struct {
	Name    string            `json:"name"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Fields  [][2]string       `json:"fields,omitempty"`
}

// found is what came of a step.
type found struct {
	Name, ETag, SSE, Hash, Text string
	Status, Size                int
}

// TestBrowser lets a browser upload with fetch() and with a form, and read what
// it has uploaded.
func TestBrowser(t *testing.T) {
	program := browser(t)
	s := store.MinIO(t)
	at := site.Start(t, s, site.Options{TLS: true})
	bucket, client := s.Bucket(t), at.Client(t)

	results := make(chan []found, 2)
	var plan []byte
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("GET /plan.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(plan) })
	mux.HandleFunc("POST /found", func(w http.ResponseWriter, r *http.Request) {
		var f []found
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			t.Error(err)
		}
		results <- f
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	origin := strings.Replace(web.URL, "127.0.0.1", "localhost", 1) // where pages may compute hashes

	presign := func(method, key string, headers map[string]string) string {
		h := make(http.Header)
		for name, value := range headers {
			h.Set(name, value)
		}
		u, err := client.PresignHeader(t.Context(), method, bucket, key, time.Hour, nil, h)
		if err != nil {
			t.Fatal(err)
		}
		return u.String()
	}
	form := func(pairs ...string) [][2]string {
		f := webform.New(pairs...)
		conditions := []any{map[string]string{"bucket": bucket}, []string{"starts-with", "$key", "forms/"}}
		for i := 2; i < len(pairs); i += 2 {
			conditions = append(conditions, []string{"eq", "$" + pairs[i], pairs[i+1]})
		}
		f.SignPolicy(t, webform.Key{AccessKey: site.AccessKey, SecretKey: site.SecretKey}, time.Now().Add(time.Hour), conditions...)
		return f.Fields
	}
	customer := sseC("k")
	steps := []step{
		{Name: "put", Method: "PUT", URL: presign("PUT", "put", nil)},
		{Name: "get", Method: "GET", URL: presign("GET", "put", nil)},
		{Name: "get a range", Method: "GET", URL: presign("GET", "put", nil), Headers: map[string]string{"Range": "bytes=1000-1999"}},
		{Name: "put with a key", Method: "PUT", URL: presign("PUT", "with a key", customer), Headers: customer},
		{Name: "get with the key", Method: "GET", URL: presign("GET", "with a key", customer), Headers: customer},
		{Name: "get with another", Method: "GET", URL: presign("GET", "with a key", sseC("l")), Headers: sseC("l")},
		{Name: "get without", Method: "GET", URL: presign("GET", "with a key", nil)},
		{Name: "get what is not there", Method: "GET", URL: presign("GET", "missing", nil)},
		{Name: "post", Method: "POST", URL: at.URL + "/" + bucket, Fields: form("key", "forms/${filename}", "success_action_status", "201", "x-amz-server-side-encryption", "AES256")},
		{Name: "get what was posted", Method: "GET", URL: presign("GET", "forms/by fetch.bin", nil)},
	}
	var err error
	plan, err = json.Marshal(map[string]any{
		"file":  map[string]int{"size": fileSize},
		"steps": steps,
		"form": map[string]any{
			"url": at.URL + "/" + bucket, "read": presign("GET", "forms/chosen file.bin", nil),
			"fields": form("key", "forms/${filename}", "success_action_redirect", origin+"/?page=2", "x-amz-meta-colour", "blue"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	said := open(t, program, at, origin)
	got := make(map[string]found)
	for range 2 {
		select {
		case all := <-results:
			for _, f := range all {
				got[f.Name] = f
			}
		case <-time.After(patience):
			t.Fatalf("the page does not go on: %+v\n%s", got, said())
		}
	}

	whole, part, file := hash(content(small)), hash(content(small)[1000:2000]), hash(content(fileSize))
	for name, want := range map[string]found{
		"put":                   {Status: 200},
		"get":                   {Status: 200, Size: small, Hash: whole},
		"get a range":           {Status: 206, Size: 1000, Hash: part},
		"put with a key":        {Status: 200},
		"get with the key":      {Status: 200, Size: small, Hash: whole},
		"get with another":      {Status: 403},
		"get without":           {Status: 400},
		"get what is not there": {Status: 404},
		"post":                  {Status: 201},
		"get what was posted":   {Status: 200, Size: small, Hash: whole},
		"read the form's file":  {Status: 200, Size: fileSize, Hash: file},
		"redirect":              {Status: 303, Text: bucket + "/forms/chosen file.bin"},
	} {
		f := got[name]
		if f.Status != want.Status || want.Hash != "" && (f.Hash != want.Hash || f.Size != want.Size) || want.Text != "" && f.Text != want.Text {
			t.Errorf("%s: %+v, want %+v", name, f, want)
		}
		if f.ETag == "" && f.Status < 400 {
			t.Errorf("%s: no ETag can be seen", name)
		}
	}
	if etag := got["read the form's file"].ETag; etag != got["redirect"].ETag {
		t.Errorf("the form's answer has the ETag %s, the object %s", got["redirect"].ETag, etag)
	}
	info, err := client.StatObject(t.Context(), bucket, "forms/chosen file.bin", minio.StatObjectOptions{})
	if err != nil || info.Size != fileSize || info.UserMetadata["Colour"] != "blue" {
		t.Errorf("the form's file: %+v, %v", info, err)
	}
	for _, key := range []string{"put", "with a key", "forms/by fetch.bin", "forms/chosen file.bin"} {
		if stored := s.Read(t, bucket, key).Body; bytes.Contains(stored, content(64)) {
			t.Errorf("%s: the store holds plaintext", key)
		}
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sseC are the headers of a customer key.
func sseC(name string) map[string]string {
	key := sha256.Sum256([]byte(name))
	sum := md5.Sum(key[:])
	return map[string]string{
		"x-amz-server-side-encryption-customer-algorithm": "AES256",
		"x-amz-server-side-encryption-customer-key":       base64.StdEncoding.EncodeToString(key[:]),
		"x-amz-server-side-encryption-customer-key-md5":   base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// browser returns the path of Chromium.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CLIENTS_MISSING") == "skip" {
		t.Skip("\n!!!!\n!!!! NOT TESTED: Chromium is not installed\n!!!!")
	}
	t.Fatal("Chromium is not installed, make test-clients does it")
	return ""
}

// open opens the page in a browser that trusts the site. It ends with the test.
// What it returns says what the browser has said.
func open(t *testing.T, program string, at *site.Site, url string) (said func() string) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(at.URL, "https://"), at.TLSConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	spki := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	conn.Close()

	home, err := os.MkdirTemp("", "browser-*")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(home + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-extensions", "--disable-sync", "--no-proxy-server",
		"--user-data-dir="+home+"/profile", "--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(spki[:]), url)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "TMPDIR=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is many processes
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		log.Close()
		// Of its other processes one may still write something.
		for range 100 {
			if os.RemoveAll(home) == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	return func() string {
		b, _ := os.ReadFile(log.Name()) // for the eyes of a developer
		return string(b)
	}
}
