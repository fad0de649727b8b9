package encryptor

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The example of a part's ETag in FORMAT.md is what the code does.
func TestPartETagInFormatText(t *testing.T) {
	var salt [32]byte
	for i := range salt {
		salt[i] = byte(i)
	}
	text, err := os.ReadFile("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "for the salt `00 01 … 1f` gives `" + PartETag(salt) + "`"; !strings.Contains(string(text), want) {
		t.Errorf("FORMAT.md does not say %q", want)
	}
}

// The example of a CRC that is known before in FORMAT.md is what the code does.
func TestKnownCRCInFormatText(t *testing.T) {
	text, err := os.ReadFile("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("For a plaintext of 100 bytes it is 0x%08x.", ObjectCRC32C(100)); !strings.Contains(string(text), want) {
		t.Errorf("FORMAT.md does not say %q", want)
	}
}

// The example of a derivation in FORMAT.md is what the code does.
func TestDerivationExampleInFormatText(t *testing.T) {
	var keys Keys
	for i := range KeySize {
		keys.Data[i], keys.Outer[i] = byte(i), byte(KeySize+i)
	}
	var want strings.Builder
	line := func(name string, b []byte) {
		want.WriteString((name + strings.Repeat(" ", 25))[:25] + "= " + hex.EncodeToString(b) + "\n")
	}
	check := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, suite := range bothSuites {
		keys.Suite = suite
		r, err := keys.extract(&zeroSalt)
		if err != nil {
			t.Fatal(err)
		}
		fixed := fixedHeader(suite, 0, 100)
		line("fixed, "+map[Suite]string{1: "suite 1", 2: "suite 2"}[suite], fixed[:])
		line("segment key", check(expand(r.data, labelSegment+string(fixed[:]), 32)))
		if suite == SuiteDSSE {
			line("outer key", check(expand(r.outer, labelOuter+string(fixed[:]), 32)))
			line("outer record key", check(expand(r.outer, labelOuterRecord, 32)))
			line("outer digests key", check(deriveKey(&keys.Outer, labelOuterDigests)))
		} else {
			line("record key", check(expand(r.data, labelRecord, 32)))
			line("digests key", check(deriveKey(&keys.Data, labelDigests)))
			commit := Commit(keys.Data)
			line("key commitment", commit[:])
		}
		_, commit, err := r.segment(fixed[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		line("commitment in the header", commit[:])
	}
	text, err := os.ReadFile("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```\n"+want.String()+"```\n") {
		t.Errorf("FORMAT.md does not contain\n%s", want.String())
	}
}
