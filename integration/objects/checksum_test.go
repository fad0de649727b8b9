package objects_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// checksums returns all checksum headers of an answer.
func checksums(a answer) map[string]string {
	all := make(map[string][]string)
	for _, algo := range s3api.Algorithms() {
		all[algo.Header()] = nil
	}
	all["X-Amz-Checksum-Type"] = nil
	return pick(a.header, all)
}

// testChecksums sends every checksum in every way, right and wrong.
func testChecksums(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		for _, algo := range s3api.Algorithms() {
			for _, mode := range modes {
				// Nothing but the gateway looks at checksums of plaintext.
				everything := e.onMinIO() && !e.through && size < buffered
				if !everything && algo != s3api.SHA1 && algo != s3api.CRC32C {
					continue
				}
				name := fmt.Sprintf("%d/%s/%s", size, algo, mode)
				t.Run(name, func(t *testing.T) { e.checkChecksum(t, "checksum/"+name, size, algo, mode) })
			}
		}
	}
}

func (e *endpoint) checkChecksum(t *testing.T, key string, size int, algo s3api.Algorithm, mode sigv4.PayloadMode) {
	body := plain(size)
	value := sum(algo, body)
	wrong := sum(algo, body[1:])
	trailer := mode == sigv4.PayloadChunksTrailer || mode == sigv4.PayloadChunksSignedTrailer
	put := func(value string) answer {
		r := request{method: http.MethodPut, key: key, body: body, mode: mode, trailer: algo, trailerValue: value}
		if !trailer {
			r.header = headers(algo.Header(), value)
		}
		return e.do(t, r)
	}
	want := map[string]string{algo.Header(): value, "X-Amz-Checksum-Type": "FULL_OBJECT"}

	refuse := func(value, code string) {
		t.Helper()
		if a := put(value); a.status != http.StatusBadRequest || a.code() != code {
			t.Errorf("a wrong checksum: status %d, %s", a.status, a.body)
		}
	}
	refuse(wrong, "BadDigest")
	e.head(t, http.StatusNotFound, key)
	a := put(value)
	if a.status != http.StatusOK {
		t.Fatalf("status %d, %s", a.status, a.body)
	}
	if diff := cmp.Diff(want, checksums(a)); diff != "" {
		t.Errorf("PUT (-want +got):\n%s", diff)
	}
	refuse(wrong, "BadDigest")
	refuse("AAAA", "InvalidRequest")

	// Only the footer knows a checksum that came after a streamed body: that
	// costs one request more, the first time, when it is asked for.
	requests := []int{1, 1, 1, 1}
	if trailer && size == streamed {
		requests[1]++
	}
	for i, mode := range []string{"", "ENABLED", "enabled", "x"} {
		e.proxy.Reset()
		h := headers("X-Amz-Checksum-Mode", mode)
		if mode == "" {
			h = nil
		}
		method := []string{http.MethodGet, http.MethodHead}[i%2]
		a := e.expect(t, http.StatusOK, request{method: method, key: key, header: h})
		if method == http.MethodGet && !bytes.Equal(a.body, body) {
			t.Error("the body is another one")
		}
		got := map[string]string{}
		if mode == "ENABLED" || mode == "enabled" {
			got = want
		}
		if diff := cmp.Diff(got, checksums(a)); diff != "" {
			t.Errorf("%s with mode %q (-want +got):\n%s", method, mode, diff)
		}
		if n := e.reads(); n != requests[i] {
			t.Errorf("%s with mode %q: %d requests, want %d", method, mode, n, requests[i])
		}
	}
	for rng, got := range map[string]map[string]string{"bytes=0-9": {}, "bytes=0-": want} {
		a := e.get(t, http.StatusPartialContent, key, "Range", rng, "X-Amz-Checksum-Mode", "ENABLED")
		if diff := cmp.Diff(got, checksums(a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rng, diff)
		}
	}
}

// reads counts the requests to the store that read. An upload that was given
// up may come to the proxy's ears late.
func (e *endpoint) reads() (n int) {
	for _, x := range e.proxy.Exchanges() {
		if x.Method != http.MethodPut {
			n++
		}
	}
	return n
}

// testDefaultChecksum sends none.
func testDefaultChecksum(t *testing.T, e *endpoint) {
	for _, size := range []int{0, 100, streamed} {
		for _, mode := range []sigv4.PayloadMode{sigv4.PayloadHash, sigv4.PayloadUnsigned, sigv4.PayloadChunksSigned} {
			key := fmt.Sprintf("default-checksum/%d/%s", size, mode)
			want := map[string]string{"X-Amz-Checksum-Crc64nvme": sum(s3api.CRC64NVME, plain(size)), "X-Amz-Checksum-Type": "FULL_OBJECT"}
			put := e.expect(t, http.StatusOK, request{method: http.MethodPut, key: key, body: plain(size), mode: mode})
			if diff := cmp.Diff(want, checksums(put)); diff != "" {
				t.Errorf("PUT %s (-want +got):\n%s", key, diff)
			}
			if diff := cmp.Diff(want, checksums(e.get(t, http.StatusOK, key, "X-Amz-Checksum-Mode", "ENABLED"))); diff != "" {
				t.Errorf("GET %s (-want +got):\n%s", key, diff)
			}
		}
	}
}

// testContentMD5 sends Content-MD5, right, wrong and malformed.
func testContentMD5(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		for _, mode := range modes {
			key := fmt.Sprintf("content-md5/%d/%s", size, mode)
			body := plain(size)
			etag, value := md5Of(body)
			_, wrong := md5Of(body[1:])
			put := func(value string) answer {
				return e.do(t, request{method: http.MethodPut, key: key, body: body, mode: mode, header: headers("Content-Md5", value)})
			}
			for value, code := range map[string]string{
				wrong: "BadDigest", "x": "InvalidDigest", "": "InvalidDigest", base64.StdEncoding.EncodeToString([]byte("short")): "InvalidDigest",
			} {
				if a := put(value); a.status != http.StatusBadRequest || a.code() != code {
					t.Errorf("%s, %q: status %d, %s", key, value, a.status, a.body)
				}
			}
			e.head(t, http.StatusNotFound, key)
			if a := put(value); a.status != http.StatusOK || a.header.Get("Etag") != etag {
				t.Errorf("%s: status %d, ETag %s, %s", key, a.status, a.header.Get("Etag"), a.body)
			}
			if a := put(wrong); a.status != http.StatusBadRequest {
				t.Errorf("%s: status %d", key, a.status)
			}
			if a := e.get(t, http.StatusOK, key); !bytes.Equal(a.body, body) || a.header.Get("Etag") != etag {
				t.Errorf("%s: another object after a refused one", key)
			}
		}
	}
}
