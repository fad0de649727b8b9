package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// unframe is an independent reading of the aws-chunked framing.
func unframe(t testing.TB, b []byte) (payload []byte, trailer string) {
	t.Helper()
	for {
		i := bytes.Index(b, []byte("\r\n"))
		if i < 0 {
			t.Fatalf("no end of a size line in %q…", b[:min(len(b), 20)])
		}
		var n int
		if _, err := fmt.Sscanf(string(b[:i]), "%x", &n); err != nil {
			t.Fatal(err)
		}
		b = b[i+2:]
		if n == 0 {
			return payload, string(b)
		}
		if n > 16<<20 {
			t.Errorf("a chunk of %d bytes is more than MinIO takes", n)
		}
		payload = append(payload, b[:n]...)
		if b = b[n:]; !bytes.HasPrefix(b, []byte("\r\n")) {
			t.Fatal("a chunk does not end in CRLF")
		}
		b = b[2:]
	}
}

// writerTo is a payload that can write itself, in pieces of a size.
type writerTo struct {
	io.Reader
	piece int
}

func (w writerTo) WriteTo(dst io.Writer) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{w.Reader}, make([]byte, w.piece))
}

func TestFramer(t *testing.T) {
	for _, size := range []int64{1, 1052, frameSize - 1, frameSize, frameSize + 1, 2 * frameSize, 2*frameSize + 500} {
		payload := bytes.Repeat([]byte("0123456789abcdef!"), int(size)/17+1)[:size]
		sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(payload, castagnoli)))
		for name, read := range map[string]func(f *framer) ([]byte, error){
			"ReadAll": func(f *framer) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{f}) },
			"WriteTo": func(f *framer) ([]byte, error) {
				var b bytes.Buffer
				_, err := f.WriteTo(&b)
				return b.Bytes(), err
			},
			"Read, then WriteTo": func(f *framer) ([]byte, error) {
				var b bytes.Buffer
				_, err := io.CopyN(&b, f, min(size, 100))
				if err == nil {
					_, err = f.WriteTo(&b)
				}
				return b.Bytes(), err
			},
		} {
			t.Run(fmt.Sprintf("size=%d/%s", size, name), func(t *testing.T) {
				framed, err := read(newFramer(writerTo{bytes.NewReader(payload), 512 << 10}, size))
				if err != nil {
					t.Fatal(err)
				}
				if int64(len(framed)) != framedSize(size) {
					t.Errorf("%d bytes, framedSize says %d", len(framed), framedSize(size))
				}
				got, trailer := unframe(t, framed)
				if !bytes.Equal(got, payload) {
					t.Error("another payload came out")
				}
				if diff := cmp.Diff("x-amz-checksum-crc32c:"+sum+"\r\n\r\n", trailer); diff != "" {
					t.Errorf("trailer (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestFramerCertifiesNothingBad checks that no trailer follows a payload that
// ended in an error, too early or too late, however it is read.
func TestFramerCertifiesNothingBad(t *testing.T) {
	bad := errors.New("bad signature")
	const size = 1000
	payload := func(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
	for name, tc := range map[string]struct {
		payload func() io.Reader
		want    error
	}{
		"error instead of the end": {func() io.Reader { return io.MultiReader(payload(size), iotest.ErrReader(bad)) }, bad},
		"error in between":         {func() io.Reader { return io.MultiReader(payload(size-1), iotest.ErrReader(bad)) }, bad},
		"too short":                {func() io.Reader { return payload(size - 1) }, io.ErrUnexpectedEOF},
		"too long":                 {func() io.Reader { return payload(size + 1) }, errLongPayload},
		"empty":                    {func() io.Reader { return payload(0) }, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []*framer{newFramer(struct{ io.Reader }{tc.payload()}, size), newFramer(writerTo{tc.payload(), 100}, size)} {
				var b bytes.Buffer
				if _, err := f.WriteTo(&b); !errors.Is(err, tc.want) || strings.Contains(b.String(), "checksum") {
					t.Errorf("got %v and %q, want %v", err, b.String(), tc.want)
				}
			}
		})
	}
}
