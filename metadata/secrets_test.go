package metadata

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestErrorsHoldNoSecrets prints what goes wrong when opening.
func TestErrorsHoldNoSecrets(t *testing.T) {
	for _, mode := range allModes {
		e := sealed(t, mode)
		wrong := testKEKs(t, mode)
		wrong.Data = testKey("another kek")
		_, err := e.Open(wrong, testRealm, testObject)
		holdsNoKey(t, fmt.Sprintf("%+v %#v", err, err), "another kek", "outer kek", "data", "outer data", "customer")
	}
}

// TestKEKsAreNotPrinted prints keys in every way that a log or a message may.
func TestKEKsAreNotPrinted(t *testing.T) {
	keks := KEKs{Data: testKey("kek"), Outer: testKey("outer kek")}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb, keks)
		fmt.Fprintf(&out, verb, &keks)
	}
	text, err := json.Marshal(keks)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	holdsNoKey(t, out.String(), "kek", "outer kek")
	if keks.Clear(); keks != (KEKs{}) {
		t.Error("keys are left")
	}
}

// holdsNoKey fails if the text holds the test key of a seed in one of the
// forms that fmt and the encoders give bytes.
func holdsNoKey(t *testing.T, text string, seeds ...string) {
	t.Helper()
	for _, seed := range seeds {
		k := testKey(seed)
		decimal := strings.Trim(fmt.Sprintf("%d", k[:4]), "[]")
		for _, form := range []string{
			string(k[:4]), fmt.Sprintf("%x", k[:4]), fmt.Sprintf("%X", k[:4]), base64.StdEncoding.EncodeToString(k[:6]),
			decimal, strings.ReplaceAll(decimal, " ", ","), strings.Trim(fmt.Sprintf("%#v", k[:4]), "[]byte{}"),
		} {
			if strings.Contains(text, form) {
				t.Errorf("the output holds %q as %q", seed, form)
			}
		}
	}
}
