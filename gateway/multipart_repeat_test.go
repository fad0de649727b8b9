package gateway

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestCompleteAgain completes uploads again after the answer was lost: between
// the store and the gateway, or on its way to the client.
func TestCompleteAgain(t *testing.T) {
	oneAtATime(t)
	for _, mode := range testModes {
		for _, md5s := range []bool{false, true} {
			for _, lost := range []string{"the store's", "the gateway's", "the deletion's"} {
				t.Run(fmt.Sprintf("%s, MD5s %t, %s", mode.name, md5s, lost), func(t *testing.T) {
					m := newMultiBench(t, 2, nil)
					u := m.create("again", mode)
					for n, size := range map[int]int{1: mib5, 2: 100} {
						var header []string
						if md5s {
							header = []string{"Content-MD5", contentMD5(bytesOf(size, n))}
						}
						u.mustPut(n, bytesOf(size, n), header...)
					}
					m.store.after = func(r *http.Request) error {
						completes := r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
						deletes := r.Method == http.MethodPost && r.URL.Query().Has("delete")
						if completes && lost == "the store's" || deletes && lost == "the deletion's" {
							return errCut
						}
						return nil
					}
					first := u.complete(nil)
					m.store.after = nil
					if first.ok() != (lost != "the store's") {
						t.Fatalf("the first: %d %s", first.status, first.body)
					}
					want := m.do(http.MethodHead, "/bucket/again", nil, mode.access...).header.Get("Etag")
					for i, r := range []reply{u.complete(nil), u.complete(nil, mode.access...)} {
						result, err := s3api.ParseCompleteUploadResult(r.body)
						if err != nil || quote(result.ETag) != want {
							t.Errorf("again, %d: %d %s, %v; the object has %s", i, r.status, r.body, err, want)
						}
						if got := r.header.Get("X-Amz-Server-Side-Encryption"); (got == "") != (mode.name == "SSE-C") {
							t.Errorf("again, %d: encryption %q", i, got)
						}
					}
					u.check()
				})
			}
		}
	}
}

// TestCompleteAgainAnother asks for a completion that was not, where there is
// an object already.
func TestCompleteAgainAnother(t *testing.T) {
	for _, mode := range testModes {
		m := newMultiBench(t, 1, nil)
		u := m.create("another", mode)
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(100, 2))
		u.mustComplete()
		etag := func(n int) s3api.CompletedPart {
			return s3api.CompletedPart{Number: n, ETag: strings.Repeat("ab", 16) + "-1"}
		}
		for name, parts := range map[string][]s3api.CompletedPart{
			"another attempt": {etag(1), u.listed[2]},
			"an MD5":          {{Number: 1, ETag: strings.Repeat("ab", 16)}, {Number: 2, ETag: strings.Repeat("cd", 16)}},
			"another number":  {{Number: 2, ETag: u.listed[1].ETag}, {Number: 3, ETag: u.listed[2].ETag}},
		} {
			if r := u.complete(parts); r.code() != "NoSuchUpload" {
				t.Errorf("%s, %s: %d %s", mode.name, name, r.status, r.body)
			}
		}
		if r := u.complete(u.list()[:1], mode.access...); r.code() != "NoSuchUpload" {
			t.Errorf("%s, fewer parts: %d %s", mode.name, r.status, r.body)
		}
		m.must(http.MethodPut, "/bucket/another", []byte("replaced"))
		if r := u.complete(nil); r.code() != "NoSuchUpload" {
			t.Errorf("%s, replaced: %d %s", mode.name, r.status, r.body)
		}
	}
}

// TestCompleteRace completes one upload many times at once: there is one
// object, everyone is told so, and it can be read.
func TestCompleteRace(t *testing.T) {
	for _, mode := range testModes {
		m := newMultiBench(t, 4, nil)
		u := m.create("race", mode)
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(100, 2))
		replies := make([]reply, 8)
		var wg sync.WaitGroup
		for i := range replies {
			wg.Go(func() { replies[i] = u.complete(nil) })
		}
		wg.Wait()
		for i, r := range replies {
			if !r.ok() {
				t.Errorf("%s, %d: %d %s", mode.name, i, r.status, r.body)
			}
		}
		u.check()
	}
}

// TestCompleteErrorWith200 has the store begin its answer as a success and end
// it as an error: nothing is lost.
func TestCompleteErrorWith200(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	for name, tc := range map[string]struct {
		doc    string
		status int
		code   string
	}{
		"error":     {"\n   \n<Error><Code>SlowDown</Code><Message>Slow.</Message></Error>", 503, "SlowDown"},
		"its parts": {"<Error><Code>InvalidPart</Code><ETag>the store's</ETag></Error>", 400, "InvalidPart"},
		"nothing":   {"", 500, "InternalError"},
		"no ETag":   {"<CompleteMultipartUploadResult/>", 500, "InternalError"},
		"too small": {"<Error><Code>EntityTooSmall</Code></Error>", 500, "InternalError"},
	} {
		u := m.create("error", testModes[0])
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(10, 1))
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
				return fakeAnswer(200, nil, []byte(tc.doc))
			}
			return nil
		}
		r := u.complete(nil)
		m.store.instead = nil
		if r.status != tc.status || r.code() != tc.code || strings.Contains(string(r.body), "the store's") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		u.mustComplete()
		u.check()
	}
}

// TestCompleteConditions completes under conditions, and again after a lost
// answer, when the condition holds no more.
func TestCompleteConditions(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	begin := func(seed int) *multiUpload {
		u := m.create("conditions", testModes[0])
		u.mustPut(1, bytesOf(10, seed))
		return u
	}
	first := begin(1)
	m.store.after = func(r *http.Request) error {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			return errCut
		}
		return nil
	}
	if r := first.complete(nil, "If-None-Match", "*"); r.status != 503 {
		t.Errorf("the answer lost: %d %s", r.status, r.body)
	}
	m.store.after = nil
	r := first.complete(nil, "If-None-Match", "*")
	if !r.ok() {
		t.Fatalf("the second time: %d %s", r.status, r.body)
	}
	first.check()
	result, err := s3api.ParseCompleteUploadResult(r.body)
	if err != nil {
		t.Fatal(err)
	}
	second := begin(2)
	for _, header := range [][]string{{"If-None-Match", "*"}, {"If-Match", `"other"`}} {
		if r := second.complete(nil, header...); r.code() != "PreconditionFailed" {
			t.Errorf("%q: %d %s", header, r.status, r.body)
		}
	}
	if r := second.complete(nil, "If-Match", quote(result.ETag)); !r.ok() {
		t.Errorf("the right ETag: %d %s", r.status, r.body)
	}
	second.check()
}

// TestCompleteInProgress asks for the completion of an upload that is refused,
// where an earlier upload has made the same object: it is not taken for what
// this one has made, and the upload goes on.
func TestCompleteInProgress(t *testing.T) {
	for _, header := range [][]string{nil, {"Content-MD5", ""}} {
		m := newMultiBench(t, 2, nil)
		begin := func() *multiUpload {
			u := m.create("same", testModes[0])
			for n, size := range map[int]int{1: mib5, 2: 100} {
				if header != nil {
					header[1] = contentMD5(bytesOf(size, n))
				}
				u.mustPut(n, bytesOf(size, n), header...)
			}
			return u
		}
		begin().mustComplete()
		second := begin()
		if r := second.complete(nil, "If-None-Match", "*"); r.code() != "PreconditionFailed" {
			t.Errorf("%q: %d %s", header, r.status, r.body)
		}
		second.mustComplete()
		second.check()
	}
}

// TestCompleteBreaksOff has the store break off, in different ways, while it
// gives back the part that waited for the completion: that is not about the
// client's request, which can be made again.
func TestCompleteBreaksOff(t *testing.T) {
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, errCut} {
		m := newMultiBench(t, 1, nil)
		u := m.create("waiting", testModes[0])
		u.mustPut(1, bytesOf(100_000, 1))
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/stash/") {
				return nil
			}
			resp := m.store.answer(r, nil)
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 1000), iotest.ErrReader(broken)))
			return resp
		}
		if r := u.complete(nil); r.status != http.StatusServiceUnavailable || r.code() != "ServiceUnavailable" {
			t.Errorf("%v: %d %s", broken, r.status, r.body)
		}
		m.store.instead = nil
		u.mustComplete()
		u.check()
	}
}

// TestCompleteOverlaps completes an upload while another completion of it is
// between its last two requests, at a store where both end it with the same part.
func TestCompleteOverlaps(t *testing.T) {
	for _, second := range []bool{false, true} { // whether the other one comes to its end
		m := newMultiBench(t, 2, nil)
		u := m.create("overlaps", testModes[0])
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(100, 2))
		ends := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
		first := true
		m.store.before = func(r *http.Request) error {
			if !ends(r) || !first {
				return nil
			}
			first = false
			before := m.store.before
			m.store.before = func(r *http.Request) error {
				if ends(r) && !second {
					return errCut
				}
				return nil
			}
			if got := u.complete(nil); got.ok() != second {
				t.Errorf("the other one: %d %s", got.status, got.body)
			}
			m.store.before = before
			return nil
		}
		u.mustComplete()
		u.check()
	}
}
