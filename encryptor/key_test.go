package encryptor

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestKeyDoesNotShowItself(t *testing.T) {
	key := NewKey()
	keys := Keys{Suite: SuiteDSSE, Data: key, Outer: key}
	sealer, err := NewSealer(testKeys(SuiteDSSE), strings.NewReader("x"), 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sealer.Close()
	opener := NewOpener(Keys{Suite: SuiteAES256GCM, Data: key}, Layout{stored: StoredSize(0)}, nil)
	defer opener.Close()

	secret := func(out string) bool {
		out = strings.ToLower(out)
		digits := hex.EncodeToString(key[:])
		return strings.Contains(out, digits[:8]) || strings.Contains(out, string(key[:4])) ||
			strings.Contains(out, strings.Trim(fmt.Sprintf("%v", key[:4]), "[]")) ||
			strings.Contains(out, strings.Trim(fmt.Sprintf("%#v", key[:3]), "[]byte{}"))
	}
	// Package fmt asks nobody about %p and about a %w that is no error; vet refuses both.
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%e"} {
		for _, v := range []any{key, &key, keys, &keys, []Key{key}, map[string]Key{"k": key}, opener, *opener.keys, struct{ O *Opener }{opener}} {
			if out := fmt.Sprintf(verb, v); secret(out) {
				t.Errorf("%s of a %T shows the key: %.300s", verb, v, out)
			}
		}
		if out := fmt.Sprintf(verb, key); out != redacted {
			t.Errorf("%s = %q", verb, out)
		}
		if out := fmt.Sprintf(verb, sealer); out != "encryptor.Sealer" {
			t.Errorf("%s of a Sealer = %.300q", verb, out)
		}
	}
	if key.String() != redacted || key.GoString() != redacted {
		t.Error("String or GoString shows the key")
	}

	for _, v := range []any{key, &key, keys, map[string]Key{"k": key}, struct{ K *Key }{&key}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if secret(string(b)) || !strings.Contains(string(b), redacted) {
			t.Errorf("JSON of a %T: %s", v, b)
		}
	}
	if b, err := key.MarshalText(); err != nil || string(b) != redacted {
		t.Errorf("MarshalText = %q, %v", b, err)
	}

	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("message", "key", key, "pointer", &key, "keys", keys)
		if secret(out.String()) || !strings.Contains(out.String(), redacted) {
			t.Errorf("slog: %s", out.String())
		}
	}
}

func TestKeyCannotBeUnmarshalled(t *testing.T) {
	key := NewKey()
	before := key
	if err := json.Unmarshal([]byte(`"`+redacted+`"`), &key); err == nil {
		t.Error("a redacted key was read back")
	}
	if !key.Equal(before) {
		t.Error("the key changed")
	}
}

func TestKeyEqual(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a.Equal(b) || !a.Equal(a) || a.IsZero() || !(Key{}).IsZero() {
		t.Error("Equal or IsZero is wrong")
	}
	for i := range a {
		c := a
		c[i] ^= 0x80
		if a.Equal(c) {
			t.Errorf("byte %d is not compared", i)
		}
	}
}

func TestKeysAreChecked(t *testing.T) {
	a, b := NewKey(), NewKey()
	tests := map[string]struct {
		keys Keys
		ok   bool
	}{
		"one layer":                 {Keys{Suite: SuiteAES256GCM, Data: a}, true},
		"two layers":                {Keys{Suite: SuiteDSSE, Data: a, Outer: b}, true},
		"nothing":                   {Keys{}, false},
		"no suite":                  {Keys{Data: a}, false},
		"unknown suite":             {Keys{Suite: 3, Data: a}, false},
		"no data key":               {Keys{Suite: SuiteAES256GCM}, false},
		"one layer, outer key":      {Keys{Suite: SuiteAES256GCM, Data: a, Outer: b}, false},
		"two layers, no outer key":  {Keys{Suite: SuiteDSSE, Data: a}, false},
		"two layers, no data key":   {Keys{Suite: SuiteDSSE, Outer: a}, false},
		"two layers with one key":   {Keys{Suite: SuiteDSSE, Data: a, Outer: a}, false},
		"an outer key and no suite": {Keys{Data: a, Outer: b}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stored, err := SealBytes(nil, tt.keys, nil, nil, Digests{})
			if (err == nil) != tt.ok {
				t.Errorf("SealBytes: %v", err)
			}
			if s, err := NewSealer(tt.keys, strings.NewReader(""), 0, nil, nil); (err == nil) != tt.ok {
				t.Errorf("NewSealer: %v", err)
			} else if s != nil {
				s.Close()
			}
			if tt.ok {
				return
			}
			if len(stored) != 0 {
				t.Error("something was sealed")
			}
			l, _ := SingleLayout(StoredSize(1))
			if _, _, err := openAll(tt.keys, l, strings.NewReader("x")); err == nil || failClass(err) != "" {
				t.Errorf("NewOpener: %v", err)
			}
			if _, err := NewRangeOpener(tt.keys, l, strings.NewReader("x"), 0, 0, 1); err == nil {
				t.Error("NewRangeOpener accepted them")
			}
			if _, err := OpenFooter(tt.keys, 1, nil); err == nil {
				t.Error("OpenFooter accepted them")
			}
			if _, err := AppendTail(nil, tt.keys, nil, &Record{Parts: make([]Part, 1)}); err == nil {
				t.Error("AppendTail accepted them")
			}
			if _, _, err := NewPartSealer(tt.keys, strings.NewReader(""), 1, 0); err == nil {
				t.Error("NewPartSealer accepted them")
			}
		})
	}
}

func TestCommit(t *testing.T) {
	a, b := NewKey(), NewKey()
	same := a
	if Commit(a) == Commit(b) || Commit(a) != Commit(same) || Commit(a) == [32]byte(a) {
		t.Error("the commitment does not tell keys apart")
	}
}
