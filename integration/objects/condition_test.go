package objects_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

const otherETag = `"0123456789abcdef0123456789abcdef"`

// testReadConditions reads on conditions, of an object with the MD5 for an
// ETag and of one without.
func testReadConditions(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		key := fmt.Sprint("conditions/", size)
		etag := e.put(t, key, plain(size)).header.Get("Etag")
		if opaque := strings.HasSuffix(etag, `-1"`); opaque != (size == streamed) {
			t.Errorf("the ETag of %d bytes is %s", size, etag)
		}
		modified, err := http.ParseTime(e.head(t, http.StatusOK, key).header.Get("Last-Modified"))
		if err != nil {
			t.Fatal(err)
		}
		same, before := modified.Format(http.TimeFormat), modified.Add(-time.Hour).Format(http.TimeFormat)
		for _, tc := range []struct {
			status    int
			condition string // of a failure
			header    []string
		}{
			{200, "", []string{"If-Match", etag}},
			{200, "", []string{"If-Match", strings.Trim(etag, `"`)}},
			{200, "", []string{"If-Match", otherETag + ", " + etag}},
			{200, "", []string{"If-Match", "*"}},
			{412, "If-Match", []string{"If-Match", otherETag}},
			{412, "If-Match", []string{"If-Match", "W/" + etag}},
			{304, "", []string{"If-None-Match", etag}},
			{304, "", []string{"If-None-Match", "W/" + etag}},
			{304, "", []string{"If-None-Match", "*"}},
			{200, "", []string{"If-None-Match", otherETag}},
			{304, "", []string{"If-Modified-Since", same}},
			{200, "", []string{"If-Modified-Since", before}},
			{200, "", []string{"If-Modified-Since", "yesterday"}},
			{200, "", []string{"If-Unmodified-Since", same}},
			{412, "If-Unmodified-Since", []string{"If-Unmodified-Since", before}},
			// An ETag outranks a date.
			{200, "", []string{"If-Match", etag, "If-Unmodified-Since", before}},
			{200, "", []string{"If-None-Match", otherETag, "If-Modified-Since", same}},
			{304, "", []string{"If-Match", etag, "If-None-Match", etag}},
			{412, "If-Match", []string{"If-Match", otherETag, "If-None-Match", etag}},
			// A condition goes before a range.
			{206, "", []string{"If-Match", etag, "Range", "bytes=1-2"}},
			{304, "", []string{"If-None-Match", etag, "Range", "bytes=1-2"}},
			{412, "If-Match", []string{"If-Match", otherETag, "Range", "bytes=1-2"}},
			{412, "If-Match", []string{"If-Match", otherETag, "Range", "bytes=99999999-"}},
			{304, "", []string{"If-None-Match", etag, "Range", "bytes=99999999-"}},
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				a := e.do(t, request{method: method, key: key, header: headers(tc.header...)})
				if a.status != tc.status || a.err != nil {
					t.Errorf("%s of %d bytes, %q: status %d, %v, want %d", method, size, tc.header, a.status, a.err, tc.status)
				}
				switch tc.status {
				case http.StatusNotModified:
					if len(a.body) > 0 || a.header.Get("Etag") != etag || a.header.Get("Last-Modified") != same {
						t.Errorf("%s, %q: %d bytes, header %v", method, tc.header, len(a.body), a.header)
					}
				case http.StatusPreconditionFailed:
					if method == http.MethodGet && !strings.Contains(string(a.body), "<Condition>"+tc.condition+"</Condition>") {
						t.Errorf("%s, %q: %s", method, tc.header, a.body)
					}
				}
			}
		}
	}
	// The connection survives a 304, whatever of the object was not read.
	if a := e.get(t, http.StatusOK, fmt.Sprint("conditions/", 100)); len(a.body) != 100 {
		t.Errorf("read %d bytes", len(a.body))
	}
}

// testWriteConditions writes and deletes on conditions.
func testWriteConditions(t *testing.T, e *endpoint) {
	for _, size := range []int{100, streamed} {
		key := fmt.Sprint("write-conditions/", size)
		write := func(status int, code string, pairs ...string) answer {
			t.Helper()
			a := e.do(t, request{method: http.MethodPut, key: key, body: plain(size), mode: sigv4.PayloadUnsigned, header: headers(pairs...)})
			if e.answerLost(a) {
				return a
			}
			if a.status != status || code != "" && a.code() != code {
				t.Errorf("%d bytes, %q: status %d, want %d %s; %s", size, pairs, a.status, status, code, a.body)
			}
			return a
		}
		write(404, "NoSuchKey", "If-Match", otherETag)
		etag := write(200, "", "If-None-Match", "*").header.Get("Etag")
		write(412, "PreconditionFailed", "If-None-Match", "*")
		write(412, "PreconditionFailed", "If-Match", otherETag)
		if etag = write(200, "", "If-Match", etag).header.Get("Etag"); etag == "" {
			t.Error("no ETag")
		}
		etag = write(200, "", "If-Match", strings.Trim(etag, `"`)).header.Get("Etag")
		write(501, "NotImplemented", "If-Match", "*")
		write(501, "NotImplemented", "If-None-Match", etag)
		write(501, "NotImplemented", "If-None-Match", "*", "If-Match", etag)
		write(501, "NotImplemented", "If-Unmodified-Since", "Thu, 01 Dec 1994 16:00:00 GMT")

		remove := func(status int, code string, pairs ...string) {
			t.Helper()
			a := e.do(t, request{method: http.MethodDelete, key: key, header: headers(pairs...)})
			if a.status != status || code != "" && a.code() != code {
				t.Errorf("DELETE %q: status %d, want %d %s; %s", pairs, a.status, status, code, a.body)
			}
		}
		remove(412, "PreconditionFailed", "If-Match", otherETag)
		remove(501, "NotImplemented", "If-None-Match", "*")
		e.head(t, http.StatusOK, key)
		remove(204, "", "If-Match", etag)
		e.head(t, http.StatusNotFound, key)
		remove(204, "")
	}
}

// answerLost reports whether the store's answer was one that got lost.
// VersityGW answers a condition that does not hold before it has read the body
// and closes the connection, which can overtake its answer.
func (e *endpoint) answerLost(a answer) bool {
	return !e.onMinIO() && a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), "cannot be reached")
}

// testRace lets writers compete: for a name that none of them may overwrite,
// and for an object that all of them know.
func testRace(t *testing.T, e *endpoint) {
	for _, size := range []int{5000, streamed} {
		key := fmt.Sprint("race/", size)
		e.race(t, key, plain(size), "If-None-Match", "*")
		if !e.onMinIO() {
			continue // VersityGW looks at If-Match first and writes later
		}
		// Other bodies, for the same one would have the same ETag.
		e.race(t, key, plain(size + 1)[1:], "If-Match", e.head(t, http.StatusOK, key).header.Get("Etag"))
	}
}

func (e *endpoint) race(t *testing.T, key string, body []byte, condition, value string) {
	t.Helper()
	var wg sync.WaitGroup
	answers := make([]answer, 20)
	for i := range answers {
		hr, wire := request{
			method: http.MethodPut, key: key, body: append(slices.Clip(body), byte(i)), mode: sigv4.PayloadUnsigned,
			header: headers(condition, value, "X-Amz-Meta-Writer", strconv.Itoa(i)),
		}.build(t, e)
		wg.Go(func() { answers[i] = upload(t.Context(), hr, wire, int64(len(wire)), nil) })
	}
	wg.Wait()
	winner := -1
	for i, a := range answers {
		switch {
		case a.status == http.StatusOK:
			if winner >= 0 {
				t.Errorf("%s: both %d and %d were told that they wrote", condition, winner, i)
			}
			winner = i
		case a.status != http.StatusPreconditionFailed && a.status != http.StatusConflict && !e.answerLost(a):
			t.Errorf("%s, writer %d: status %d, %v, %s", condition, i, a.status, a.err, a.body)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: nobody wrote %s", condition, key)
	}
	a := e.get(t, http.StatusOK, key)
	if a.header.Get("X-Amz-Meta-Writer") != strconv.Itoa(winner) || int(a.body[len(body)]) != winner {
		t.Errorf("%s: writer %d wrote, the object is of %s", condition, winner, a.header.Get("X-Amz-Meta-Writer"))
	}
}
