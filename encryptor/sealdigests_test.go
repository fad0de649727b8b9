package encryptor

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryChecksumAlgorithm(t *testing.T) {
	// By the S3 API's names: CRC32 … XXHASH128.
	for i, size := range []int{4, 4, 8, 20, 32, 64, 16, 8, 8, 16} {
		d := Digests{Checksum: Checksum{Algorithm: uint8(i + 1), Value: bytes.Repeat([]byte{1}, size)}}
		for _, suite := range bothSuites {
			keys := testKeys(suite)
			b, err := SealDigests(keys, d)
			if err != nil {
				t.Fatal(err)
			}
			got, err := OpenDigests(keys, b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(d, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestSealDigests(t *testing.T) {
	for _, suite := range bothSuites {
		keys := testKeys(suite)
		for _, d := range []Digests{
			{},
			{ETag: someMD5},
			{ETag: someMD5 + "-10000", Checksum: Checksum{Algorithm: 6, Composite: true, Value: bytes.Repeat([]byte{9}, 64)}},
		} {
			b, err := SealDigests(keys, d)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > 160 {
				t.Errorf("%d bytes", len(b))
			}
			got, err := OpenDigests(keys, b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(d, got); diff != "" {
				t.Error(diff)
			}
			for i := range b {
				b[i] ^= 0x10
				if _, err := OpenDigests(keys, b); failClass(err) != failRecord {
					t.Errorf("byte %d: %v", i, err)
				}
				b[i] ^= 0x10
				if _, err := OpenDigests(keys, b[:i]); failClass(err) != failRecord {
					t.Errorf("%d bytes: %v", i, err)
				}
			}
			other := testKeys(suite)
			for _, wrong := range []Keys{
				other,
				{Suite: suite, Data: other.Data, Outer: keys.Outer},
			} {
				if _, err := OpenDigests(wrong, b); failClass(err) != failRecord {
					t.Errorf("another key: %v", err)
				}
			}
		}
		if _, err := SealDigests(keys, Digests{ETag: "x"}); err == nil {
			t.Error("malformed digests were sealed")
		}
	}
}

// Digests in two layers do not open without either key, nor as if they had one layer.
func TestDigestsInTwoLayers(t *testing.T) {
	keys := testKeys(SuiteDSSE)
	b, err := SealDigests(keys, Digests{ETag: someMD5})
	if err != nil {
		t.Fatal(err)
	}
	wrong := keys
	wrong.Outer = NewKey()
	if _, err := OpenDigests(wrong, b); failClass(err) != failRecord {
		t.Errorf("another outer key: %v", err)
	}
	for _, data := range []Key{keys.Data, keys.Outer} {
		for _, sealed := range [][]byte{b, b[digestsIndex:]} {
			if _, err := OpenDigests(Keys{Suite: SuiteAES256GCM, Data: data}, sealed); failClass(err) != failRecord {
				t.Errorf("one of two keys: %v", err)
			}
		}
	}
	again, err := SealDigests(keys, Digests{ETag: someMD5})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(b[:digestsIndex], again[:digestsIndex]) {
		t.Error("the second layer repeats its keystream")
	}
}

func TestDigestsNeedKeys(t *testing.T) {
	for _, suite := range bothSuites {
		if _, err := SealDigests(Keys{Suite: suite}, Digests{}); err == nil {
			t.Error("sealed without a key")
		}
		if _, err := OpenDigests(Keys{Suite: suite}, make([]byte, 100)); err == nil {
			t.Error("opened without a key")
		}
	}
	if _, err := SealDigests(Keys{Suite: SuiteDSSE, Data: NewKey()}, Digests{}); err == nil {
		t.Error("sealed without the outer key")
	}
}

func TestDigestsThatNobodyWrites(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	l, err := digestsCipher(&keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, digits := range []string{"", "a1", "a10141ff", "f6", "80", "a0a0", "a200", "a10100", "a1184201", "a203010240", "a104180b", "a1050f"} {
		plain, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDigests(keys, l.seal(nil, plain, nil, 0)); failClass(err) != failRecord {
			t.Errorf("%s: %v", digits, err)
		}
	}
}
