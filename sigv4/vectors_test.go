package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestVectors runs the request files; testdata/README.md describes them.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/requests/*.req")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d vectors, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".req"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runVector(t, string(text))
		})
	}
}

func runVector(t *testing.T, text string) {
	settings, request, ok := strings.Cut(text, "\n---\n")
	if !ok {
		t.Fatal("no --- line")
	}
	want := map[string]string{"expect-body": "ok"}
	for line := range strings.Lines(settings) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		want[name] = value
	}
	now, err := time.Parse(time.RFC3339, want["now"])
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, want["access-key"], want["secret"], now)
	v.Region = want["region"]

	wrappers := map[string]func(io.Reader) io.Reader{
		"plain": func(r io.Reader) io.Reader { return r },
		"one":   iotest.OneByteReader,
		"half":  iotest.HalfReader,
		"data":  iotest.DataErrReader,
	}
	for name, wrap := range wrappers {
		r, body := parseVector(t, request)
		auth, err := verify(v, r)
		if got := code(err); got != want["expect"] {
			t.Fatalf("Verify: %s (%v), expect %s", got, err, want["expect"])
		}
		if err != nil {
			return
		}
		if auth.AccessKey != want["access-key"] || auth.Payload.String() != want["mode"] {
			t.Errorf("access key %q mode %v, want %q %v", auth.AccessKey, auth.Payload, want["access-key"], want["mode"])
		}
		b := auth.Body(wrap(strings.NewReader(body)))
		data, err := io.ReadAll(b)
		if got := code(err); got != want["expect-body"] {
			t.Fatalf("%s: body ends with %s (%v), expect %s", name, got, err, want["expect-body"])
		}
		if err != nil {
			continue
		}
		if l := want["decoded-length"]; l != "" && (strconv.Itoa(len(data)) != l || fmt.Sprint(auth.DecodedLength) != l) {
			t.Errorf("decoded %d, announced %d, want %s", len(data), auth.DecodedLength, l)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(data)); want["decoded-sha256"] != "" && sum != want["decoded-sha256"] {
			t.Errorf("decoded body has SHA-256 %s", sum)
		}
		if b.Trailer() != want["trailer"] {
			t.Errorf("trailer %q, want %q", b.Trailer(), want["trailer"])
		}
	}
}

var repeat = regexp.MustCompile(`\{(.)\*(\d+)\}`)

func parseVector(t *testing.T, text string) (*http.Request, string) {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		t.Fatal("no empty line after the head")
	}
	body = strings.NewReplacer("\n", "", `\r`, "\r", `\n`, "\n", `\\`, `\`).Replace(body)
	body = repeat.ReplaceAllStringFunc(body, func(s string) string {
		m := repeat.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(m[1], n)
	})
	if !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	wire := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(wire))))
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}
