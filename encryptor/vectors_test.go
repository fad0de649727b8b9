package encryptor

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const vectorDir = "testdata/vectors"

// vector is a test vector: a stored object, keys, and what a reader makes of it. README.md
// beside the files describes them for readers in other languages.
type vector struct {
	expect    string // "success" or a failure class
	comment   string
	keys      Keys
	multipart bool
	size      int64     // that the store reports
	ranges    *[2]int64 // offset and length; nil for the whole object
	plain     []byte    // of which the file has length and hash
	plainLen  int64
	plainSum  [32]byte
	record    *Record // without salts and part checksums; nil if it is not to be checked
	envelope  []byte
	stored    []byte
}

// forEachVector calls f with every vector in testdata.
func forEachVector(t *testing.T, f func(*testing.T, *vector)) {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			v, err := parseVector(string(b))
			if err != nil {
				t.Fatal(err)
			}
			f(t, v)
		})
	}
}

func TestVectors(t *testing.T) {
	seen := map[string]bool{}
	forEachVector(t, func(t *testing.T, v *vector) {
		seen[v.expect] = true
		got, rec, err := v.open()
		class := failClass(err)
		if err == nil {
			class = "success"
		}
		if class != v.expect {
			t.Fatalf("%s, want %s: %v", class, v.expect, err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), ErrNotAuthentic.Error()+": "+class+": ") {
				t.Errorf("error %q", err)
			}
			if len(got) != 0 {
				t.Errorf("%d bytes came out", len(got))
			}
			return
		}
		if int64(len(got)) != v.plainLen || sha256.Sum256(got) != v.plainSum {
			t.Errorf("%d bytes, want %d, or the hash differs", len(got), v.plainLen)
		}
		if v.ranges != nil {
			return
		}
		if want := v.format(); !strings.Contains(want, recordLines(rec)) {
			t.Errorf("record:\n%swant:\n%s", recordLines(rec), want)
		}
		envelope, err := FooterEnvelope(v.stored)
		if err != nil || !bytes.Equal(envelope, v.envelope) {
			t.Errorf("envelope %x, %v", envelope, err)
		}
	})
	for _, class := range []string{
		"success", failHeader, failCommit, failChunk, failLength, failCheck, failFiller, failFooter, failRecord, failTruncated, failExtra,
	} {
		if !seen[class] {
			t.Errorf("no vector expects %q", class)
		}
	}
}

// open reads the vector's object as a reader of another implementation would.
func (v *vector) open() ([]byte, *Record, error) {
	l, err := layoutOf(v.keys, v.size, v.stored, v.multipart)
	if err != nil {
		return nil, nil, err
	}
	if v.ranges != nil {
		got, err := openRange(v.keys, l, v.stored, v.ranges[0], v.ranges[1])
		return got, nil, err
	}
	return openAll(v.keys, l, bytes.NewReader(v.stored))
}

func recordLines(r *Record) string {
	var b strings.Builder
	if r.Digests.ETag != "" {
		fmt.Fprintf(&b, "etag: %s\n", r.Digests.ETag)
	}
	if c := r.Digests.Checksum; c.Algorithm != 0 {
		fmt.Fprintf(&b, "checksum: %d %t %x\n", c.Algorithm, c.Composite, c.Value)
	}
	for _, p := range r.Parts {
		fmt.Fprintf(&b, "part: %d %d %x\n", p.Number, p.Length, p.Checksum)
	}
	return b.String()
}

func (v *vector) format() string {
	var b strings.Builder
	kind := "single"
	if v.multipart {
		kind = "multipart"
	}
	fmt.Fprintf(&b, "expect: %s\ncomment: %s\nsuite: %d\ndata key: %x\n", v.expect, v.comment, v.keys.Suite, v.keys.Data[:])
	if v.keys.Suite == SuiteDSSE {
		fmt.Fprintf(&b, "outer key: %x\n", v.keys.Outer[:])
	}
	fmt.Fprintf(&b, "kind: %s\nstored size: %d\n", kind, v.size)
	if v.ranges != nil {
		fmt.Fprintf(&b, "range: %d %d\n", v.ranges[0], v.ranges[1])
	}
	if v.expect == "success" {
		fmt.Fprintf(&b, "plaintext length: %d\nplaintext sha256: %x\n", v.plainLen, v.plainSum[:])
		if v.record != nil {
			b.WriteString(recordLines(v.record))
		}
		if len(v.envelope) != 0 {
			fmt.Fprintf(&b, "envelope: %x\n", v.envelope)
		}
	}
	b.WriteString("\n")
	for text := base64.StdEncoding.EncodeToString(v.stored); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

func parseVector(s string) (*vector, error) {
	head, body, ok := strings.Cut(s, "\n\n")
	if !ok {
		return nil, fmt.Errorf("no empty line")
	}
	v := &vector{record: &Record{}}
	var err error
	if v.stored, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", "")); err != nil {
		return nil, err
	}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if err := v.set(name, value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return v, nil
}

func (v *vector) set(name, value string) (err error) {
	unhex := func(dst []byte) error {
		b, err := hex.DecodeString(value)
		if err == nil && len(b) != len(dst) {
			err = fmt.Errorf("%d bytes", len(b))
		}
		copy(dst, b)
		return err
	}
	switch name {
	case "expect":
		v.expect = value
	case "comment":
		v.comment = value
	case "suite":
		_, err = fmt.Sscan(value, (*uint8)(&v.keys.Suite))
	case "data key":
		err = unhex(v.keys.Data[:])
	case "outer key":
		err = unhex(v.keys.Outer[:])
	case "kind":
		v.multipart = value == "multipart"
	case "stored size":
		v.size, err = strconv.ParseInt(value, 10, 64)
	case "range":
		v.ranges = new([2]int64)
		_, err = fmt.Sscan(value, &v.ranges[0], &v.ranges[1])
	case "plaintext length":
		v.plainLen, err = strconv.ParseInt(value, 10, 64)
	case "plaintext sha256":
		err = unhex(v.plainSum[:])
	case "etag":
		v.record.Digests.ETag = value
	case "checksum":
		c := &v.record.Digests.Checksum
		var digits string
		_, err = fmt.Sscan(value, &c.Algorithm, &c.Composite, &digits)
		if err == nil {
			c.Value, err = hex.DecodeString(digits)
		}
	case "part":
		var p Part
		fields := slices.DeleteFunc(strings.Split(value, " "), func(s string) bool { return s == "" })
		_, err = fmt.Sscan(value, &p.Number, &p.Length)
		if err == nil && len(fields) == 3 {
			p.Checksum, err = hex.DecodeString(fields[2])
		}
		v.record.Parts = append(v.record.Parts, p)
	case "envelope":
		v.envelope, err = hex.DecodeString(value)
	default:
		err = fmt.Errorf("is not known")
	}
	return err
}
