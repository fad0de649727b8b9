package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// FuzzSignVerify: what Signer signs, Verifier accepts, whatever the bytes.
func FuzzSignVerify(f *testing.F) {
	f.Add("/bucket/key", "uploads", "text/plain")
	f.Add("//a/../b%20c+d", "a=b&a=%41&+=%2B;c", "  a  b ")
	f.Add("/%zz", "%", "\x00\xff")
	f.Add("/é%c3%A9", "=&&x=1=2&X-Amz-Date=1", "\t")
	f.Fuzz(func(t *testing.T, path, query, value string) {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, "?") {
			path = "/b/" + strings.ReplaceAll(path, "?", "")
		}
		r := &http.Request{
			Method: "PUT", Host: "h", ContentLength: -1,
			URL:    &url.URL{Scheme: "http", Host: "h", Opaque: path, RawQuery: query},
			Header: http.Header{"X-Amz-Meta-A": {value, value}, "Content-Type": {value}},
		}
		var s Signer
		s.Sign(r, testCredential(t), testRegion, UnsignedPayload, testNow)
		auth, err := testVerifier(t).Verify(r, path+"?"+query, r.Header)
		q, queryErr := s3api.ParseQuery(query)
		if _, pathOK := appendPath(nil, path); !pathOK || queryErr != nil {
			if code(err) != "InvalidURI" {
				t.Fatalf("%q ? %q: %v, want InvalidURI", path, query, err)
			}
			return
		}
		if params := scanQuery(q); params.presigned() || params.v2 || refuseCustomerKeys(q) != nil {
			if err == nil {
				t.Fatalf("%q: accepted", query)
			}
			return
		}
		if err != nil || auth.AccessKey != testKey {
			t.Fatalf("%q ? %q, header %q: %v", path, query, value, err)
		}
	})
}

// FuzzVerify: nothing in a request makes Verify panic, pass or fail in another
// way than with a client error.
func FuzzVerify(f *testing.F) {
	valid := signed(f, "GET", "/b/k", EmptySHA256, "").Header.Get("Authorization")
	query := presign(f, "GET", "/b/k", "x-amz-acl=private", "60").RequestURI
	f.Add("/b/k", valid, "20260304T050607Z", EmptySHA256)
	f.Add("/b/k", valid[:60], "", "STREAMING-")
	f.Add(query, "", "", "")
	f.Add(query[:200], "AWS a:b", "Wed, 04 Mar 2026 05:06:07 GMT", UnsignedPayload)
	f.Add("http://h?X-Amz-Credential=////", "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature==", "x", "x")
	f.Fuzz(func(t *testing.T, target, authorization, date, payload string) {
		r := &http.Request{Method: "GET", Host: "h", Header: http.Header{"X-Amz-Meta-Canary": {"not signed"}}}
		for name, value := range map[string]string{"Authorization": authorization, "X-Amz-Date": date, "X-Amz-Content-Sha256": payload} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		auth, err := testVerifier(t).Verify(r, target, r.Header)
		if err == nil {
			if auth.AccessKey != "" || auth.Payload.signedChunks() {
				t.Fatalf("%+v", auth)
			}
			return
		}
		e, ok := err.(*s3api.Error)
		if !ok || e.Status != http.StatusNotImplemented && (e.Status < 400 || e.Status > 499) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzChunks compares the decoder with simpleDecode: they must accept the same
// bodies with the same result.
func FuzzChunks(f *testing.F) {
	k8 := strings.Repeat("x", 8192)
	for i, mode := range streamingModes {
		f.Add(uint8(i), int64(0), encode(f, mode, "AAAAAA=="), uint8(0))
		f.Add(uint8(i), int64(5), encode(f, mode, "AAAAAA==", "hello"), uint8(1))
		f.Add(uint8(i), int64(8197), encode(f, mode, "AAAAAA==", k8, "hello"), uint8(2))
		f.Add(uint8(i), int64(8197), encode(f, mode, "AAAAAA==", "hello", k8), uint8(3))
		f.Add(uint8(i), int64(5), strings.ReplaceAll(encode(f, mode, "AAAAAA==", "hello"), "==\r\n", "==\n\r\n"), uint8(0))
	}
	f.Fuzz(func(t *testing.T, m uint8, length int64, wire string, form uint8) {
		mode := streamingModes[int(m)%len(streamingModes)]
		if length < 0 {
			length = ^length
		}
		var src io.Reader = strings.NewReader(wire)
		switch form % 4 {
		case 1:
			src = readerForms["one byte"](src)
		case 2:
			src = readerForms["data err"](src)
		case 3:
			src = readerForms["empty"](src)
		}
		b := testAuth(t, mode, length).Body(src)
		data, err := io.ReadAll(b)
		if err != nil {
			e, ok := err.(*s3api.Error)
			if !ok || e.Status < 400 || e.Status > 499 {
				t.Fatalf("%v", err)
			}
		}
		want, trailer, ok := simpleDecode(t, mode, wire, length)
		if ok != (err == nil) {
			t.Fatalf("%v, %d bytes, %q: decoder says %v, definition says %v", mode, length, wire, err, ok)
		}
		if ok && (string(data) != want || b.Trailer() != trailer) {
			t.Fatalf("%v, %q: %q %q, want %q %q", mode, wire, data, b.Trailer(), want, trailer)
		}
	})
}

var (
	simpleSize    = regexp.MustCompile(`^([0-9a-fA-F]+)(?:;(?i:chunk-signature)=([0-9a-f]{64}))?\r\n`)
	simpleTrailer = regexp.MustCompile(`^(?i:` + testTrailer + `):([^\x00-\x08\x0a-\x1f\x7f]*)\n?\r\n`)
	simpleSigned  = regexp.MustCompile(`^(?i:` + trailerSignature + `):[ \t]*([0-9a-f]{64})[ \t]*\n?\r\n`)
)

// simpleDecode is the format written down once more, for whole bodies.
func simpleDecode(t *testing.T, mode PayloadMode, wire string, length int64) (data, trailer string, ok bool) {
	a := testAuth(t, mode, length)
	previous := hex.EncodeToString(a.seed[:])
	valid := func(signature, label string, rest ...string) bool {
		text := strings.Join(append([]string{label, a.stamp, a.scope, previous}, rest...), "\n")
		previous = signature
		return hex.EncodeToString(a.key.sign(nil, []byte(text))) == signature
	}
	hash := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	short := func(line string) bool { return strings.IndexByte(line, '\n') < chunkBuffer }

	for last := false; !last; {
		m := simpleSize.FindStringSubmatch(wire)
		if m == nil || !short(wire) || mode.signedChunks() != (m[2] != "") {
			return "", "", false
		}
		wire = wire[len(m[0]):]
		size, err := strconv.ParseUint(m[1], 16, 63)
		if err != nil || size > uint64(len(wire)) {
			return "", "", false
		}
		last = size == 0
		chunk := wire[:size]
		wire = wire[size:]
		if !last && !strings.HasPrefix(wire, "\r\n") {
			return "", "", false
		}
		if !last {
			wire = wire[2:]
		}
		// The next chunk shows whether this one was the last with data.
		if next := simpleSize.FindStringSubmatch(wire); !last && size < minChunk && next != nil && strings.Trim(next[1], "0") != "" {
			return "", "", false
		}
		if mode.signedChunks() && !valid(m[2], "AWS4-HMAC-SHA256-PAYLOAD", hash(""), hash(chunk)) {
			return "", "", false
		}
		data += chunk
	}
	if int64(len(data)) != length {
		return "", "", false
	}
	if mode.Trailer() {
		m := simpleTrailer.FindStringSubmatch(wire)
		if m == nil || !short(wire) {
			return "", "", false
		}
		wire = wire[len(m[0]):]
		trailer = strings.Trim(m[1], " \t")
		if mode.signedChunks() {
			m := simpleSigned.FindStringSubmatch(wire)
			if m == nil || !short(wire) || !valid(m[1], "AWS4-HMAC-SHA256-TRAILER", hash(testTrailer+":"+trailer+"\n")) {
				return "", "", false
			}
			wire = wire[len(m[0]):]
		}
	}
	return data, trailer, wire == "" || wire == "\r\n"
}
