package metadata

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/localkeys"
)

// The vectors are files of "name: value" lines, so that implementations in
// other languages can use them. Bytes are in hexadecimal, text is as it is.
// FORMAT.md, "Envelope", says what the values of expect mean.
//
//	go test ./metadata -run TestVectors -update
//
// writes them anew, with other random nonces.
var update = flag.Bool("update", false, "write the vectors anew")

const vectorDir = "testdata/envelopes"

// vectorOrder is the order of the lines in a file.
var vectorOrder = []string{
	"about", "expect", "header", "master-key", "customer-key", "kek", "outer-kek", "realm", "object", "additional-data",
	"data-key", "outer-data-key", "etag", "checksum",
}

type vector map[string]string

func readVectors(t testing.TB) map[string]vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	all := make(map[string]vector)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := make(vector)
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if !ok || !slices.Contains(vectorOrder, name) {
				t.Fatalf("%s: bad line %q", file, line)
			}
			v[name] = value
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txt")] = v
	}
	return all
}

func writeVectors(t *testing.T, all map[string]vector) {
	t.Helper()
	if err := os.RemoveAll(vectorDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(vectorDir, 0o755); err != nil { //nolint:gosec // test data
		t.Fatal(err)
	}
	for name, v := range all {
		var b strings.Builder
		for _, line := range vectorOrder {
			if value, ok := v[line]; ok {
				fmt.Fprintf(&b, "%s: %s\n", line, value)
			}
		}
		if err := os.WriteFile(filepath.Join(vectorDir, name+".txt"), []byte(b.String()), 0o644); err != nil { //nolint:gosec // test data
			t.Fatal(err)
		}
	}
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t, makeVectors(t))
	}
	seen := make(map[string]int)
	for name, v := range readVectors(t) {
		seen[v["expect"]]++
		t.Run(name, func(t *testing.T) { v.check(t) })
	}
	for _, outcome := range []string{"opens", "malformed", "not authentic", "digests not authentic", "other customer key"} {
		if seen[outcome] == 0 {
			t.Errorf("no vector for the outcome %q", outcome)
		}
	}
}

func (v vector) bytes(t *testing.T, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(v[name])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) check(t *testing.T) {
	e, err := Decode(v["header"])
	if v["expect"] == "malformed" {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("got %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, e); again != v["header"] {
		t.Errorf("comes back as %q", again)
	}
	if want := v.bytes(t, "additional-data"); len(want) > 0 && !bytes.Equal(want, e.additionalData(slotData, v["realm"], v["object"])) {
		t.Error("other additional data")
	}
	v.checkRoots(t, e)
	keks := KEKs{Data: encryptor.Key(v.bytes(t, "kek"))}
	if v["outer-kek"] != "" {
		keks.Outer = encryptor.Key(v.bytes(t, "outer-kek"))
	}
	keys, err := e.Open(keks, v["realm"], v["object"])
	if v["expect"] == "not authentic" || v["expect"] == "other customer key" {
		if !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("got %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(keys.Data[:], v.bytes(t, "data-key")) {
		t.Error("another data key")
	}
	if outer := v.bytes(t, "outer-data-key"); len(outer) > 0 != (e.Mode == DSSEKMS) || len(outer) > 0 && !bytes.Equal(keys.Outer[:], outer) {
		t.Error("another outer data key")
	}
	if e.Mode == DSSEKMS && fips140.Enforced() {
		return // no second layer
	}
	d, err := e.OpenDigests(keys)
	if v["expect"] == "digests not authentic" {
		if !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("got %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if d.ETag != v["etag"] || checksumText(d.Checksum) != v["checksum"] {
		t.Errorf("ETag %q, checksum %q", d.ETag, checksumText(d.Checksum))
	}
}

// checkRoots derives key-encryption keys from the root keys that the vector has.
func (v vector) checkRoots(t *testing.T, e *Envelope) {
	t.Helper()
	if root := v.bytes(t, "master-key"); len(root) > 0 {
		id, name := e.KeyID, "kek"
		if e.Mode == DSSEKMS {
			id, name = e.OuterKeyID, "outer-kek"
		}
		ring, err := localkeys.New([]localkeys.Key{{ID: id, Key: encryptor.Key(root)}}, id)
		if err != nil {
			t.Fatal(err)
		}
		derive := ring.KEK
		if e.Mode == DSSEKMS {
			derive = ring.OuterKEK
		}
		if kek, err := derive(id, e.Salt); err != nil || !bytes.Equal(kek[:], v.bytes(t, name)) {
			t.Errorf("%s does not follow from the master key: %v", name, err)
		}
	}
	if root := v.bytes(t, "customer-key"); len(root) > 0 {
		if e.CheckCustomerKey(encryptor.Key(root)) != (v["expect"] != "other customer key") {
			t.Error("the check of the customer key has another outcome")
		}
		if kek, err := CustomerKEK(encryptor.Key(root), e.Salt); err != nil || !bytes.Equal(kek[:], v.bytes(t, "kek")) {
			t.Errorf("kek does not follow from the customer key: %v", err)
		}
	}
}

// checksumText is "<algorithm id> <hex>", or nothing.
func checksumText(c encryptor.Checksum) string {
	if c.Algorithm == 0 {
		return ""
	}
	return fmt.Sprintf("%d %x", c.Algorithm, c.Value)
}

// makeVectors makes one vector for every mode and every way to fail.
func makeVectors(t *testing.T) map[string]vector {
	all := make(map[string]vector)
	good := make(map[Mode]*Envelope)
	base := func(e *Envelope, about, expect string) vector {
		v := vector{"about": about, "expect": expect, "header": encode(t, e), "realm": testRealm, "object": testObject}
		v.setKEKs(testKEKs(t, e.Mode))
		return v
	}
	success := func(e *Envelope, about string) vector {
		v := base(e, about, "opens")
		v["additional-data"] = hex.EncodeToString(e.additionalData(slotData, testRealm, testObject))
		v["data-key"] = keyHex("data")
		if e.Mode == DSSEKMS {
			v["outer-data-key"] = keyHex("outer data")
		}
		if e.Digests != nil {
			d := testDigests()
			v["etag"], v["checksum"] = d.ETag, checksumText(d.Checksum)
		}
		return v
	}
	for mode, name := range modeNames {
		good[mode] = sealed(t, mode)
		all[name] = success(good[mode], mode.String()+" with every field")
		parts := sealed(t, mode)
		parts.Length, parts.Multipart, parts.Digests = 0, true, nil
		if err := parts.Seal(testKEKs(t, mode), testKeys(mode), testRealm, testObject); err != nil {
			t.Fatal(err)
		}
		all[name+"-multipart"] = success(parts, mode.String()+": multipart")
	}
	all["sse-c"]["customer-key"] = keyHex("customer")
	for _, mode := range []Mode{SSES3, DSSEKMS} {
		all[modeNames[mode]+"-master-key"] = withMasterKey(t, sealed(t, mode), success)
	}

	resealed := func(change func(e *Envelope)) *Envelope {
		e := sealed(t, SSES3)
		change(e)
		if err := e.Seal(testKEKs(t, SSES3), testKeys(SSES3), testRealm, testObject); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, change := range map[string]func(e *Envelope){
		"empty-object":   func(e *Envelope) { e.Length, e.ETagInFooter = 0, false },
		"no-digests":     func(e *Envelope) { e.Digests = nil },
		"largest-length": func(e *Envelope) { e.Length = encryptor.MaxObjectSize },
		"longest-key-id": func(e *Envelope) { e.KeyID = strings.Repeat("k", MaxKeyID) },
	} {
		all["sse-s3-"+name] = success(resealed(change), "SSE-S3: "+strings.ReplaceAll(name, "-", " "))
	}

	for name, v := range forgeries(t, base) {
		all["forged-"+name] = v
	}
	for name, header := range malformed(t, good) {
		all["malformed-"+strings.ReplaceAll(name, " ", "-")] = vector{"about": name, "expect": "malformed", "header": header}
	}
	return all
}

// modeNames are the names of the modes in those of vectors.
var modeNames = map[Mode]string{SSES3: "sse-s3", SSEKMS: "sse-kms", DSSEKMS: "dsse-kms", SSEC: "sse-c"}

func (v vector) setKEKs(keks KEKs) {
	v["kek"] = hex.EncodeToString(keks.Data[:])
	if !keks.Outer.IsZero() {
		v["outer-kek"] = hex.EncodeToString(keks.Outer[:])
	}
}

// withMasterKey seals e under a key that is derived from a master key.
func withMasterKey(t *testing.T, e *Envelope, success func(e *Envelope, about string) vector) vector {
	t.Helper()
	ring, err := localkeys.New([]localkeys.Key{{ID: "2026-11", Key: testKey("master")}}, "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	keks := testKEKs(t, e.Mode)
	if e.Mode == DSSEKMS {
		keks.Outer, err = ring.OuterKEK(e.OuterKeyID, e.Salt)
	} else {
		keks.Data, err = ring.KEK(e.KeyID, e.Salt)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Seal(keks, testKeys(e.Mode), testRealm, testObject); err != nil {
		t.Fatal(err)
	}
	v := success(e, e.Mode.String()+": from the master key")
	v["master-key"] = keyHex("master")
	v.setKEKs(keks)
	return v
}

func keyHex(seed string) string { k := testKey(seed); return hex.EncodeToString(k[:]) }

// forgeries are valid encodings that do not belong to the object.
func forgeries(t *testing.T, base func(e *Envelope, about, expect string) vector) map[string]vector {
	all := make(map[string]vector)
	for name, change := range map[string]func(v vector){
		"other-kek":    func(v vector) { v["kek"] = keyHex("other") },
		"other-realm":  func(v vector) { v["realm"] = "photos2" },
		"other-object": func(v vector) { v["object"] = "2026/other.jpg" },
		"moved-border": func(v vector) { v["realm"], v["object"] = testRealm+testObject[:1], testObject[1:] },
	} {
		v := base(sealed(t, SSES3), strings.ReplaceAll(name, "-", " "), "not authentic")
		change(v)
		all[name] = v
	}
	other := sealed(t, SSES3)
	if err := other.Seal(testKEKs(t, SSES3), encryptor.Keys{Suite: other.Suite, Data: testKey("their data")}, testRealm, "theirs"); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(e *Envelope){
		"key-id":     func(e *Envelope) { e.KeyID = "2025-11" },
		"salt":       func(e *Envelope) { e.Salt[0] ^= 1 },
		"length":     func(e *Envelope) { e.Length-- },
		"flags":      func(e *Envelope) { e.ETagInFooter = false },
		"nonce":      func(e *Envelope) { e.Data.Sealed[0] ^= 1 },
		"tag":        func(e *Envelope) { e.Data.Sealed[59] ^= 1 },
		"commitment": func(e *Envelope) { e.Data.Commitment[0] ^= 1 },
		"spliced-data-key": func(e *Envelope) {
			e.Data = other.Data
		},
		"mode": func(e *Envelope) { e.Mode, e.KeyID, e.CustomerHMAC = SSEC, "", bytes.Repeat([]byte{7}, 32) },
	} {
		e := sealed(t, SSES3)
		change(e)
		all[name] = base(e, strings.ReplaceAll(name, "-", " ")+" changed after sealing", "not authentic")
		all[name].setKEKs(testKEKs(t, SSES3))
	}
	committed := sealed(t, SSES3)
	committed.Data.Commitment = encryptor.Commit(testKey("other"))
	sealSlot(t, committed, &committed.Data, slotData, testKey("kek"), testKey("data"))
	all["commitment-to-another-key"] = base(committed, "the data key opens but is not the one committed to", "not authentic")

	for mode, prefix := range map[Mode]string{SSEKMS: "kms-", DSSEKMS: "dsse-", SSEC: "sse-c-"} {
		for name, change := range coveredFields(mode) {
			e := sealed(t, mode)
			keks := testKEKs(t, mode)
			change(e)
			v := base(e, strings.ReplaceAll(name, "-", " ")+" changed after sealing", "not authentic")
			v.setKEKs(keks)
			all[prefix+name] = v
		}
	}
	for name, keks := range map[string]KEKs{
		"other-kek":       {Data: testKey("other"), Outer: testKey("outer kek")},
		"other-outer-kek": {Data: testKey("kek"), Outer: testKey("other")},
		"swapped-keks":    {Data: testKey("outer kek"), Outer: testKey("kek")},
	} {
		v := base(sealed(t, DSSEKMS), strings.ReplaceAll(name, "-", " "), "not authentic")
		v.setKEKs(keks)
		all["dsse-"+name] = v
	}
	v := base(sealed(t, SSEC), "another customer key", "other customer key")
	kek, err := CustomerKEK(testKey("other"), testKey("salt"))
	if err != nil {
		t.Fatal(err)
	}
	v.setKEKs(KEKs{Data: kek})
	v["customer-key"] = keyHex("other")
	all["sse-c-other-customer-key"] = v

	for mode, name := range map[Mode]string{SSES3: "digests", DSSEKMS: "dsse-digests"} {
		e := sealed(t, mode)
		e.Digests[len(e.Digests)-1] ^= 1
		v := base(e, "digests changed after sealing", "digests not authentic")
		v["data-key"] = keyHex("data")
		if mode == DSSEKMS {
			v["outer-data-key"] = keyHex("outer data")
		}
		all[name] = v
	}
	return all
}

// malformed are encodings that must not be accepted, whatever the keys.
func malformed(t *testing.T, good map[Mode]*Envelope) map[string]string {
	all := make(map[string]string)
	raw := rawOf(t, good[SSES3])
	add := func(name string, raw []byte) { all[name] = encoding.EncodeToString(raw) }

	// Maps with other fields, in an otherwise correct encoding.
	edit := func(name string, mode Mode, changes map[uint64]any) {
		m := fieldsOf(t, rawOf(t, good[mode]))
		maps.Copy(m, changes)
		maps.DeleteFunc(m, func(_ uint64, v any) bool { return v == nil })
		add(name, marshal(t, m))
	}
	for f := fieldVersion; f <= fieldCommitment; f++ {
		if f != fieldWrappedKEK {
			edit(fmt.Sprintf("without field %d", f), SSES3, map[uint64]any{uint64(f): nil})
		}
	}
	edit("without length", SSES3, map[uint64]any{uint64(fieldLength): nil})
	edit("without wrapped key", SSEKMS, map[uint64]any{uint64(fieldWrappedKEK): nil})
	edit("without customer hmac", SSEC, map[uint64]any{uint64(fieldCustomerHMAC): nil})
	edit("field 0", SSES3, map[uint64]any{0: 1})
	edit("field 17", SSES3, map[uint64]any{17: 1})
	edit("field 23", SSES3, map[uint64]any{23: []byte{1}})
	edit("field 24", SSES3, map[uint64]any{24: []byte{1}})
	edit("version 0", SSES3, map[uint64]any{1: 0})
	edit("version 2", SSES3, map[uint64]any{1: 2})
	edit("mode 0", SSES3, map[uint64]any{2: 0})
	edit("mode 5", SSES3, map[uint64]any{2: 5})
	edit("mode 257", SSES3, map[uint64]any{2: 257})
	edit("mode of another kind", SSES3, map[uint64]any{2: uint64(SSEKMS)})
	edit("suite 0", SSES3, map[uint64]any{3: 0})
	edit("suite 2 in sse-s3", SSES3, map[uint64]any{3: 2})
	edit("suite 3", SSES3, map[uint64]any{3: 3})
	edit("key id empty", SSES3, map[uint64]any{4: ""})
	edit("key id of 65", SSES3, map[uint64]any{4: strings.Repeat("k", 65)})
	edit("key id with space", SSES3, map[uint64]any{4: "a b"})
	edit("key id with colon", SSES3, map[uint64]any{4: "a:b"})
	edit("key id as bytes", SSES3, map[uint64]any{4: []byte("2026-11")})
	edit("salt of 31", SSES3, map[uint64]any{5: make([]byte, 31)})
	edit("salt of 33", SSES3, map[uint64]any{5: make([]byte, 33)})
	edit("salt of zeros", SSES3, map[uint64]any{5: make([]byte, 32)})
	edit("salt in sse-kms", SSEKMS, map[uint64]any{5: bytes.Repeat([]byte{7}, 32)})
	edit("wrapped key in sse-s3", SSES3, map[uint64]any{6: []byte("vault:v1:x")})
	edit("wrapped key empty", SSEKMS, map[uint64]any{6: []byte{}})
	edit("wrapped key of 257", SSEKMS, map[uint64]any{6: make([]byte, 257)})
	edit("sealed key of 59", SSES3, map[uint64]any{7: make([]byte, 59)})
	edit("sealed key of 61", SSES3, map[uint64]any{7: make([]byte, 61)})
	edit("commitment of 31", SSES3, map[uint64]any{8: make([]byte, 31)})
	edit("outer key id in sse-s3", SSES3, map[uint64]any{9: "2026-11"})
	edit("outer layer in sse-kms", SSEKMS, map[uint64]any{9: "k", 10: bytes.Repeat([]byte{7}, 60), 11: bytes.Repeat([]byte{7}, 32)})
	edit("length negative", SSES3, map[uint64]any{12: -1})
	edit("length too large", SSES3, map[uint64]any{12: int64(encryptor.MaxObjectSize) + 1})
	edit("length of 64 bits", SSES3, map[uint64]any{12: uint64(1 << 63)})
	edit("length as float", SSES3, map[uint64]any{12: 1.5})
	edit("multipart with length", SSES3, map[uint64]any{13: 1})
	edit("flags 0", SSES3, map[uint64]any{13: 0})
	edit("flags 8", SSES3, map[uint64]any{13: 8})
	edit("bucket key in sse-s3", SSES3, map[uint64]any{13: 4})
	edit("context in sse-s3", SSES3, map[uint64]any{14: []byte("{}")})
	edit("context empty", SSEKMS, map[uint64]any{14: []byte{}})
	edit("context of 769", SSEKMS, map[uint64]any{14: make([]byte, MaxContext+1)})
	edit("context as text", SSEKMS, map[uint64]any{14: `{"team":"photos"}`})
	edit("customer hmac in sse-s3", SSES3, map[uint64]any{15: make([]byte, 32)})
	edit("customer hmac of 31", SSEC, map[uint64]any{15: make([]byte, 31)})
	edit("digests empty", SSES3, map[uint64]any{16: []byte{}})
	edit("key id with a parent directory", SSEKMS, map[uint64]any{4: "a/../b"})
	edit("key id with a slash at its end", SSEKMS, map[uint64]any{4: "a/"})
	edit("key id with two slashes", SSEKMS, map[uint64]any{4: "a//b"})
	edit("key id of a dot", SSES3, map[uint64]any{4: "."})
	for f := fieldVersion; f <= fieldOuterCommitment; f++ {
		edit(fmt.Sprintf("dsse-kms without field %d", f), DSSEKMS, map[uint64]any{uint64(f): nil})
	}
	edit("digests of 161", SSES3, map[uint64]any{16: make([]byte, MaxDigests+1)})

	// Other encodings of the same map.
	body := raw[1:]
	add("not a map", append([]byte{majorArray | 12}, body...))
	add("map of indefinite length", slices.Concat([]byte{0xbf}, body, []byte{0xff}))
	add("map head too long", slices.Concat([]byte{majorMap | 24, raw[0] & 0x1f}, body))
	add("map with a pair too many", append([]byte{raw[0] + 1}, body...))
	add("map with a pair too few", append([]byte{raw[0] - 1}, body...))
	add("empty map", []byte{majorMap})
	add("nothing", nil)
	add("trailing byte", append(slices.Clone(raw), 0))
	add("tagged", append([]byte{0xd9, 0xd9, 0xf7}, raw...))
	add("number not shortest", slices.Concat(raw[:1], []byte{1, 24, 1}, raw[3:]))
	add("key not shortest", slices.Concat(raw[:1], []byte{24, 1}, raw[2:]))
	add("keys descending", slices.Concat(raw[:1], raw[3:5], raw[1:3], raw[5:]))
	add("key twice", slices.Concat([]byte{raw[0] + 1}, raw[1:3], raw[1:]))
	add("reserved length", slices.Concat(raw[:2], []byte{28}, raw[3:]))
	add("null", slices.Concat(raw[:2], []byte{0xf6}, raw[3:]))

	// Other spellings of the same bytes.
	value := encoding.EncodeToString(raw)
	all["padded"] = value + strings.Repeat("=", (4-len(value)%4)%4)
	all["spare bits set"] = value[:len(value)-1] + string(value[len(value)-1]+1) // the last character stands for four bits and two spare ones
	all["with a space"] = value[:8] + " " + value[8:]
	all["too long"] = encoding.EncodeToString(append(raw, make([]byte, MaxEncoded)...))
	return all
}
