package sigv4

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsRedacted(t *testing.T) {
	s := mustSecret(t, testSecret)
	inner := struct {
		unexported Secret
		credential Credential
		pointer    *Secret
	}{s, Credential{"AKIA", s}, &s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%w", "%40s", "%U"} {
		for _, value := range []any{s, &s, Credential{"AKIA", s}, inner, &inner, []Secret{s}, map[string]Secret{"a": s}, deriveKey(s, "20260304", "r").secret} {
			fmt.Fprintf(&out, verb, value)
		}
	}
	fmt.Fprint(&out, s, inner, s.String(), s.GoString())
	text, err := json.Marshal(map[string]any{"s": s, "c": Credential{"AKIA", s}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", s, "c", Credential{"AKIA", s}, "i", inner)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "s", s, "c", Credential{"AKIA", s}, "i", inner)
	out.Write(log.Bytes())
	for _, leak := range []string{testSecret, fmt.Sprintf("%x", testSecret), fmt.Sprintf("%X", testSecret), fmt.Sprintf("%q", testSecret)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in the output", leak)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was redacted")
	}
}

func TestSecretCompare(t *testing.T) {
	if _, err := NewSecret(""); err == nil {
		t.Error("an empty secret was taken")
	}
	a, a2, b := mustSecret(t, "secret-a"), mustSecret(t, "secret-a"), mustSecret(t, "secret-b")
	var zero Secret
	if !a.Equal(a) || !a.Equal(a2) || a.Equal(b) || a.Equal(zero) || zero.Equal(a) || !zero.Equal(zero) {
		t.Error("Equal is wrong")
	}
	if !zero.IsZero() || a.IsZero() {
		t.Error("IsZero is wrong")
	}
}
