package encryptor

import (
	"bytes"
	"encoding"
	"fmt"
	"strings"
	"testing"
)

var (
	_ encoding.BinaryAppender    = (*Tail)(nil)
	_ encoding.BinaryUnmarshaler = (*Tail)(nil)
)

// TestTailKept checks that a tail that was written down and read again ends an
// object as often as asked, each time with another footer that opens.
func TestTailKept(t *testing.T) {
	keys := testKeys(SuiteAES256GCM)
	m := sealMultipart(t, keys, MinPartSize, 100)
	tail, err := NewTail(keys)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := tail.AppendBinary([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	var again Tail
	if err := again.UnmarshalBinary(bytes.TrimPrefix(kept, []byte("before"))); err != nil {
		t.Fatal(err)
	}
	parts := m.stored[:PartSize(MinPartSize)+PartSize(100)]
	var seen [][]byte
	for range 3 {
		stored, err := again.Append(bytes.Clone(parts), []byte("an envelope"), m.record)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored)-len(parts) > MaxTail {
			t.Errorf("a tail of %d bytes", len(stored)-len(parts))
		}
		rec, err := OpenFooter(keys, int64(len(stored)), stored)
		if err != nil || rec.Length != m.record.Length {
			t.Fatalf("%+v, %v", rec, err)
		}
		for _, s := range seen {
			if bytes.Equal(s, stored) {
				t.Error("two tails are the same")
			}
		}
		seen = append(seen, stored)
	}
}

// TestTailNotKept checks that nothing malformed is taken for a tail, and that
// one whose second layer would be used twice cannot be written down.
func TestTailNotKept(t *testing.T) {
	two, err := NewTail(testKeys(SuiteDSSE))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.AppendBinary(nil); err == nil {
		t.Error("a tail of two layers was written down")
	}
	var none Tail
	if _, err := none.AppendBinary(nil); err == nil {
		t.Error("the zero tail was written down")
	}
	if _, err := none.Append(nil, nil, &Record{Length: 1, Parts: []Part{{Number: 1, Length: 1, Salt: [32]byte{1}}}}); err == nil {
		t.Error("the zero tail ended an object")
	}
	one, err := NewTail(testKeys(SuiteAES256GCM))
	if err != nil {
		t.Fatal(err)
	}
	good, err := one.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty":    nil,
		"short":    good[:len(good)-1],
		"long":     append(bytes.Clone(good), 0),
		"suite":    append([]byte{2}, good[1:]...),
		"no salt":  append(append([]byte{1}, make([]byte, 32)...), good[33:]...),
		"zero key": append(bytes.Clone(good[:33]), make([]byte, 32)...),
	} {
		var got Tail
		if err := got.UnmarshalBinary(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTailRedacts(t *testing.T) {
	tail, err := NewTail(testKeys(SuiteDSSE))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		for _, v := range []any{tail, &tail} {
			if got := fmt.Sprintf(verb, v); strings.Trim(got, "&") != "encryptor.Tail" {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
	tail.Clear()
	if !tail.record.IsZero() || !tail.outer.IsZero() {
		t.Error("Clear left keys")
	}
}

func TestPartSizes(t *testing.T) {
	for _, limit := range []int64{0, 123, 124, 125, 1000, 65659, 65660, 65661, 65687, 65688, 65689, 65690, 5 << 30} {
		n := MaxPartLength(limit)
		if n >= 0 && PartSize(n) > limit || PartSize(n+1) <= limit {
			t.Errorf("MaxPartLength(%d) = %d, stored in %d, and one more in %d", limit, n, PartSize(max(n, 0)), PartSize(n+1))
		}
	}
}
