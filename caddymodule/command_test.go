package caddymodule

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caddy": caddycmd.Main})
}

// TestCommands runs sessions with the command line.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_DATA_HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// mode <octal> <file>: the file has this mode.
			"mode": func(ts *testscript.TestScript, neg bool, args []string) {
				info, err := os.Stat(ts.MkAbs(args[1]))
				ts.Check(err)
				if got := info.Mode().String(); (got != args[0]) != neg {
					ts.Fatalf("%s has mode %s", args[1], got)
				}
			},
		},
	})
}

func TestKeyID(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 3600))
	a, b := newKeyID(now), newKeyID(now)
	if a == b || !strings.HasPrefix(a, "2026-02-28-") {
		t.Errorf("%s, %s", a, b)
	}
	if _, err := localkeys.New([]localkeys.Key{localkeys.Generate(a)}, a); err != nil {
		t.Error(err)
	}
}

// TestAddKey checks that the rest of the file stays as it is, and that the
// file does when the key cannot be added.
func TestAddKey(t *testing.T) {
	a, b := localkeys.Generate("a"), localkeys.Generate("b")
	line := func(k localkeys.Key) string {
		for l := range strings.Lines(string(localkeys.FormatFile([]localkeys.Key{k}, k.ID))) {
			if strings.HasPrefix(l, "key") {
				return l
			}
		}
		return ""
	}
	old := "# mine\n" + line(a) + "\nactive a" // no newline at the end
	path := write(t, "keys", old)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := addKey(path, b); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("# mine\n"+line(a)+"\n"+line(b)+"active b\n", string(got)); diff != "" {
		t.Error(diff)
	}
	if err := addKey(path, b); err == nil {
		t.Error("the same id was added twice")
	}
	again, err := os.ReadFile(path)
	if err != nil || string(again) != string(got) {
		t.Errorf("the file has changed: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("files are left behind: %v, %v", entries, err)
	}
	if err := addKey(path+".missing", b); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
