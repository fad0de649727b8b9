package gateway

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"
)

// TestFormatExamples checks that what FORMAT.md shows of the system bucket is
// what the code does.
func TestFormatExamples(t *testing.T) {
	doc, err := os.ReadFile("../FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	p := partRecord{
		number: 2, length: 8 << 20, at: time.Unix(0, 1795262400000000000), storeETag: "abc", checksum: []byte{1, 2, 3, 4},
		check: [4]byte{0xa1, 0xb2, 0xc3, 0xd4},
	}
	for i := range p.salt {
		p.salt[i] = byte(i)
	}
	plain, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		uploadID{"photos", "2026/cat.jpg", "upload-1"}.dir(),
		hex.EncodeToString(plain),
		(&partRecord{number: 2, salt: p.salt}).stash(""),
		partNameLabel, strings.TrimSuffix(recordLabel, "\x00"), settingsRecord, uploadRecordName, defaultSystem,
	} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("FORMAT.md does not have %q", want)
		}
	}
}
