package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected JSON in testdata/*.caddyfiletest")

// TestAdapt compares what Caddyfiles are adapted to with JSON or, where they
// have a mistake, with part of the error message.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			const separator = "----------\n"
			input, want, ok := strings.Cut(string(data), separator)
			if !ok {
				t.Fatal("no separator")
			}
			want = strings.TrimSpace(want)
			got, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), nil)
			if !strings.HasPrefix(want, "{") && want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error %v, want one with %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range warnings {
				t.Error("warning:", w)
			}
			if *update {
				out := input + separator + indent(t, got) + "\n"
				if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, indent(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func indent(t *testing.T, js []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, js, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
