package encryptor

import (
	"bytes"
	"crypto/fips140"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const fipsChild = "ENCRYPTOR_TEST_FIPS_CHILD"

// TestFIPSOnly runs everything but the second layer in a process in which package crypto
// refuses all that FIPS 140-3 does not approve.
func TestFIPSOnly(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestFIPSChild$", "-test.v", "-test.count=1") //nolint:gosec // ourselves
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GODEBUG=") }),
		"GODEBUG=fips140=only", fipsChild+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"fips140=only is enforced", "--- PASS: TestFIPSChild/object", "--- PASS: TestFIPSChild/parts",
		"--- PASS: TestFIPSChild/derivations", "--- PASS: TestFIPSChild/two_layers_are_refused",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the child did not say %q:\n%s", want, out)
		}
	}
}

func TestFIPSChild(t *testing.T) {
	if os.Getenv(fipsChild) == "" {
		t.Skip("run by TestFIPSOnly")
	}
	if !fips140.Enabled() || !fips140.Enforced() {
		t.Fatal("FIPS mode is not enforced")
	}
	t.Log("fips140=only is enforced")
	keys := testKeys(SuiteAES256GCM)
	t.Run("object", func(t *testing.T) {
		for _, n := range []int64{0, 1, ChunkSize, 5*ChunkSize + 1} {
			plain := testBytes(n)
			s, err := NewSealer(keys, bytes.NewReader(plain), n, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var stored bytes.Buffer
			if _, err := s.WriteTo(&stored); err != nil {
				t.Fatal(err)
			}
			s.Close()
			for _, b := range [][]byte{stored.Bytes(), sealSingle(t, keys, plain)} {
				l := mustLayout(t, keys, b, false)
				if got, _, err := openAll(keys, l, bytes.NewReader(b)); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if got, err := openRange(keys, l, b, n/2, n-n/2); err != nil || !bytes.Equal(got, plain[n/2:]) {
					t.Errorf("range: %d bytes, %v", len(got), err)
				}
			}
		}
	})
	t.Run("parts", func(t *testing.T) {
		m := sealMultipart(t, keys, MinPartSize, 10)
		if got, _, err := openAll(keys, mustLayout(t, keys, m.stored, true), bytes.NewReader(m.stored)); err != nil || !bytes.Equal(got, m.plain) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("derivations", func(t *testing.T) {
		if Commit(keys.Data) == Commit(NewKey()) {
			t.Error("the commitment does not tell keys apart")
		}
		b, err := SealDigests(keys, Digests{ETag: someMD5})
		if err != nil {
			t.Fatal(err)
		}
		if d, err := OpenDigests(keys, b); err != nil || d.ETag != someMD5 {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("two layers are refused", func(t *testing.T) {
		if _, err := SealBytes(nil, testKeys(SuiteDSSE), nil, nil, Digests{}); err == nil {
			t.Error("ChaCha20 was used")
		}
		if _, err := NewSealer(testKeys(SuiteDSSE), bytes.NewReader(nil), 0, nil, nil); err == nil {
			t.Error("ChaCha20 was used")
		}
		if _, err := SealDigests(testKeys(SuiteDSSE), Digests{}); err == nil {
			t.Error("ChaCha20 was used")
		}
	})
}
