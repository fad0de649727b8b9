package encryptor

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
)

func TestFootersThatAreRefused(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	stored := sealSingle(t, keys, testBytes(100))
	size, err := FooterSize(stored)
	if err != nil {
		t.Fatal(err)
	}
	footer := stored[int64(len(stored))-size:]
	set := func(at int, b ...byte) []byte {
		c := slices.Clone(footer)
		copy(c[at:], b)
		return c
	}
	trailer := func(n uint32) []byte {
		return set(len(footer)-12, binary.BigEndian.AppendUint32(nil, n)...)
	}
	for name, tt := range map[string]struct {
		tail  []byte
		class string
	}{
		"itself":               {footer, ""},
		"with what is before":  {stored, ""},
		"nothing":              {nil, failTruncated},
		"eleven bytes":         {footer[len(footer)-11:], failTruncated},
		"the trailer alone":    {footer[len(footer)-12:], failTruncated},
		"all but a byte":       {footer[1:], failTruncated},
		"another end":          {set(len(footer)-5, 'E'), failFooter},
		"another check":        {set(len(footer)-1, footer[len(footer)-1]^1), ""}, // of interest with the filler only
		"size 0":               {trailer(0), failFooter},
		"size too small":       {trailer(uint32(minFooter - 1)), failFooter},
		"size smallest":        {trailer(uint32(minFooter)), failFooter},
		"size too large":       {trailer(uint32(maxFooter(MaxParts)) + 1), failFooter},
		"size largest":         {trailer(uint32(maxFooter(MaxParts))), failTruncated},
		"size 2^32-1":          {trailer(1<<32 - 1), failFooter},
		"size one less":        {trailer(uint32(size) - checkSize - 1), failFooter},
		"envelope too long":    {set(0, 2, 1), failFooter},
		"envelope 65535":       {set(0, 255, 255), failFooter},
		"envelope to the end":  {set(0, 0, byte(size-12)), failFooter},
		"envelope shorter":     {set(0, 0, 1), failFooter},
		"envelope changed":     {set(3, 'x'), failFooter},
		"salt changed":         {set(2+11, 1), failFooter},
		"record changed":       {set(2+11+32+12, footer[2+11+32+12]+1), failFooter},
		"envelope of 0 length": {set(0, 0, 0), failFooter},
	} {
		rec, err := OpenFooter(keys, int64(len(stored)), tt.tail)
		if failClass(err) != tt.class || (rec != nil) != (tt.class == "") || (err == nil) != (tt.class == "") {
			t.Errorf("%s: %v", name, err)
		}
		if tt.class == failTruncated && (!errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, ErrNotAuthentic)) {
			t.Errorf("%s: %v", name, err)
		}
		// What needs no key must not panic on any of them.
		_, _ = FooterSize(tt.tail)
		_, _ = FooterEnvelope(tt.tail)
	}
	for _, n := range []int64{-1, 0, int64(len(stored)) - 1, int64(len(stored)) + 1} {
		if _, err := OpenFooter(keys, n, stored); failClass(err) != failFooter {
			t.Errorf("an object of %d: %v", n, err)
		}
	}
	if _, err := OpenFooter(testKeys(SuiteAES256GCM), int64(len(stored)), stored); failClass(err) != failFooter {
		t.Errorf("other keys: %v", err)
	}
	if _, err := OpenFooter(Keys{Suite: SuiteDSSE, Data: keys.Data, Outer: NewKey()}, int64(len(stored)), stored); failClass(err) != failFooter {
		t.Errorf("another suite: %v", err)
	}
}

func TestFooterSuffix(t *testing.T) {
	if FooterSuffix() < int64(maxFooter(0)) || FooterSuffix() > StoredSize(0) {
		t.Errorf("FooterSuffix() = %d", FooterSuffix())
	}
	// One part is one segment too.
	if FooterSuffix() < int64(maxFooter(1)) {
		t.Errorf("FooterSuffix() = %d, a footer of one part takes %d", FooterSuffix(), maxFooter(1))
	}
}

func TestIsEncrypted(t *testing.T) {
	for prefix, want := range map[string]bool{"": false, "S3S": false, "S3SE": true, "S3SE\x01": true, "S3SF": false, "s3se": false} {
		if IsEncrypted([]byte(prefix)) != want {
			t.Errorf("%q", prefix)
		}
	}
}
