package main_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

const plaintext = "nobody but the owner can read this sentence"

// TestFromNothingToTheNextDay starts with an empty directory, stores an object,
// stops, starts again and reads it.
func TestFromNothingToTheNextDay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	home := t.TempDir()

	d := start(t, dir, home)
	checkModes(t, dir)
	overTLS, plain := d.client(t, d.https), d.client(t, d.http)
	if err := overTLS.MakeBucket(t.Context(), "demo", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := overTLS.PutObject(t.Context(), "demo", "hello.txt", strings.NewReader(plaintext), int64(len(plaintext)),
		minio.PutObjectOptions{ContentType: "text/plain"})
	if err != nil {
		t.Fatal(err)
	}
	d.wantObject(t, plain)
	d.wantObject(t, overTLS)
	info, err := plain.StatObject(t.Context(), "demo", "hello.txt", minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Metadata.Get("X-Amz-Server-Side-Encryption"); got != "AES256" || info.Size != int64(len(plaintext)) {
		t.Errorf("encryption %q, size %d", got, info.Size)
	}
	stored, err := os.ReadFile(filepath.Join(dir, "store", "objects", "demo", "hello.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(stored, []byte("S3SE")) || bytes.Contains(stored, []byte(plaintext)) {
		t.Errorf("the store holds %.60q", stored)
	}
	d.checkCommands(t)
	d.stop(t)

	d = start(t, dir, home)
	d.wantObject(t, d.client(t, d.https))
	d.stop(t)

	entries, err := os.ReadDir(home)
	if err != nil || len(entries) > 0 {
		t.Errorf("the home directory now holds %v, %v", entries, err)
	}
}

// TestInterruptLetsAnUploadFinish interrupts the server in the middle of a body.
func TestInterruptLetsAnUploadFinish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	d := start(t, dir, t.TempDir())
	if err := d.client(t, d.http).MakeBucket(t.Context(), "demo", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}

	began := make(chan struct{})
	body, feed := io.Pipe()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(began) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, d.http+"/demo/slow", body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(plaintext))
	req.Header.Set("Expect", "100-continue")
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	req = signer.SignV4(*req, "dev-client", d.secret(t, "client-secret-key"), "", "us-east-1")
	status := make(chan string, 1)
	go func() {
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(req)
		if err != nil {
			status <- err.Error()
			return
		}
		resp.Body.Close()
		status <- resp.Status
	}()
	select {
	case <-began: // the handler reads
	case got := <-status:
		t.Fatalf("the upload ended early: %s", got)
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for refused := false; !refused; { // the listener is closed when Caddy has taken notice
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.http, "http://"))
		if err == nil {
			conn.Close()
		}
		refused = errors.Is(err, syscall.ECONNREFUSED)
	}
	if _, err := io.WriteString(feed, plaintext); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if got := <-status; got != "200 OK" {
		t.Errorf("the upload ended with %s", got)
	}
	d.wait(t)
	stored, err := os.ReadFile(filepath.Join(dir, "store", "objects", "demo", "slow"))
	if err != nil || !bytes.HasPrefix(stored, []byte("S3SE")) {
		t.Errorf("the store holds %.60q, %v", stored, err)
	}
}

type devserver struct {
	dir, https, http string
	cmd              *exec.Cmd
	done             chan struct{}
	out              *output
}

func start(t *testing.T, dir, home string) *devserver {
	t.Helper()
	program, err := store.Tool("devserver")
	if err != nil {
		t.Fatal(err)
	}
	caddy, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	var addrs [3]string
	for i := range addrs {
		if addrs[i], err = posixstore.FreeAddr(); err != nil {
			t.Fatal(err)
		}
	}
	port := func(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }
	d := &devserver{
		dir: dir, https: "https://localhost:" + port(addrs[0]), http: "http://" + addrs[1],
		done: make(chan struct{}), out: &output{ready: make(chan struct{})},
	}
	d.cmd = exec.Command(program, "-caddy", caddy, "-data", dir, "-https", port(addrs[0]), "-http", port(addrs[1]), "-store", addrs[2])
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.Env = append(os.Environ(), "HOME="+home)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait() // the test looks at the exit status
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Signal(os.Interrupt) // fails when it has ended, as it should have
		<-d.done
		if t.Failed() {
			t.Logf("the server said:\n%s", d.out)
		}
	})
	select {
	case <-d.out.ready:
	case <-d.done:
		t.Fatal("the server has ended")
	}
	return d
}

func (d *devserver) stop(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	d.wait(t)
}

func (d *devserver) wait(t *testing.T) {
	t.Helper()
	<-d.done
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

func (d *devserver) secret(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.dir, "secrets", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func (d *devserver) client(t *testing.T, endpoint string) *minio.Client {
	t.Helper()
	root, err := os.ReadFile(filepath.Join(d.dir, "caddy", "pki", "authorities", "local", "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) {
		t.Fatal("the certificate authority is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := store.Connect(endpoint, "dev-client", d.secret(t, "client-secret-key"), transport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (d *devserver) wantObject(t *testing.T, c *minio.Client) {
	t.Helper()
	o, err := c.GetObject(t.Context(), "demo", "hello.txt", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(o); string(got) != plaintext || err != nil {
		t.Errorf("%s gives %q, %v", c.EndpointURL(), got, err)
	}
}

// checkCommands looks for what the printed commands need.
func (d *devserver) checkCommands(t *testing.T) {
	t.Helper()
	said := d.out.String()
	for _, want := range []string{
		"AWS_CA_BUNDLE=" + filepath.Join(d.dir, "caddy", "pki", "authorities", "local", "root.crt"),
		"$(cat " + filepath.Join(d.dir, "secrets", "client-secret-key") + ")",
		"aws --endpoint-url " + d.https + " s3 cp - s3://demo/hello.txt",
		"aws --endpoint-url " + d.http + " s3api head-object",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q among the commands", want)
		}
	}
	for _, name := range []string{"client-secret-key", "store-secret-key", "master-key"} {
		if secret := d.secret(t, name); strings.Contains(said, secret) {
			t.Errorf("%s is printed", name)
		}
	}
	config, err := os.ReadFile(filepath.Join(d.dir, "Caddyfile"))
	if err != nil || bytes.Contains(config, []byte(d.secret(t, "master-key"))) {
		t.Errorf("the Caddyfile holds the master key, %v", err)
	}
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "secrets"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "Caddyfile")} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// output collects what the server says and notices when it is ready.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan struct{}
	told  bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	if !o.told && strings.Contains(o.buf.String(), "Ctrl-C ends both") {
		o.told = true
		close(o.ready)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
