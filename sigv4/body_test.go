package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const (
	testScope   = "20260304/us-east-1/s3/aws4_request"
	testTrailer = "x-amz-checksum-crc32"
)

// testAuth is the Auth of a request with a body of the given decoded length.
func testAuth(t testing.TB, mode PayloadMode, length int64) *Auth {
	a := &Auth{Payload: mode, DecodedLength: length, stamp: "20260304T050607Z", scope: testScope}
	if mode.signedChunks() {
		a.key = deriveKey(mustSecret(t, testSecret), "20260304", testRegion)
		a.seed = sha256.Sum256([]byte("seed"))
	}
	if mode.Trailer() {
		a.TrailerName = testTrailer
	}
	return a
}

// encode frames data as a client does, written apart from the decoder:
// strings and the definition of the signatures only.
func encode(t testing.TB, mode PayloadMode, trailerValue string, chunks ...string) string {
	a := testAuth(t, mode, 0)
	var out strings.Builder
	previous := hex.EncodeToString(a.seed[:])
	sign := func(label string, rest ...string) string {
		text := strings.Join(append([]string{label, a.stamp, a.scope, previous}, rest...), "\n")
		previous = hex.EncodeToString(a.key.sign(nil, []byte(text)))
		return previous
	}
	hash := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	for _, chunk := range append(chunks, "") {
		out.WriteString(strconv.FormatInt(int64(len(chunk)), 16))
		if mode.signedChunks() {
			out.WriteString(";chunk-signature=" + sign("AWS4-HMAC-SHA256-PAYLOAD", hash(""), hash(chunk)))
		}
		out.WriteString("\r\n" + chunk)
		if chunk != "" {
			out.WriteString("\r\n")
		}
	}
	if mode.Trailer() {
		out.WriteString(testTrailer + ":" + trailerValue + "\r\n")
		if mode.signedChunks() {
			out.WriteString("x-amz-trailer-signature:" + sign("AWS4-HMAC-SHA256-TRAILER", hash(testTrailer+":"+trailerValue+"\n")) + "\r\n")
		}
	}
	return out.String() + "\r\n"
}

var (
	streamingModes = []PayloadMode{PayloadChunksSigned, PayloadChunksSignedTrailer, PayloadChunksTrailer}
	readerForms    = map[string]func(io.Reader) io.Reader{
		"plain":    func(r io.Reader) io.Reader { return r },
		"one byte": iotest.OneByteReader,
		"half":     iotest.HalfReader,
		"data err": iotest.DataErrReader,
		"empty":    func(r io.Reader) io.Reader { return &stutter{r: r} },
	}
)

// stutter returns nothing every other time.
type stutter struct {
	r  io.Reader
	on bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.on = !s.on; s.on {
		return 0, nil
	}
	return s.r.Read(p)
}

func TestChunkedBodies(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 3*65536/16)
	for _, mode := range streamingModes {
		for _, size := range []int{0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 3 * 65536} {
			for _, chunk := range []int{8192, 65536, 1 << 20} {
				data := big[:size]
				var chunks []string
				for rest := data; rest != ""; {
					n := min(chunk, len(rest))
					chunks = append(chunks, rest[:n])
					rest = rest[n:]
				}
				wire := encode(t, mode, "AAAAAA==", chunks...)
				for name, form := range readerForms {
					if name == "one byte" && (size > 8193 || chunk > 8192) {
						continue
					}
					for _, buffer := range []int{7, 4096, 100_000} {
						if buffer == 7 && size > 8193 {
							continue
						}
						b := testAuth(t, mode, int64(size)).Body(form(strings.NewReader(wire)))
						got, err := readWith(b, buffer)
						if err != nil || got != data {
							t.Fatalf("%v, %d bytes in chunks of %d, %s reader, buffer %d: %d bytes, %v", mode, size, chunk, name, buffer, len(got), err)
						}
						if mode.Trailer() != (b.Trailer() == "AAAAAA==") {
							t.Fatalf("%v: trailer %q", mode, b.Trailer())
						}
					}
				}
			}
		}
	}
}

// readWith reads with a buffer of the given size until an error, io.EOF being
// none.
func readWith(r io.Reader, size int) (string, error) {
	var out strings.Builder
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		out.Write(p[:n])
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return out.String(), err
		}
	}
}

func TestChunkedReaderContract(t *testing.T) {
	data := strings.Repeat("x", 20000)
	for _, mode := range streamingModes {
		b := testAuth(t, mode, int64(len(data))).Body(strings.NewReader(encode(t, mode, "AAAAAA==", data[:10000], data[10000:])))
		if err := iotest.TestReader(b, []byte(data)); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// TestChunkedTruncation: no proper prefix of a body passes, but that without
// the final CRLF.
func TestChunkedTruncation(t *testing.T) {
	data := strings.Repeat("x", 8200)
	for _, mode := range streamingModes {
		wire := encode(t, mode, "AAAAAA==", data[:8192], data[8192:])
		for n := range len(wire) {
			if n > 100 && n < 8100 {
				continue
			}
			_, err := io.ReadAll(testAuth(t, mode, 8200).Body(strings.NewReader(wire[:n])))
			if err == nil && n != len(wire)-2 {
				t.Errorf("%v: %d of %d bytes passed", mode, n, len(wire))
			}
			// Up to the trailer an early end is an early end.
			if end := strings.LastIndex(wire, "\r\n0"); n <= end && code(err) != "IncompleteBody" {
				t.Errorf("%v: %d of %d bytes: %v", mode, n, len(wire), err)
			}
			// A connection that broke is never an end.
			broken := io.MultiReader(strings.NewReader(wire[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
			if _, err := io.ReadAll(testAuth(t, mode, 8200).Body(broken)); err == nil {
				t.Errorf("%v: %d of %d bytes and a broken connection passed", mode, n, len(wire))
			}
		}
	}
}

// TestChunkedMutations flips every byte of a signed body: nothing passes. What
// the signatures leave open, the case of hexadecimal sizes and of names, is
// left out.
func TestChunkedMutations(t *testing.T) {
	data := strings.Repeat("x", 8200)
	for _, mode := range []PayloadMode{PayloadChunksSigned, PayloadChunksSignedTrailer} {
		wire := []byte(encode(t, mode, "AAAAAA==", data[:8192], data[8192:]))
		for i := range wire {
			if i > 200 && i < 8100 {
				continue
			}
			changed := bytes.Clone(wire)
			changed[i] ^= 1
			if _, err := io.ReadAll(testAuth(t, mode, 8200).Body(bytes.NewReader(changed))); err == nil {
				t.Errorf("%v: byte %d (%q) changed unnoticed", mode, i, wire[i])
			}
		}
	}
}

func TestChunkedErrors(t *testing.T) {
	k8 := strings.Repeat("x", 8192)
	tests := []struct {
		name   string
		mode   PayloadMode
		length int64
		wire   string
		code   string
	}{
		{"empty", PayloadChunksTrailer, 0, "", "IncompleteBody"},
		{"not chunked", PayloadChunksTrailer, 5, "hello", "IncompleteBody"},
		{"not chunked, a line", PayloadChunksTrailer, 5, "hello\r\n", "InvalidRequest"},
		{"negative size", PayloadChunksTrailer, 5, "-5\r\nhello\r\n", "InvalidRequest"},
		{"plus size", PayloadChunksTrailer, 5, "+5\r\nhello\r\n", "InvalidRequest"},
		{"prefix", PayloadChunksTrailer, 5, "0x5\r\nhello\r\n", "InvalidRequest"},
		{"underscore", PayloadChunksTrailer, 5, "0_5\r\nhello\r\n", "InvalidRequest"},
		{"space", PayloadChunksTrailer, 5, "5 \r\nhello\r\n", "InvalidRequest"},
		{"no size", PayloadChunksTrailer, 5, "\r\nhello\r\n", "InvalidRequest"},
		{"size of 64 bits", PayloadChunksTrailer, 5, "8000000000000000\r\nhello\r\n", "InvalidRequest"},
		{"size beyond 64 bits", PayloadChunksTrailer, 5, "10000000000000005\r\nhello\r\n", "InvalidRequest"},
		{"huge size", PayloadChunksTrailer, 5, "7fffffffffffffff\r\nhello\r\n", "IncompleteBody"},
		{"leading zeros", PayloadChunksTrailer, 5, "0005\r\nhello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "ok"},
		{"upper-case size", PayloadChunksTrailer, 10, "A\r\nhellohello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "ok"},
		{"LF after the size", PayloadChunksTrailer, 5, "5\nhello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "InvalidRequest"},
		{"LF after the data", PayloadChunksTrailer, 5, "5\r\nhello\n0\r\n" + testTrailer + ":a\r\n\r\n", "InvalidRequest"},
		{"nothing after the data", PayloadChunksTrailer, 5, "5\r\nhello0\r\n" + testTrailer + ":a\r\n\r\n", "InvalidRequest"},
		{"extension", PayloadChunksTrailer, 5, "5;a=b\r\nhello\r\n", "InvalidRequest"},
		{"endless line", PayloadChunksTrailer, 5, strings.Repeat("0", 5000) + "5\r\nhello\r\n", "InvalidRequest"},
		{"longest line", PayloadChunksTrailer, 5, strings.Repeat("0", 4093) + "5\r\nhello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "ok"},
		{"shorter than declared", PayloadChunksTrailer, 6, "5\r\nhello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "IncompleteBody"},
		{"longer than declared", PayloadChunksTrailer, 4, "5\r\nhello\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "IncompleteBody"},
		{"small chunk in the middle", PayloadChunksTrailer, 8197, "5\r\nhello\r\n2000\r\n" + k8 + "\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "InvalidChunkSizeError"},
		{"chunk one byte too small", PayloadChunksTrailer, 8192, "1fff\r\n" + k8[1:] + "\r\n1\r\nx\r\n0\r\n" + testTrailer + ":a\r\n\r\n", "InvalidChunkSizeError"},
		{"no trailer", PayloadChunksTrailer, 0, "0\r\n\r\n", "MalformedTrailerError"},
		{"no trailer, no CRLF", PayloadChunksTrailer, 0, "0\r\n", "MalformedTrailerError"},
		{"trailer", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n\r\n", "ok"},
		{"trailer in capitals", PayloadChunksTrailer, 0, "0\r\nX-Amz-Checksum-CRC32: a \r\n\r\n", "ok"},
		{"trailer ending with LF CRLF", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\n\r\n\r\n", "ok"},
		{"trailer ending with LF CRLF and no more", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\n\r\n", "ok"},
		{"trailer without final CRLF", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n", "ok"},
		{"trailer cut off", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a", "IncompleteBody"},
		{"trailer cut off in CRLF", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n\r", "IncompleteBody"},
		{"trailer ending with LF", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\nxx", "MalformedTrailerError"},
		{"trailer without colon", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + "\r\n\r\n", "MalformedTrailerError"},
		{"trailer with NUL", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":\x00\r\n\r\n", "MalformedTrailerError"},
		{"trailer with CR", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\rb\r\n\r\n", "MalformedTrailerError"},
		{"trailer name with space", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + " :a\r\n\r\n", "MalformedTrailerError"},
		{"other trailer", PayloadChunksTrailer, 0, "0\r\nx-amz-checksum-sha1:a\r\n\r\n", "MalformedTrailerError"},
		{"metadata as trailer", PayloadChunksTrailer, 0, "0\r\nx-amz-meta-a:a\r\n\r\n", "MalformedTrailerError"},
		{"two trailers", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\nx-amz-meta-a:a\r\n\r\n", "MalformedTrailerError"},
		{"trailer twice", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n" + testTrailer + ":a\r\n\r\n", "MalformedTrailerError"},
		{"endless trailer", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":" + strings.Repeat("a", 5000) + "\r\n\r\n", "InvalidRequest"},
		{"data after the end", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n\r\n\r\n", "InvalidRequest"},
		{"second body", PayloadChunksTrailer, 0, "0\r\n" + testTrailer + ":a\r\n\r\n0\r\n", "InvalidRequest"},

		{"signed", PayloadChunksSigned, 8192, encode(t, PayloadChunksSigned, "", k8), "ok"},
		{"signed without final CRLF", PayloadChunksSigned, 0, strings.TrimSuffix(encode(t, PayloadChunksSigned, ""), "\r\n"), "ok"},
		{"signed, capitals", PayloadChunksSigned, 0, strings.Replace(encode(t, PayloadChunksSigned, ""), "chunk-signature", "Chunk-Signature", 1), "ok"},
		{"unsigned chunk", PayloadChunksSigned, 0, "0\r\n\r\n", "SignatureDoesNotMatch"},
		{"other extension", PayloadChunksSigned, 0, "0;a=b\r\n\r\n", "SignatureDoesNotMatch"},
		{"second extension", PayloadChunksSigned, 0, strings.Replace(encode(t, PayloadChunksSigned, ""), "\r\n", ";a=b\r\n", 1), "SignatureDoesNotMatch"},
		{"signed, data after the end", PayloadChunksSigned, 0, encode(t, PayloadChunksSigned, "") + "x", "InvalidRequest"},
		{"signed, trailer not announced", PayloadChunksSigned, 0, strings.TrimSuffix(encode(t, PayloadChunksSigned, ""), "\r\n") + testTrailer + ":a\r\n\r\n", "InvalidRequest"},
		{"signed chunks in another order", PayloadChunksSigned, 16384, swapChunks(encode(t, PayloadChunksSigned, "", k8, strings.ToUpper(k8))), "SignatureDoesNotMatch"},
		{"signed trailer", PayloadChunksSignedTrailer, 0, encode(t, PayloadChunksSignedTrailer, "a"), "ok"},
		{"trailer signature missing", PayloadChunksSignedTrailer, 0, cutTrailerSignature(encode(t, PayloadChunksSignedTrailer, "a")) + "\r\n", "SignatureDoesNotMatch"},
		{"trailer signature and CRLF missing", PayloadChunksSignedTrailer, 0, cutTrailerSignature(encode(t, PayloadChunksSignedTrailer, "a")), "SignatureDoesNotMatch"},
		{"trailer signature named otherwise", PayloadChunksSignedTrailer, 0, strings.Replace(encode(t, PayloadChunksSignedTrailer, "a"), "trailer-signature", "trailer-sign", 1), "MalformedTrailerError"},
		{"trailer value changed", PayloadChunksSignedTrailer, 0, strings.Replace(encode(t, PayloadChunksSignedTrailer, "a"), ":a\r", ":b\r", 1), "SignatureDoesNotMatch"},
	}
	for _, test := range tests {
		for name, form := range readerForms {
			_, err := readWith(testAuth(t, test.mode, test.length).Body(form(strings.NewReader(test.wire))), 4096)
			if got := code(err); got != test.code {
				t.Errorf("%s, %s reader: %s (%v), want %s", test.name, name, got, err, test.code)
			}
		}
	}
}

// swapChunks exchanges the first two chunks of 8192 bytes, signatures
// included.
func swapChunks(wire string) string {
	n := len("2000;chunk-signature=\r\n\r\n") + 64 + 8192
	return wire[n:2*n] + wire[:n] + wire[2*n:]
}

func cutTrailerSignature(wire string) string {
	head, _, _ := strings.Cut(wire, trailerSignature)
	return head
}

func TestBadChunkSizeFields(t *testing.T) {
	wire := "2000\r\n" + strings.Repeat("x", 8192) + "\r\n5\r\nhello\r\n5\r\nhello\r\n"
	_, err := io.ReadAll(testAuth(t, PayloadChunksTrailer, 9000).Body(strings.NewReader(wire)))
	var e *s3api.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]s3api.Field{{Name: "Chunk", Value: "2"}, {Name: "BadChunkSize", Value: "5"}}, e.Fields); diff != "" {
		t.Error(diff)
	}
}

func TestPlainBodies(t *testing.T) {
	hello := sha256.Sum256([]byte("hello"))
	for _, test := range []struct {
		name   string
		mode   PayloadMode
		length int64
		sum    [32]byte
		body   string
		code   string
	}{
		{"unsigned", PayloadUnsigned, 5, hello, "hello", "ok"},
		{"unsigned, length unknown", PayloadUnsigned, -1, hello, "hello", "ok"},
		{"unsigned, short", PayloadUnsigned, 6, hello, "hello", "IncompleteBody"},
		{"unsigned, long", PayloadUnsigned, 4, hello, "hello", "IncompleteBody"},
		{"hash", PayloadHash, 5, hello, "hello", "ok"},
		{"hash, length unknown", PayloadHash, -1, hello, "hello", "ok"},
		{"hash, short", PayloadHash, 6, hello, "hello", "IncompleteBody"},
		{"hash, other body", PayloadHash, 5, hello, "hallo", "XAmzContentSHA256Mismatch"},
		{"hash, truncated", PayloadHash, -1, hello, "hell", "XAmzContentSHA256Mismatch"},
		{"hash of nothing", PayloadHash, 0, sha256.Sum256(nil), "", "ok"},
		{"no mode", 0, 5, hello, "hello", "InternalError"},
		{"a mode from the future", 77, 5, hello, "hello", "InternalError"},
	} {
		for name, form := range readerForms {
			a := &Auth{Payload: test.mode, DecodedLength: test.length, sum: test.sum}
			got, err := readWith(a.Body(form(strings.NewReader(test.body))), 3)
			if c := code(err); c != test.code {
				t.Errorf("%s, %s reader: %s (%v), want %s", test.name, name, c, err, test.code)
			}
			if err == nil && got != test.body {
				t.Errorf("%s, %s reader: %q", test.name, name, got)
			}
		}
	}
	if _, err := io.ReadAll((&Auth{Payload: PayloadUnsigned}).Body(nil)); err != nil {
		t.Errorf("nil body: %v", err)
	}
}

func TestHashMismatchFields(t *testing.T) {
	a := &Auth{Payload: PayloadHash, DecodedLength: -1}
	_, err := io.ReadAll(a.Body(http.NoBody))
	want := []s3api.Field{
		{Name: "ClientComputedContentSHA256", Value: strings.Repeat("0", 64)},
		{Name: "S3ComputedContentSHA256", Value: EmptySHA256},
	}
	var e *s3api.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, e.Fields); diff != "" {
		t.Error(diff)
	}
}

// TestReadFailures: a failing connection is told from a bad body, and every
// error stays.
func TestReadFailures(t *testing.T) {
	wire := encode(t, PayloadChunksSigned, "", strings.Repeat("x", 9000))
	for _, n := range []int{0, 10, 100, 5000, len(wire) - 90, len(wire) - 2, len(wire)} {
		for _, mode := range []PayloadMode{PayloadUnsigned, PayloadHash, PayloadChunksSigned} {
			length := int64(9000)
			if !mode.Streaming() {
				length = -1
			}
			src := io.MultiReader(strings.NewReader(wire[:n]), iotest.ErrReader(context.DeadlineExceeded))
			b := testAuth(t, mode, length).Body(src)
			_, err := io.ReadAll(b)
			var e *s3api.Error
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrRead) || errors.As(err, &e) {
				t.Errorf("%v after %d bytes: %v", mode, n, err)
			}
			if _, again := b.Read(make([]byte, 1)); again != err {
				t.Errorf("%v after %d bytes: then %v", mode, n, again)
			}
			if b.Trailer() != "" {
				t.Error("a trailer after an error")
			}
		}
	}
	b := testAuth(t, PayloadChunksTrailer, 5).Body(stuck{})
	if _, err := io.ReadAll(b); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that returns nothing: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestBodyAllocations(t *testing.T) {
	data := strings.Repeat("x", 64<<10)
	chunks := make([]string, 64)
	for i := range chunks {
		chunks[i] = data
	}
	wire := encode(t, PayloadChunksSigned, "", chunks...)
	p := make([]byte, 64<<10)
	read := func(wire string, length int64) float64 {
		return testing.AllocsPerRun(5, func() {
			b := testAuth(t, PayloadChunksSigned, length).Body(strings.NewReader(wire))
			for {
				if _, err := b.Read(p); err != nil {
					if err != io.EOF {
						t.Fatal(err)
					}
					return
				}
			}
		})
	}
	one := read(encode(t, PayloadChunksSigned, "", data), 64<<10)
	if many := read(wire, 64*64<<10); many > one+1 {
		t.Errorf("%v allocations for 64 chunks, %v for one", many, one)
	}
}
