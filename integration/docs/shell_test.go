package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// notRun are the shell commands that the tests do not run, each with the
// reason and what is checked instead.
var notRun = map[string]func(t *testing.T, command string){
	// It would fetch the published repository, not this one. make run needs
	// fixed ports: TestQuickStart starts the same program on others.
	"git clone https://github.com/caddy-s3-sse/caddy-s3-sse && cd caddy-s3-sse && make run": func(t *testing.T, command string) {
		wantIn(t, "go.mod", "module "+strings.TrimPrefix(strings.Fields(command)[2], "https://")+"\n")
		wantIn(t, "go.mod", "\ngo 1.26")
		checkTarget(t, "make run")
	},
	// They download and build for minutes: make xcaddy does it, with this
	// directory in the place of the published module.
	"go install github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5": func(t *testing.T, _ string) {
		wantIn(t, "tools/go.mod", "github.com/caddyserver/xcaddy v0.4.5")
	},
	"xcaddy build --with github.com/caddy-s3-sse/caddy-s3-sse": func(t *testing.T, command string) {
		wantIn(t, "go.mod", "module "+command[strings.LastIndex(command, " ")+1:]+"\n")
		wantIn(t, "Makefile", "xcaddy build $(CADDY_VERSION)")
	},
	// make has built it before the tests, in the same way.
	"go build ./cmd/caddy": func(t *testing.T, _ string) { wantIn(t, "Makefile", "go build -tags $(TAGS) -o $@ ./cmd/caddy") },
	// These run these tests themselves, or take minutes.
	"make test":                    checkTarget,
	"make test-clients":            checkTarget,
	"make lint":                    checkTarget,
	"make bench":                   checkTarget,
	"go run ./bench -quick":        checkBench,
	"go run ./bench -modes":        checkBench,
	"go run ./bench -op none -rss": checkBench,
	"go test -run '^$' -bench . ./encryptor": func(t *testing.T, _ string) {
		wantIn(t, "encryptor/bench_test.go", "func Benchmark")
	},
}

func wantIn(t *testing.T, file, text string) {
	t.Helper()
	if !strings.Contains(read(t, file), text) {
		t.Errorf("%s has no %q", file, text)
	}
}

func checkTarget(t *testing.T, command string) {
	t.Helper()
	wantIn(t, "Makefile", "\n"+strings.TrimPrefix(command, "make ")+": ")
}

// checkBench looks for the options where bench defines them.
func checkBench(t *testing.T, command string) {
	t.Helper()
	for _, m := range regexp.MustCompile(` -(\w+)`).FindAllStringSubmatch(command, -1) {
		wantIn(t, "bench/main.go", `"`+m[1]+`"`)
	}
}

// TestShell runs the shell examples that need no server, and checks those that
// are not run. TestQuickStart and TestRotation run the others.
func TestShell(t *testing.T) {
	m := newMachine(t)
	bin := programs(t)
	for _, b := range blocks(t, "sh") {
		switch {
		case strings.Contains(b.text, "--endpoint-url"), strings.Contains(b.text, "caddy reload"):
			continue
		case b.file == "docs/vault.md": // integration/vaultkeys runs them, with a Vault
			continue
		case b.file == "docs/rotation.md", strings.Contains(b.text, "s3-sse rewrap"): // integration/rotation runs them
			continue
		case strings.Contains(b.text, "caddy validate"):
			m.write(t, "Caddyfile", only(t, "README.md", "Install", "caddyfile", "s3_sse").text)
		case strings.Contains(b.text, "keygen"):
			if err := os.Remove(filepath.Join(m.etc, "s3-master-keys")); err != nil {
				t.Fatal(err)
			}
		}
		var run strings.Builder
		for line := range strings.Lines(b.text) {
			if check, ok := notRun[strings.TrimSpace(line)]; ok {
				check(t, strings.TrimSpace(line))
			} else {
				run.WriteString(line)
			}
		}
		if run.Len() > 0 {
			sh(t, bin, m.env, m.etc, m.local(run.String()))
		}
	}
}

// programs returns a directory with the programs that shell examples use.
func programs(t *testing.T) string {
	t.Helper()
	caddy, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name, target := range map[string]string{"caddy": caddy, "aws": self, "rclone": self} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// sh runs a script and returns what it prints. Any command that fails ends it.
func sh(t *testing.T, bin string, env []string, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\n%s\n%s%s", err, script, out, &complaints)
	}
	return string(out)
}

// TestQuickStart starts what make run starts and pastes the commands of the
// README, which must be those that are printed.
func TestQuickStart(t *testing.T) {
	dir := t.TempDir()
	ports := strings.NewReplacer("localhost:8443", "localhost:"+freePort(t), "127.0.0.1:8080", "127.0.0.1:"+freePort(t), "127.0.0.1:7070", "127.0.0.1:"+freePort(t))
	port := func(s string) string { return s[strings.LastIndex(s, ":")+1:] }
	program, err := store.Tool("devserver")
	if err != nil {
		t.Fatal(err)
	}
	caddy, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, "Makefile", "-data $(CURDIR)/.data")
	printed := start(t, dir, os.Environ(), "Ctrl-C ends both", program, "-caddy", caddy, "-data", filepath.Join(dir, ".data"),
		"-https", port(ports.Replace("localhost:8443")), "-http", port(ports.Replace("127.0.0.1:8080")), "-store", ports.Replace("127.0.0.1:7070"))

	commands := only(t, "README.md", "Try it", "sh", "s3 mb").text
	look := only(t, "README.md", "Try it", "sh", "(\n").text
	var want []string
	for line := range strings.Lines(commands + look) {
		if line = strings.TrimSpace(line); line != "" {
			want = append(want, ports.Replace(line))
		}
	}
	_, said, _ := strings.Cut(strings.ReplaceAll(printed(), filepath.Join(dir, ".data"), ".data"), "Paste into another terminal:")
	var got []string
	for line := range strings.Lines(said) {
		if command := strings.TrimSpace(line); strings.HasPrefix(line, "  ") && command != "" {
			got = append(got, command)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the commands (-README +printed):\n%s", diff)
	}

	bin := programs(t)
	const sentence = "nobody but you can read this\n"
	out := sh(t, bin, os.Environ(), dir, ports.Replace(commands+look))
	content, rest, _ := strings.Cut(out, "{")
	if content != sentence {
		t.Errorf("the object is %q", content)
	}
	decoder := json.NewDecoder(strings.NewReader("{" + rest))
	var seen, kept struct {
		ContentLength        int64
		ServerSideEncryption string
		Metadata             map[string]string
	}
	if err := decoder.Decode(&seen); err != nil {
		t.Fatal(err, out)
	}
	if err := decoder.Decode(&kept); err != nil {
		t.Fatal(err, out)
	}
	if seen.ContentLength != int64(len(sentence)) || seen.ServerSideEncryption != "AES256" || len(seen.Metadata) > 0 {
		t.Errorf("clients see %+v", seen)
	}
	if kept.ContentLength <= seen.ContentLength || len(kept.Metadata) != 1 || strings.Contains(rest, "nobody") {
		t.Errorf("the store keeps %+v", kept)
	}
	if !regexp.MustCompile(`\n0000000 +S +3 +S +E `).MatchString(rest) {
		t.Errorf("the stored bytes do not begin with S3SE:\n%s", rest)
	}
}

// TestRotation rotates the master key of a running Caddy as the README says.
// An object from before must still open.
func TestRotation(t *testing.T) {
	m := newMachine(t)
	s := store.MinIO(t)
	bucket := s.Bucket(t)
	m.env = append(m.env, "S3_STORE_ACCESS_KEY="+s.AccessKey, "S3_STORE_SECRET_KEY="+s.SecretKey)
	site, admin := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	config := strings.NewReplacer(
		"s3.example.com", "http://"+site, "http://127.0.0.1:9000", s.URL, "{\n\tservers", "{\n\tadmin "+admin+"\n\tservers",
	).Replace(only(t, "README.md", "Install", "caddyfile", "s3_sse").text)
	path := m.write(t, "Caddyfile", config)
	caddy, err := store.Tool("caddy")
	if err != nil {
		t.Fatal(err)
	}
	start(t, m.etc, m.env, "serving initial configuration", caddy, "run", "--config", path)

	var clients struct {
		Credentials []struct {
			AccessKey string `json:"access_key"`
			SecretKey string `json:"secret_key"`
		} `json:"credentials"`
	}
	if err := json.Unmarshal([]byte(only(t, "README.md", "Install", "json", "credentials").text), &clients); err != nil {
		t.Fatal(err)
	}
	alice := clients.Credentials[0]
	c, err := store.Connect("http://"+site, alice.AccessKey, alice.SecretKey, &http.Transport{DisableKeepAlives: true})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, bucket, "before")
	sh(t, programs(t), m.env, m.etc, m.local(only(t, "README.md", "Rotating master keys", "sh", "reload").text))
	put(t, c, bucket, "after")
	for _, key := range []string{"before", "after"} {
		if got := get(t, c, bucket, key); got != key {
			t.Errorf("%s reads %q", key, got)
		}
	}
	before, after := rootKey(t, s, bucket, "before"), rootKey(t, s, bucket, "after")
	if before == after {
		t.Errorf("both objects are sealed under %s", before)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	addr, err := posixstore.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr[strings.LastIndex(addr, ":")+1:]
}

// start runs a server until the test ends, waits until it says ready, and
// returns a function that tells what it has said.
func start(t *testing.T, dir string, env []string, ready, program string, args ...string) func() string {
	t.Helper()
	out := &output{want: ready, seen: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // it is cancelled, or its output tells
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), out)
		}
	})
	select {
	case <-out.seen:
	case <-done:
		t.Fatalf("%s has ended", program)
	}
	return out.String
}

// output collects what a program says and notices one text in it.
type output struct {
	want string
	seen chan struct{}

	mu   sync.Mutex
	buf  bytes.Buffer
	told bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	if !o.told && strings.Contains(o.buf.String(), o.want) {
		o.told = true
		close(o.seen)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
