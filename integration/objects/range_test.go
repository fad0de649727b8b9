package objects_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// testRanges reads parts of objects, with one request to the store each and
// not much more fetched than asked for.
func testRanges(t *testing.T, e *endpoint) {
	const large = 20*chunk + 3
	objects := []int{0, 1, chunk, 3*chunk + 11, large}
	for _, size := range objects {
		e.put(t, fmt.Sprint("range/", size), plain(size))
	}
	t.Run("forms", func(t *testing.T) {
		for _, spec := range []string{
			"bytes=0-0", "bytes=0-", "bytes=1-", "bytes=5-9", "bytes=0-99999999", "bytes=-1", "bytes=-0", "bytes=-99999999",
			"bytes=65535-65536", "bytes=65536-65536", "bytes=65536-", "bytes=196618-", "bytes=196619-", "bytes=196618-196618",
			"bytes=99999999-", "bytes=99999999-199999999", "bytes=0-9223372036854775807", "bytes=0-99999999999999999999999",
			"bytes=9223372036854775807-", "bytes=99999999999999999999-", "bytes=-9223372036854775807", "bytes=-99999999999999999999",
			"Bytes=2-3", "bytes= 2-3",
			// Ignored: not ranges, or more than one.
			"bytes=", "bytes=-", "bytes=a-b", "bytes=3-2", "bytes=0-1,3-4", "lines=0-1", "bytes 0-1", "0-1", "bytes=+1-2", "bytes=1-2-3",
		} {
			for _, size := range objects {
				if e.through && size < large {
					continue // the way to the store makes no difference to arithmetic
				}
				e.checkRange(t, size, spec)
			}
		}
	})
	t.Run("random", func(t *testing.T) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		for range 40 {
			size := objects[r.IntN(len(objects))]
			// Half of the offsets lie next to a chunk's edge.
			offset := func() int {
				n := r.IntN(size + chunk)
				if r.IntN(2) == 0 {
					n = max(0, (n+chunk/2)/chunk*chunk-1+r.IntN(3))
				}
				return n
			}
			spec := fmt.Sprintf("bytes=-%d", offset())
			switch a := offset(); r.IntN(3) {
			case 0:
				spec = fmt.Sprintf("bytes=%d-", a)
			case 1:
				spec = fmt.Sprintf("bytes=%d-%d", a, a+offset())
			}
			e.checkRange(t, size, spec)
		}
	})
}

// checkRange compares a read with one of the plaintext itself.
func (e *endpoint) checkRange(t *testing.T, size int, spec string) {
	t.Helper()
	want := plain(size)
	status, contentRange := http.StatusOK, ""
	if rng, ok := s3api.ParseRange(spec); ok {
		off, n, ok := rng.Resolve(int64(size))
		if !ok {
			e.checkUnsatisfiable(t, size, spec)
			return
		}
		status, contentRange = http.StatusPartialContent, s3api.ContentRange(off, n, int64(size))
		want = want[off:][:n]
	}
	key := fmt.Sprint("range/", size)
	e.proxy.Reset()
	a := e.do(t, request{method: http.MethodGet, key: key, header: headers("Range", spec)})
	exchanges := e.proxy.Exchanges()
	if a.status != status || a.header.Get("Content-Range") != contentRange || a.length != int64(len(want)) || !bytes.Equal(a.body, want) {
		t.Errorf("%s of %d bytes: status %d, %q, length %d, %d bytes; want %d, %q, %d", spec, size, a.status, a.header.Get("Content-Range"), a.length, len(a.body), status, contentRange, len(want))
	}
	var fetched int64
	for _, x := range exchanges {
		fetched += x.Sent
	}
	// The chunks that the range touches, and what is not chunks. Where a suffix
	// begins is not known beforehand: that depends on a size of up to 5 GiB.
	limit := int64(len(want)) + 4*(chunk+28) + 16<<10
	if strings.HasPrefix(spec, "bytes=-") {
		limit += 252 << 10
	}
	if len(exchanges) != 1 || fetched > limit {
		t.Errorf("%s of %d bytes: %d requests, %d bytes fetched, want 1 and at most %d", spec, size, len(exchanges), fetched, limit)
	}
	h := e.do(t, request{method: http.MethodHead, key: key, header: headers("Range", spec)})
	if h.status != status || h.header.Get("Content-Range") != contentRange || h.length != int64(len(want)) {
		t.Errorf("HEAD %s of %d bytes: status %d, %q, length %d", spec, size, h.status, h.header.Get("Content-Range"), h.length)
	}
}

func (e *endpoint) checkUnsatisfiable(t *testing.T, size int, spec string) {
	t.Helper()
	key := fmt.Sprint("range/", size)
	a := e.do(t, request{method: http.MethodGet, key: key, header: headers("Range", spec)})
	if a.status != http.StatusRequestedRangeNotSatisfiable || a.code() != "InvalidRange" {
		t.Errorf("%s of %d bytes: status %d, %.300s", spec, size, a.status, a.body)
	}
	for _, element := range []string{
		"<ActualObjectSize>" + strconv.Itoa(size) + "</ActualObjectSize>",
		"<RangeRequested>" + spec + "</RangeRequested>",
	} {
		if !strings.Contains(string(a.body), element) {
			t.Errorf("%s of %d bytes: no %s in %s", spec, size, element, a.body)
		}
	}
	want := "bytes */" + strconv.Itoa(size)
	if got := a.header.Get("Content-Range"); got != want {
		t.Errorf("%s of %d bytes: Content-Range %q, want %q", spec, size, got, want)
	}
	h := e.do(t, request{method: http.MethodHead, key: key, header: headers("Range", spec)})
	if h.status != http.StatusRequestedRangeNotSatisfiable || h.header.Get("Content-Range") != want {
		t.Errorf("HEAD %s of %d bytes: status %d, Content-Range %q", spec, size, h.status, h.header.Get("Content-Range"))
	}
}

// testIfRange reads a range on the condition that the object is still the one
// that the client knows.
func testIfRange(t *testing.T, e *endpoint) {
	for _, size := range []int{3*chunk + 11, streamed} {
		key := fmt.Sprint("if-range/", size)
		etag := e.put(t, key, plain(size)).header.Get("Etag")
		modified := e.head(t, http.StatusOK, key).header.Get("Last-Modified")
		for _, tc := range []struct {
			validator string
			status    int
		}{
			{etag, http.StatusPartialContent},
			{`"00000000000000000000000000000000"`, http.StatusOK},
			{"W/" + etag, http.StatusOK},
			{modified, http.StatusPartialContent},
			{"Thu, 01 Jan 2015 00:00:00 GMT", http.StatusOK},
		} {
			want := plain(size)
			if tc.status == http.StatusPartialContent {
				want = want[70_000:70_010]
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				a := e.expect(t, tc.status, request{method: method, key: key, header: headers("Range", "bytes=70000-70009", "If-Range", tc.validator)})
				if a.length != int64(len(want)) || method == http.MethodGet && !bytes.Equal(a.body, want) {
					t.Errorf("%s If-Range: %s: %d bytes, want %d", method, tc.validator, a.length, len(want))
				}
				// The rest of what is no longer there is not asked for.
				status := http.StatusOK
				if tc.status == http.StatusPartialContent {
					status = http.StatusRequestedRangeNotSatisfiable
				}
				e.expect(t, status, request{method: method, key: key, header: headers("Range", "bytes=99999999-", "If-Range", tc.validator)})
			}
		}
	}
}

// testResponseHeaders overrides headers of the answer by parameters.
func testResponseHeaders(t *testing.T, e *endpoint) {
	e.put(t, "override", plain(10), "Content-Type", "text/plain", "Cache-Control", "no-store")
	const query = "response-content-type=image%2Fpng&response-content-language=fr&response-expires=Thu%2C%2001%20Dec%201994%2016%3A00%3A00%20GMT" +
		"&response-cache-control=max-age%3D1&response-content-disposition=attachment%3B%20filename%3Dx&response-content-encoding=br"
	want := map[string]string{
		"Content-Type": "image/png", "Content-Language": "fr", "Expires": "Thu, 01 Dec 1994 16:00:00 GMT",
		"Cache-Control": "max-age=1", "Content-Disposition": "attachment; filename=x", "Content-Encoding": "br",
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, how := range []auth{signed, presigned} {
			a := e.expect(t, http.StatusOK, request{method: method, key: "override", query: query, auth: how})
			if diff := cmp.Diff(want, pick(a.header, want)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", method, diff)
			}
		}
		// Whoever may read without signing may not choose headers.
		e.expect(t, http.StatusOK, request{method: method, key: "override", auth: anonymous})
		for param := range strings.SplitSeq(query, "&") {
			a := e.expect(t, http.StatusBadRequest, request{method: method, key: "override", query: param, auth: anonymous})
			if method == http.MethodGet && a.code() != "InvalidRequest" {
				t.Errorf("anonymous with %s: %s", param, a.body)
			}
		}
	}
	for _, r := range []request{
		{method: http.MethodPut, key: "override", body: plain(10)},
		{method: http.MethodDelete, key: "override"},
		{method: http.MethodGet},
		{method: http.MethodGet, bucket: "other", key: "override"},
	} {
		r.auth = anonymous
		if a := e.expect(t, http.StatusForbidden, r); a.code() != "AccessDenied" {
			t.Errorf("anonymous %s %s/%s: %s", r.method, r.bucket, r.key, a.body)
		}
	}
}

// pick returns the values of the headers that are in of.
func pick[V any](h http.Header, of map[string]V) map[string]string {
	got := make(map[string]string)
	for name := range of {
		if values, ok := h[name]; ok {
			got[name] = strings.Join(values, "|")
		}
	}
	return got
}
