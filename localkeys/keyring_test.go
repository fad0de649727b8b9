package localkeys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// testKey is a key that looks random and is the same in every run.
func testKey(seed string) encryptor.Key { return sha256.Sum256([]byte(seed)) }

func TestRotation(t *testing.T) {
	old, renewed := Key{"2025", testKey("old")}, Key{"2026", testKey("new")}
	salt := [32]byte(testKey("salt"))

	before, err := New([]Key{old}, "2025")
	if err != nil {
		t.Fatal(err)
	}
	sealedUnder := before.Active()
	want, err := before.KEK(sealedUnder, salt)
	if err != nil {
		t.Fatal(err)
	}

	after, err := New([]Key{old, renewed}, "2026")
	if err != nil {
		t.Fatal(err)
	}
	if after.Active() != "2026" {
		t.Errorf("active is %q", after.Active())
	}
	got, err := after.KEK(sealedUnder, salt)
	if err != nil || !got.Equal(want) {
		t.Errorf("an object of the old key does not open after rotation: %v", err)
	}
	other, err := after.KEK("2026", salt)
	if err != nil || other.Equal(want) {
		t.Errorf("both master keys give the same key: %v", err)
	}

	removed, err := New([]Key{renewed}, "2026")
	if err != nil {
		t.Fatal(err)
	}
	_, err = removed.KEK("2025", salt)
	if !errors.Is(err, ErrKeyNotFound) || !strings.Contains(err.Error(), `"2025"`) {
		t.Errorf("a removed key: %v", err)
	}
}

// TestDerivation compares with HKDF written out from RFC 5869.
func TestDerivation(t *testing.T) {
	master, salt := testKey("master"), [32]byte(testKey("salt"))
	mac := func(key []byte, message ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, m := range message {
			h.Write(m)
		}
		return h.Sum(nil)
	}
	prk := mac(salt[:], master[:])
	ring, err := New([]Key{{"k", master}}, "k")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[encryptor.Key]bool)
	for label, derive := range map[string]func(string, [32]byte) (encryptor.Key, error){
		"caddy-s3-sse v1 sse-s3 kek":    ring.KEK,
		"caddy-s3-sse v1 dsse-kms kek":  ring.OuterKEK,
		"caddy-s3-sse v1 system record": ring.RecordKey,
	} {
		want := mac(prk, []byte(label), []byte{1})
		got, err := derive("k", salt)
		if err != nil || !bytes.Equal(got[:], want) {
			t.Errorf("%s: got %x, want %x, %v", label, got[:], want, err)
		}
		other := salt
		other[0] ^= 1
		if other, _ := derive("k", other); other.Equal(got) {
			t.Errorf("%s: the salt does not matter", label)
		}
		if _, err := derive("other", salt); !errors.Is(err, ErrKeyNotFound) || !strings.Contains(err.Error(), `"other"`) {
			t.Errorf("%s: an unknown key: %v", label, err)
		}
		if seen[got] {
			t.Errorf("%s: another purpose has the same key", label)
		}
		seen[got] = true
	}
}

func TestNewRefuses(t *testing.T) {
	good := Key{"good", testKey("good")}
	fill := func(f func(i int) byte) Key {
		var k encryptor.Key
		for i := range k {
			k[i] = f(i)
		}
		return Key{"weak", k}
	}
	many := make([]Key, MaxKeys+1)
	for i := range many {
		many[i] = Key{fmt.Sprint("k", i), testKey(fmt.Sprint(i))}
	}
	tests := []struct {
		name   string
		keys   []Key
		active string
		want   string
	}{
		{"none", nil, "", "no master key"},
		{"too many", many, "k0", "at most 1024"},
		{"unknown active", []Key{good}, "other", `"other": no such master key`},
		{"no active", []Key{good}, "", "no such master key"},
		{"same id", []Key{good, {"good", testKey("other")}}, "good", "given twice"},
		{"same key", []Key{good, {"copy", good.Key}}, "good", `"good" and "copy" are the same key`},
		{"empty id", []Key{{"", good.Key}}, "", "master key 1: the id"},
		{"id of 65", []Key{{strings.Repeat("a", 65), good.Key}}, "", "the id"},
		{"id with space", []Key{{"a b", good.Key}}, "a b", "the id"},
		{"id with slash", []Key{{"a/b", good.Key}}, "a/b", "the id"},
		{"id with newline", []Key{{"a\n", good.Key}}, "a\n", "the id"},
		{"id not ASCII", []Key{{"ä", good.Key}}, "ä", "the id"},
		{"zero", []Key{good, fill(func(int) byte { return 0 })}, "good", "zero"},
		{"repeated byte", []Key{fill(func(int) byte { return 0xa5 })}, "weak", "all bytes are the same"},
		{"ascending", []Key{fill(func(i int) byte { return byte(i) })}, "weak", "run"},
		{"descending", []Key{fill(func(i int) byte { return byte(250 - 3*i) })}, "weak", "run"},
		{"repeated half", []Key{fill(func(i int) byte { return good.Key[i%16] })}, "weak", "repeats"},
		{"few values", []Key{fill(func(i int) byte { return byte(i*i*7) % 15 })}, "weak", "too few"},
		{"text", []Key{fill(func(i int) byte { return "Correct-Horse_Battery+Staple=99!"[i] })}, "weak", "text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ring, err := New(tt.keys, tt.active)
			if err == nil || ring != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	for c := range 256 {
		want := strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", rune(c))
		if got := validID(string([]byte{'a', byte(c)})); got != want {
			t.Errorf("%q: %v", rune(c), got)
		}
	}
	if validID(".") || validID("..") || !validID("...") {
		t.Error("dots")
	}
	if !validID(strings.Repeat("a", 64)) {
		t.Error("64 characters")
	}
}

func TestDistinctBytes(t *testing.T) {
	for n := 1; n <= 32; n++ {
		var k encryptor.Key
		for i := range k {
			k[i] = byte((i%n)*(i%n) + 128)
		}
		k[31] = k[n/2] // neither a run nor two equal halves
		seen := map[byte]bool{}
		for _, c := range k {
			seen[c] = true
		}
		if err := checkStrength(k); (err == nil) != (len(seen) >= minDistinct) {
			t.Errorf("%d different bytes: %v", len(seen), err)
		}
	}
}

func TestGeneratedKeysPass(t *testing.T) {
	for range 1000 {
		if err := checkStrength(Generate("k").Key); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRedaction prints a keyring in every way that a log or a message may.
func TestRedaction(t *testing.T) {
	key := Key{"main", testKey("secret")}
	ring, err := New([]Key{key}, "main")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	wrapper := struct{ Ring *Keyring }{ring}
	for _, v := range []any{ring, *ring, wrapper, key, &key, []Key{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text, _ := json.Marshal(v)
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	assertNoKey(t, out.String(), key.Key)
}

// assertNoKey fails if s holds k in one of the forms that fmt and the
// encoders give bytes.
func assertNoKey(t *testing.T, s string, k encryptor.Key) {
	t.Helper()
	piece := k[:6]
	decimal := strings.Trim(fmt.Sprintf("%d", piece), "[]")
	forms := []string{
		string(piece), hex.EncodeToString(piece), strings.ToUpper(hex.EncodeToString(piece)),
		base64.StdEncoding.EncodeToString(k[:6]), base64.URLEncoding.EncodeToString(k[:6]),
		decimal, strings.ReplaceAll(decimal, " ", ","), strings.Trim(fmt.Sprintf("%#v", piece), "[]byte{}"),
	}
	for _, f := range forms {
		if strings.Contains(s, f) {
			t.Errorf("the output holds key bytes as %q", f)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	ring, err := New([]Key{{"a", testKey("a")}, {"b", testKey("b")}}, "a")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				if _, err := ring.KEK([]string{"a", "b"}[i%2], [32]byte{byte(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkKEK(b *testing.B) {
	ring, err := New([]Key{{"a", testKey("a")}}, "a")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.KEK("a", [32]byte{1}); err != nil {
			b.Fatal(err)
		}
	}
}
