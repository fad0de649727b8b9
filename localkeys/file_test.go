package localkeys

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKey(t *testing.T) {
	k := testKey("key")
	std := base64.StdEncoding.EncodeToString(k[:])
	raw := strings.TrimRight(std, "=")
	digits := hex.EncodeToString(k[:])
	for _, s := range []string{std, raw, digits, strings.ToUpper(digits), std + "\n", " \t" + raw + "\r\n"} {
		if got, err := ParseKey(s); err != nil || !got.Equal(k) {
			t.Errorf("%q: %v", s, err)
		}
	}
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("~key"), n)[:n]) }
	bad := []string{
		"", " ", "=", b64(16), b64(31), b64(33), b64(48), b64(64),
		digits[:63], digits + "0", digits[:63] + "g",
		raw + "==", std + "=", raw[:42], raw[:42] + "!", raw[:20] + "\n" + raw[20:], raw[:21] + "\n" + raw[22:],
		raw[:42] + "B", // the last character has bits that belong to no byte
		"0x" + digits[:62], "{env.S3_SSE_KEY}", strings.Repeat("a", 1<<20),
	}
	for _, s := range bad {
		_, err := ParseKey(s)
		if err == nil {
			t.Errorf("%.80q is accepted", s)
			continue
		}
		if len(s) >= 4 && strings.Contains(err.Error(), s[:4]) {
			t.Errorf("the error for %.80q echoes it: %v", s, err)
		}
	}
}

func TestParseFile(t *testing.T) {
	a, b := Key{"a", testKey("a")}, Key{"b.2026_01-x", testKey("b")}
	keyA := "key a " + base64.StdEncoding.EncodeToString(a.Key[:]) + "\n"
	keyB := "key b.2026_01-x " + hex.EncodeToString(b.Key[:]) + "\n"

	good := map[string]struct {
		keys   []Key
		active string
	}{
		keyA + "active a\n":                                       {[]Key{a}, "a"},
		keyA + keyB + "active a":                                  {[]Key{a, b}, "a"},
		"active b.2026_01-x\n" + keyA + keyB:                      {[]Key{a, b}, "b.2026_01-x"},
		"# comment\n\n  # more\n\t" + keyA + "\r\n active\ta\r\n": {[]Key{a}, "a"},
	}
	for file, want := range good {
		keys, active, err := ParseFile([]byte(file))
		if err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		if active != want.active || !cmp.Equal(keys, want.keys) {
			t.Errorf("%q: %v, active %q", file, keys, active)
		}
	}

	bad := map[string]string{
		"":                           "no active line",
		"# nothing\n":                "no active line",
		keyA:                         "no active line",
		"active a\n":                 `active key "a": no such master key`,
		keyA + "active b\n":          "no such master key",
		keyA + "active a\nactive a":  "line 3: a second active line",
		keyA + "active\n":            "line 2: want",
		keyA + "active a b\n":        "line 2: want",
		keyA + "active a # now\n":    "line 2: want",
		keyA + "active ä\n":          "line 2: bad id",
		"key a\nactive a":            "line 1: want",
		"key a/b x\nactive a":        "line 1: bad id",
		"key a x y\nactive a":        "line 1: want",
		"a AAAA\nactive a":           "line 1: want",
		"Key a AAAA\nactive a":       "line 1: want",
		"\xef\xbb\xbf" + keyA:        "line 1: want",
		"key a AAAA\nactive a":       "line 1: localkeys: a master key is 32 bytes",
		strings.Repeat("#", 1<<20+1): "larger than",
	}
	for file, want := range bad {
		_, _, err := ParseFile([]byte(file))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: got %v, want an error with %q", file, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%.80q: the error echoes the key: %v", file, err)
		}
	}
	if _, _, err := ParseFile([]byte(keyA + "active b")); !errors.Is(err, ErrKeyNotFound) {
		t.Errorf("an unknown active key: %v", err)
	}
}

func TestFormatFile(t *testing.T) {
	keys := []Key{Generate("first"), Generate("second")}
	got, active, err := ParseFile(FormatFile(keys, "second"))
	if err != nil || active != "second" || !cmp.Equal(got, keys) {
		t.Fatalf("keys %v, active %q, %v", got, active, err)
	}
	if _, err := New(got, active); err != nil {
		t.Error(err)
	}
}

func FuzzParseFile(f *testing.F) {
	key := Key{"a", testKey("a")}
	f.Add(FormatFile([]Key{key}, "a"))
	f.Add([]byte("key a " + hex.EncodeToString(key.Key[:]) + "\nactive a\n# x\n"))
	f.Add([]byte("active a\nactive b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, active, err := ParseFile(data)
		if err != nil {
			return
		}
		again, activeAgain, err := ParseFile(FormatFile(keys, active))
		if err != nil || active != activeAgain || !cmp.Equal(keys, again) {
			t.Errorf("%q: does not survive formatting: %v", data, err)
		}
	})
}
