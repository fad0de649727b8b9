package security_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestPlaintextReads reads objects that are not encrypted where that is
// allowed: all about them is as the store says.
func TestPlaintextReads(t *testing.T) {
	eachWay(t, site.Options{Handler: "plaintext_reads other-* test-*"}, func(t *testing.T, e *endpoint) {
		content := body(200_000, 1)
		e.store.Write(t, e.bucket, "old", content, map[string]string{"Colour": "blue"})
		e.Put(t, e.bucket, "new", content)
		stored := e.header(t, "old")
		etag := stored.Get("Etag")

		for _, tc := range []struct {
			header []string
			status int
			off, n int
		}{
			{nil, 200, 0, 200_000},
			{[]string{"Range", "bytes=0-9"}, 206, 0, 10},
			{[]string{"Range", "bytes=65530-131080"}, 206, 65530, 65551},
			{[]string{"Range", "bytes=199999-"}, 206, 199_999, 1},
			{[]string{"Range", "bytes=100000-300000"}, 206, 100_000, 100_000},
			{[]string{"Range", "bytes=-7"}, 206, 199_993, 7},
			{[]string{"Range", "bytes=0-9", "If-Range", etag}, 206, 0, 10},
			{[]string{"Range", "bytes=0-9", "If-Range", `"other"`}, 200, 0, 200_000},
			{[]string{"If-Match", etag}, 200, 0, 200_000},
			{[]string{"Range", "bytes=1-2", "If-Match", etag}, 206, 1, 2},
			{[]string{"If-None-Match", etag}, 304, 0, 0},
			{[]string{"Range", "bytes=1-2", "If-None-Match", etag}, 304, 0, 0},
			{[]string{"If-Match", `"other"`}, 412, 0, 0},
			{[]string{"Range", "bytes=200000-"}, 416, 0, 0},
		} {
			what := strings.Join(tc.header, " ")
			get, head := e.Get(t, e.bucket, "old", tc.header...), e.Head(t, e.bucket, "old", tc.header...)
			for name, a := range map[string]wire.Answer{"GET ": get, "HEAD ": head} {
				if a.Status != tc.status || a.Err != nil {
					t.Errorf("%s%s: status %d, want %d; %v", name, what, a.Status, tc.status, a.Err)
				}
				for h := range a.Header {
					if strings.HasPrefix(h, "X-Amz-Server-Side-Encryption") {
						t.Errorf("%s%s: %s: %s", name, what, h, a.Header.Get(h))
					}
				}
				if a.Status/100 != 2 {
					continue
				}
				if a.Header.Get("Etag") != etag || a.Header.Get("X-Amz-Meta-Colour") != "blue" || a.Length != int64(tc.n) {
					t.Errorf("%s%s: header %v", name, what, a.Header)
				}
			}
			if tc.status/100 == 2 && !bytes.Equal(get.Body, content[tc.off:tc.off+tc.n]) {
				t.Errorf("GET %s: %d other bytes", what, len(get.Body))
			}
		}

		list := e.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: "/" + e.bucket + "?list-type=2"})
		for _, want := range []string{"<Size>" + strconv.Itoa(len(content)) + "</Size>", strings.Trim(etag, `"`), "<Key>old</Key>", "<Key>new</Key>"} {
			if !strings.Contains(string(list.Body), want) {
				t.Errorf("%s is not listed in\n%s", want, list.Body)
			}
		}

		// An encrypted object is never plaintext.
		e.store.Write(t, e.bucket, "stripped", e.store.Read(t, e.bucket, "new").Body, nil)
		for _, header := range [][]string{nil, {"Range", "bytes=0-9"}, {"Range", "bytes=100-"}, {"Range", "bytes=-5"}} {
			doc := checkError(t, e.Get(t, e.bucket, "stripped", header...), http.StatusForbidden, "InvalidObjectState")
			if !strings.Contains(doc.Message, "metadata") {
				t.Errorf("message %q", doc.Message)
			}
			if a := e.Head(t, e.bucket, "stripped", header...); a.Status != http.StatusForbidden {
				t.Errorf("HEAD %v: status %d", header, a.Status)
			}
		}
	})
}
