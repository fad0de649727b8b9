package s3api

import (
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checksumVectors reads testdata/checksum.txt: blocks of "name: value" lines
// separated by empty lines.
func checksumVectors(t *testing.T) []map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/checksum.txt")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []map[string]string
	for block := range strings.SplitSeq(string(data), "\n\n") {
		v := map[string]string{}
		for line := range strings.Lines(block) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && line[0] != '#' {
				v[name] = strings.TrimSpace(value)
			}
		}
		vectors = append(vectors, v)
	}
	return vectors
}

func TestChecksumVectors(t *testing.T) {
	seen := map[Algorithm]bool{}
	for _, v := range checksumVectors(t) {
		a, ok := ParseAlgorithm(v["algorithm"])
		if want := v["expect"] != "refused"; ok != want {
			t.Errorf("ParseAlgorithm(%q) ok = %v, want %v", v["algorithm"], ok, want)
		}
		if !ok {
			continue
		}
		seen[a] = true
		h := a.New()
		for _, c := range []byte(v["message"]) { // bytewise, to exercise the streaming
			h.Write([]byte{c})
		}
		sum := h.Sum([]byte("prefix"))
		if got := base64.StdEncoding.EncodeToString(sum[len("prefix"):]); got != v["expect"] || string(sum[:6]) != "prefix" {
			t.Errorf("%s(%q) = %s, want %s", a, v["message"], got, v["expect"])
		}
		if h.Size() != a.Size() {
			t.Errorf("%s: Size of the hash is %d, of the algorithm %d", a, h.Size(), a.Size())
		}
	}
	for _, a := range Algorithms() {
		if !seen[a] {
			t.Errorf("no vector for %s", a)
		}
	}
}

// TestAlgorithmNumbers holds the numbers fixed: they are inside stored objects.
func TestAlgorithmNumbers(t *testing.T) {
	want := []string{
		1: "CRC32", 2: "CRC32C", 3: "CRC64NVME", 4: "SHA1", 5: "SHA256",
		6: "SHA512", 7: "MD5", 8: "XXHASH64", 9: "XXHASH3", 10: "XXHASH128",
	}
	if got := len(Algorithms()); got != len(want)-1 {
		t.Fatalf("%d algorithms, want %d", got, len(want)-1)
	}
	for n := 1; n < len(want); n++ {
		a := Algorithm(n)
		if !a.Valid() || a.String() != want[n] {
			t.Errorf("Algorithm(%d) = %s, want %s", n, a, want[n])
		}
		header := "X-Amz-Checksum-" + want[n][:1] + strings.ToLower(want[n][1:])
		if a.Header() != header || a.Header() != http.CanonicalHeaderKey(header) {
			t.Errorf("%s: Header() = %q, want %q", a, a.Header(), header)
		}
	}
	for _, a := range []Algorithm{0, 11, 255} {
		if a.Valid() {
			t.Errorf("%s is valid", a)
		}
	}
}

// bodyHeader makes a header from "name: value" lines.
func bodyHeader(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return h
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRequestChecksum(t *testing.T) {
	const (
		several   = "InvalidRequest: Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
		unknown   = "InvalidRequest: The algorithm type you specified in x-amz-checksum- header is invalid."
		unsupport = "InvalidRequest: Checksum algorithm provided is unsupported. Please try again with any of the valid types: " +
			"[CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]"
		lonely  = "InvalidRequest: x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
		other   = "InvalidRequest: Value for x-amz-sdk-checksum-algorithm header is invalid."
		trailer = "InvalidRequest: The value specified in the x-amz-trailer header is not supported"
		value   = "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."
	)
	crc := []byte{0xcb, 0xf4, 0x39, 0x26}
	for _, tt := range []struct {
		name    string
		header  http.Header
		trailer string
		want    ChecksumRequest
		err     string
	}{
		{name: "nothing", header: bodyHeader("Content-Type: text/plain")},
		{name: "header", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jg=="), want: ChecksumRequest{Algorithm: CRC32, Expected: crc}},
		{name: "not canonical", header: http.Header{"x-AMZ-checksum-crc32": {"y/Q5Jg=="}}, want: ChecksumRequest{Algorithm: CRC32, Expected: crc}},
		{name: "trailer", header: bodyHeader(), trailer: "x-amz-checksum-crc32", want: ChecksumRequest{Algorithm: CRC32, InTrailer: true}},
		{name: "trailer in another case", header: bodyHeader(), trailer: "X-Amz-Checksum-SHA256", want: ChecksumRequest{Algorithm: SHA256, InTrailer: true}},
		{name: "of other operations", header: bodyHeader("x-amz-checksum-algorithm: nonsense", "x-amz-checksum-type: COMPOSITE", "x-amz-checksum-mode: ENABLED")},
		{name: "sdk with header", header: bodyHeader("x-amz-sdk-checksum-algorithm: crc32", "x-amz-checksum-crc32: y/Q5Jg=="), want: ChecksumRequest{Algorithm: CRC32, Expected: crc}},
		{name: "sdk with trailer", header: bodyHeader("x-amz-sdk-checksum-algorithm: CRC32"), trailer: "x-amz-checksum-crc32", want: ChecksumRequest{Algorithm: CRC32, InTrailer: true}},

		{name: "two headers", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jg==", "x-amz-checksum-crc32c: 4waSgw=="), err: several},
		{name: "one header twice", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jg==", "x-amz-checksum-crc32: y/Q5Jg=="), err: several},
		{name: "header and trailer", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jg=="), trailer: "x-amz-checksum-crc32", err: several},
		{name: "unknown algorithm", header: bodyHeader("x-amz-checksum-crc99: y/Q5Jg=="), err: unknown},
		{name: "no algorithm", header: bodyHeader("x-amz-checksum-: y/Q5Jg=="), err: unknown},
		{name: "unknown sdk algorithm", header: bodyHeader("x-amz-sdk-checksum-algorithm: CRC99", "x-amz-checksum-crc32: y/Q5Jg=="), err: unsupport},
		{name: "empty sdk algorithm", header: bodyHeader("x-amz-sdk-checksum-algorithm: "), err: unsupport},
		{name: "sdk alone", header: bodyHeader("x-amz-sdk-checksum-algorithm: CRC32"), err: lonely},
		{name: "sdk with another header", header: bodyHeader("x-amz-sdk-checksum-algorithm: SHA1", "x-amz-checksum-crc32: y/Q5Jg=="), err: other},
		{name: "sdk with another trailer", header: bodyHeader("x-amz-sdk-checksum-algorithm: SHA1"), trailer: "x-amz-checksum-crc32", err: other},
		{name: "trailer of something else", header: bodyHeader(), trailer: "x-amz-meta-a", err: trailer},
		{name: "trailer of an unknown algorithm", header: bodyHeader(), trailer: "x-amz-checksum-crc99", err: trailer},
		{name: "two trailers", header: bodyHeader(), trailer: "x-amz-checksum-crc32,x-amz-checksum-sha1", err: trailer},
		{name: "empty", header: bodyHeader("x-amz-checksum-crc32:"), err: value},
		{name: "too short", header: bodyHeader("x-amz-checksum-crc32: y/Q5"), err: value},
		{name: "too long", header: bodyHeader("x-amz-checksum-crc32: y/Q5JgA="), err: value},
		{name: "no padding", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jg"), err: value},
		{name: "stray bits", header: bodyHeader("x-amz-checksum-crc32: y/Q5Jh=="), err: value},
		{name: "not base64", header: bodyHeader("x-amz-checksum-crc32: ########"), err: value},
		{name: "a line break", header: http.Header{"X-Amz-Checksum-Crc32": {"y/Q5Jg\n="}}, err: value},
		{name: "hexadecimal", header: bodyHeader("x-amz-checksum-crc32: cbf43926"), err: value},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RequestChecksum(tt.header, tt.trailer)
			if errText(err) != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecksumVerify(t *testing.T) {
	for _, a := range Algorithms() {
		h := a.New()
		h.Write([]byte("123456789"))
		sum := h.Sum(nil)
		value := base64.StdEncoding.EncodeToString(sum)
		inHeader := ChecksumRequest{Algorithm: a, Expected: sum}
		inTrailer := ChecksumRequest{Algorithm: a, InTrailer: true}
		for i := range sum {
			for _, bit := range []byte{1, 0x80} {
				wrong := append([]byte(nil), sum...)
				wrong[i] ^= bit
				want := "BadDigest: The " + a.String() + " you specified did not match the calculated checksum."
				if got := errText(inHeader.Verify(wrong, "")); got != want {
					t.Fatalf("%s, byte %d: %q, want %q", a, i, got, want)
				}
				if got := errText(inTrailer.Verify(wrong, value)); got != want {
					t.Fatalf("%s in the trailer, byte %d: %q, want %q", a, i, got, want)
				}
			}
		}
		for _, err := range []error{
			inHeader.Verify(sum, ""), inHeader.Verify(sum, "ignored"),
			inTrailer.Verify(sum, value), inTrailer.Verify(sum, " "+value+" "),
		} {
			if err != nil {
				t.Errorf("%s: %v", a, err)
			}
		}
		want := "InvalidRequest: Value for " + strings.ToLower(a.Header()) + " trailing header is invalid."
		for _, bad := range []string{"", "AAAA", value[1:], value + "=", value + "AAAA"} {
			if got := errText(inTrailer.Verify(sum, bad)); got != want {
				t.Errorf("%s, trailer %q: %q, want %q", a, bad, got, want)
			}
		}
		if inHeader.Verify(nil, "") == nil || inHeader.Verify(sum[1:], "") == nil {
			t.Errorf("%s: a short sum is right", a)
		}
	}
	if err := (ChecksumRequest{}).Verify([]byte("anything"), "anything"); err != nil {
		t.Errorf("no checksum: %v", err)
	}
}

func TestContentMD5(t *testing.T) {
	const empty = "1B2M2Y8AsgTpgAmY7PhCfg=="
	for _, tt := range []struct {
		header http.Header
		err    string
	}{
		{bodyHeader(), ""},
		{bodyHeader("Content-MD5: " + empty), ""},
		{bodyHeader("Content-MD5: "+empty, "Content-MD5: "+empty), ""},
		{bodyHeader("Content-MD5:"), "InvalidDigest: The Content-MD5 you specified was invalid."},
		{bodyHeader("Content-MD5: YWJj"), "InvalidDigest: The Content-MD5 you specified was invalid."},
		{bodyHeader("Content-MD5: d41d8cd98f00b204e9800998ecf8427e"), "InvalidDigest: The Content-MD5 you specified was invalid."},
		{bodyHeader("Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfh=="), "InvalidDigest: The Content-MD5 you specified was invalid."},
		{bodyHeader("Content-MD5: "+empty, "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA=="), "InvalidDigest: The Content-MD5 you specified was invalid."},
	} {
		raw, err := ParseContentMD5(tt.header)
		if errText(err) != tt.err {
			t.Errorf("%v: %v, want %q", tt.header, err, tt.err)
		}
		if present := tt.err == "" && len(tt.header) > 0; present != (raw != nil) {
			t.Errorf("%v: %x", tt.header, raw)
		}
		if err := VerifyContentMD5(raw, MD5.New().Sum(nil)); err != nil {
			t.Errorf("%v: %v", tt.header, err)
		}
	}
	err := VerifyContentMD5(MD5.New().Sum(nil), make([]byte, 16))
	want := &Error{
		Code: "BadDigest", Status: http.StatusBadRequest, Message: "The Content-MD5 you specified did not match what we received.",
		Fields: []Field{{"ExpectedDigest", "d41d8cd98f00b204e9800998ecf8427e"}, {"CalculatedDigest", "AAAAAAAAAAAAAAAAAAAAAA=="}},
	}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVerifyDocument(t *testing.T) {
	const (
		right   = "Content-MD5: ICy5YqxZB1uWSwcVLSNLcA==" // of "123"
		missing = "InvalidRequest: Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
		wrong   = "BadDigest: The Content-MD5 you specified did not match what we received."
		crc     = "BadDigest: The CRC32 you specified did not match the calculated checksum."
	)
	for _, tt := range []struct {
		name                 string
		header               http.Header
		trailer, trailerText string
		err                  string
	}{
		{name: "none", header: bodyHeader(), err: missing},
		{name: "only an algorithm", header: bodyHeader("x-amz-checksum-algorithm: CRC32"), err: missing},
		{name: "MD5", header: bodyHeader(right)},
		{name: "CRC32", header: bodyHeader("x-amz-checksum-crc32: iEhj0g==")},
		{name: "both", header: bodyHeader(right, "x-amz-checksum-crc32: iEhj0g==")},
		{name: "trailer", header: bodyHeader(), trailer: "x-amz-checksum-crc32", trailerText: "iEhj0g=="},
		{name: "trailer without value", header: bodyHeader(), trailer: "x-amz-checksum-crc32", err: "InvalidRequest: Value for x-amz-checksum-crc32 trailing header is invalid."},
		{name: "wrong MD5", header: bodyHeader("Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==", "x-amz-checksum-crc32: iEhj0g=="), err: wrong},
		{name: "wrong CRC32", header: bodyHeader(right, "x-amz-checksum-crc32: y/Q5Jg=="), err: crc},
		{name: "broken MD5", header: bodyHeader("Content-MD5: x", "x-amz-checksum-crc32: iEhj0g=="), err: "InvalidDigest: The Content-MD5 you specified was invalid."},
		{name: "two checksums", header: bodyHeader("x-amz-checksum-crc32: iEhj0g==", "x-amz-checksum-crc32c: 4waSgw=="), err: "InvalidRequest: Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := errText(VerifyDocument(tt.header, tt.trailer, tt.trailerText, []byte("123"))); got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
		})
	}
}

func FuzzRequestChecksum(f *testing.F) {
	f.Add("x-amz-checksum-crc32", "y/Q5Jg==", "x-amz-checksum-sha1", "123456789")
	f.Add("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", "", "")
	f.Fuzz(func(t *testing.T, name, value, trailer, body string) {
		h := http.Header{http.CanonicalHeaderKey(name): {value}}
		c, err := RequestChecksum(h, trailer)
		if err == nil && c.Algorithm != 0 && !c.InTrailer && len(c.Expected) != c.Algorithm.Size() {
			t.Errorf("%s with %d bytes", c.Algorithm, len(c.Expected))
		}
		if err == nil && c.Algorithm != 0 && !c.InTrailer && base64.StdEncoding.EncodeToString(c.Expected) != value {
			t.Errorf("%q is read as %x", value, c.Expected)
		}
		_ = VerifyDocument(h, trailer, value, []byte(body))
	})
}
