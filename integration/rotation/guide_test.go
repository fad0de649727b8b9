package rotation_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestGuide runs the commands of the guide and those of the README that move
// objects. Those for master keys and for Vault are run elsewhere, from the
// documents that the guide shares them with.
func TestGuide(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	elsewhere := read("README.md") + read("docs/vault.md")
	guide := read("docs/rotation.md")
	for line := range strings.Lines(read("README.md")) {
		if strings.HasPrefix(line, "caddy s3-sse rewrap") {
			guide += "```sh\n" + line + "```\n"
		}
	}
	e := start(t, store.MinIO(t))
	e.withVault(t)
	e.load(t)
	e.legacy(t)

	example := regexp.MustCompile("(?s)```text\n(.*?)\n").FindStringSubmatch(guide)
	if example == nil {
		t.Fatal("the guide shows no report")
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(guide, -1) {
		for line := range strings.Lines(block[1]) {
			command, ours := strings.CutPrefix(strings.TrimSpace(line), "caddy s3-sse ")
			if !ours || strings.HasPrefix(command, "keygen") {
				if !strings.Contains(elsewhere, "\n"+line) {
					t.Errorf("nobody runs %q", line)
				}
				continue
			}
			command = strings.NewReplacer(
				" --config /etc/caddy/Caddyfile", "", " --bucket photos", "", "/var/lib/caddy", e.dir).Replace(command)
			words := strings.Fields(command)
			out := e.run(t, 0, words[0], words[1:]...)
			if head := strings.Join(strings.Fields(example[1]), " "); words[0] == "rewrap" && !strings.Contains(strings.ReplaceAll(strings.Join(strings.Fields(out), " "), "to move", "moved"), head) {
				t.Errorf("the report has no line %q:\n%s", head, out)
			}
			ran++
		}
	}
	if ran < 7 {
		t.Errorf("guide and README have %d commands, which are fewer than it had", ran)
	}
	for key, mode := range e.modesOf(t) {
		if mode == 0 {
			t.Errorf("%s is not encrypted", key)
		}
	}
	for _, state := range []string{"rewrap.json", "photos.json"} {
		if _, err := os.Stat(filepath.Join(e.dir, state)); err == nil {
			t.Errorf("%s is left behind", state)
		}
	}
}
