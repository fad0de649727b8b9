package objects_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// bodyFaults are bodies that are not what the request says.
var bodyFaults = []struct {
	name string
	mode sigv4.PayloadMode
	code string
	// change alters the body as it goes over the wire.
	change func([]byte) []byte
	// short bytes are missing at the end, surplus ones follow it.
	short   int
	surplus string
}{
	{name: "short", mode: sigv4.PayloadHash, code: "IncompleteBody", short: 1},
	{name: "short unsigned", mode: sigv4.PayloadUnsigned, code: "IncompleteBody", short: 50},
	{name: "short chunks", mode: sigv4.PayloadChunksSigned, code: "IncompleteBody", short: 1},
	{name: "short trailer", mode: sigv4.PayloadChunksSignedTrailer, code: "IncompleteBody", short: 3},
	{name: "short unsigned trailer", mode: sigv4.PayloadChunksTrailer, code: "IncompleteBody", short: 3},
	{name: "other bytes", mode: sigv4.PayloadHash, code: "XAmzContentSHA256Mismatch", change: flip(50)},
	{name: "other chunk", mode: sigv4.PayloadChunksSigned, code: "SignatureDoesNotMatch", change: flip(95)},
	{name: "chunk signature", mode: sigv4.PayloadChunksSigned, code: "SignatureDoesNotMatch", change: digit("chunk-signature=", false)},
	{name: "last chunk signature", mode: sigv4.PayloadChunksSigned, code: "SignatureDoesNotMatch", change: digit("chunk-signature=", true)},
	{name: "trailer signature", mode: sigv4.PayloadChunksSignedTrailer, code: "SignatureDoesNotMatch", change: digit("x-amz-trailer-signature:", true)},
	{name: "other trailer", mode: sigv4.PayloadChunksTrailer, code: "BadDigest", change: flip(50)},
	{name: "no trailer", mode: sigv4.PayloadChunksTrailer, code: "MalformedTrailerError", change: cutFrom("X-Amz-Checksum-Crc32:", "\r\n")},
	{name: "no final chunk", mode: sigv4.PayloadChunksSigned, code: "IncompleteBody", change: cutFrom("0;chunk-signature=", "")},
	{name: "no framing", mode: sigv4.PayloadChunksTrailer, code: "InvalidRequest", change: func(b []byte) []byte { return append([]byte("no\r\n"), b[4:]...) }},
}

func flip(offset int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		b[offset] ^= 1
		return b
	}
}

// digit changes the hexadecimal digit behind a mark.
func digit(mark string, last bool) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		i := bytes.Index(b, []byte(mark))
		if last {
			i = bytes.LastIndex(b, []byte(mark))
		}
		i += len(mark)
		if b[i]++; b[i] == '9'+1 || b[i] == 'f'+1 {
			b[i] = '0'
		}
		return b
	}
}

// cutFrom replaces what follows a mark, itself included.
func cutFrom(mark, by string) func([]byte) []byte {
	return func(b []byte) []byte {
		return append(bytes.Clone(b[:bytes.LastIndex(b, []byte(mark))]), by...)
	}
}

// testBodyFaults sends bad bodies: none may leave a trace in the store,
// neither where nothing was nor where something was.
func testBodyFaults(t *testing.T, e *endpoint) {
	for _, tc := range bodyFaults {
		for _, size := range []int{100, streamed} {
			t.Run(fmt.Sprintf("%s/%d", tc.name, size), func(t *testing.T) {
				key := fmt.Sprintf("faults/%s/%d", tc.name, size)
				try := func() {
					t.Helper()
					hr, body := request{method: http.MethodPut, key: key, body: plain(size), mode: tc.mode}.build(t, e)
					if tc.change != nil {
						body = tc.change(body)
					}
					a := upload(t.Context(), hr, body[:len(body)-tc.short], int64(len(body)), nil)
					// A client that has gone silent gets no answer in some cases.
					if gone := tc.short > 0 && a.status == 0; !gone && (a.status/100 != 4 || a.code() != tc.code) {
						t.Errorf("status %d, want %s: %v %s", a.status, tc.code, a.err, a.body)
					}
					if !a.closed {
						t.Error("the connection stays open")
					}
				}
				try()
				e.head(t, http.StatusNotFound, key)
				e.put(t, key, plain(77))
				try()
				if a := e.get(t, http.StatusOK, key); !bytes.Equal(a.body, plain(77)) {
					t.Errorf("another object after a bad upload: %d bytes", len(a.body))
				}
			})
		}
	}
}

// testSmuggling sends a request behind a body that has been refused, or in it.
func testSmuggling(t *testing.T, e *endpoint) {
	e.put(t, "victim", plain(10))
	inner, _ := request{method: http.MethodDelete, key: "victim"}.build(t, e)
	var smuggled strings.Builder
	if err := inner.Write(&smuggled); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{100, streamed} {
		for _, r := range []request{
			{header: headers("X-Amz-Checksum-Crc32", "AAAAAA==")},
			{header: headers("Content-Md5", "x")},
			{header: headers("X-Amz-Meta-S3sse", "x")},
			{header: headers("If-Match", "*")},
			{query: "unknown"},
			{auth: anonymous},
			{bucket: "No-Bucket"},
		} {
			r.method, r.key, r.mode = http.MethodPut, "smuggling", sigv4.PayloadUnsigned
			r.body = append([]byte(smuggled.String()), plain(size)...)
			hr, body := r.build(t, e)
			a := upload(t.Context(), hr, body, int64(len(body)), []byte(smuggled.String()))
			if a.status/100 == 2 || a.status == 0 {
				t.Errorf("%v %s: status %d, %v", r.header, r.query, a.status, a.err)
			}
			if !a.closed {
				t.Errorf("%v %s: the connection stays open", r.header, r.query)
			}
		}
		// A body longer than the length in its framing.
		r := request{method: http.MethodPut, key: "smuggling", mode: sigv4.PayloadChunksTrailer, body: plain(size), declared: int64(size - 1)}
		if a := e.do(t, r); a.status != http.StatusBadRequest || !a.closed {
			t.Errorf("a body longer than declared: status %d, %s", a.status, a.body)
		}
	}
	e.head(t, http.StatusOK, "victim")
	e.head(t, http.StatusNotFound, "smuggling")
}
