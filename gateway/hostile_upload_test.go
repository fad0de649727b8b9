package gateway

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// These tests are about a store that does what it likes with uploads in parts.
// Whatever it does, nobody gets other bytes than those of the parts that were
// completed, in their order.

// given reports whether any of the object is given: all of it, ranges, parts.
// What is given must be what was uploaded.
func (u *multiUpload) given() bool {
	u.m.t.Helper()
	want := u.plain()
	any := false
	for _, rng := range []string{"", "bytes=0-9", "bytes=5242870-5242889", "bytes=-10"} {
		var header []string
		off, n := int64(0), int64(len(want))
		if r, ok := s3api.ParseRange(rng); ok {
			header = []string{"Range", rng}
			off, n, _ = r.Resolve(n)
		}
		r := u.get(header...)
		if r.status == http.StatusOK || r.status == http.StatusPartialContent || r.status == -1 {
			if !bytes.HasPrefix(want[off:off+n], r.body) {
				u.m.t.Errorf("%s %q: %d wrong bytes", u.key, rng, len(r.body))
			}
			any = any || len(r.body) > 0
		} else if r.code() != "InvalidObjectState" && r.code() != "InvalidRange" { // of what the store says that there is
			u.m.t.Errorf("%s %q: %d %s", u.key, rng, r.status, r.body)
		}
	}
	return any
}

// TestMixedParts makes objects of what several uploads, attempts and
// completions left.
func TestMixedParts(t *testing.T) {
	oneAtATime(t)
	for _, mode := range []testMode{testModes[0], testModes[2]} { // one layer and two
		t.Run(mode.name, func(t *testing.T) {
			m := newMultiBench(t, 2, nil)
			const size = 2*mib5 + 100
			build := func(key string, seed int) *multiUpload {
				u := m.create(key, mode)
				u.mustPut(1, bytesOf(mib5, seed))
				u.mustPut(2, bytesOf(mib5, seed+1))
				u.mustPut(3, bytesOf(100, seed+2))
				return u
			}
			// A completion of which the client never learnt anything, and then
			// another one with another second part.
			u := build("object", 1)
			m.store.instead = func(r *http.Request) *http.Response {
				if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
					return fakeError(s3api.ErrInternalError)
				}
				return nil
			}
			if r := u.complete(nil); r.status != http.StatusInternalServerError {
				t.Fatalf("%d %s", r.status, r.body)
			}
			m.store.instead = nil
			parts := m.store.uploads[u.id].parts
			earlierEnd := parts[slices.Max(sortedKeys(parts))].body
			earlierPart := bytes.Clone(parts[2].body)
			u.mustPut(2, bytesOf(mib5, 50))
			u.mustComplete()
			u.check()
			v := build("other", 100)
			v.mustComplete()

			good, other := m.store.buckets["bucket"]["object"], m.store.buckets["bucket"]["other"]
			part := int(encryptor.PartSize(mib5))
			one, two, end := good.body[:part], good.body[part:2*part], good.body[2*part:]
			if encryptor.StoredSize(size) != int64(len(good.body)) {
				t.Fatalf("%d bytes", len(good.body))
			}
			for _, tc := range []struct {
				name   string
				body   [][]byte
				header http.Header
				some   bool // what is intact is given
			}{
				{"as it was", [][]byte{one, two, end}, good.header, true},
				{"in another order", [][]byte{two, one, end}, good.header, true},
				{"a part twice", [][]byte{one, one, end}, good.header, true},
				{"a part is missing", [][]byte{one, end}, good.header, false},
				{"a part more", [][]byte{one, two, two, end}, good.header, false},
				{"the earlier attempt", [][]byte{one, earlierPart, end}, good.header, true},
				{"the end of the earlier completion", [][]byte{one, two, earlierEnd}, good.header, true},
				{"another's part", [][]byte{one, other.body[part : 2*part], end}, good.header, true},
				{"another's end", [][]byte{one, two, other.body[2*part:]}, good.header, true}, // where the right one is remembered
				{"another's parts", [][]byte{other.body[:2*part], end}, good.header, true},
				{"another's metadata", [][]byte{one, two, end}, other.header, false},
				{"another object", [][]byte{other.body}, other.header, false},
				{"another's body", [][]byte{other.body}, good.header, false},
				{"the end alone", [][]byte{end}, good.header, false},
				{"a part alone", [][]byte{one}, good.header, false},
				{"nothing", nil, good.header, false},
			} {
				for _, sameETag := range []bool{false, true} {
					o := *good
					o.header, o.body = tc.header, slices.Concat(tc.body...)
					if !sameETag {
						o.etag = hexMD5(o.body)
					}
					m.store.buckets["bucket"]["object"] = &o
					if given := u.given(); given && !tc.some {
						t.Errorf("%s: some of it was given", tc.name)
					}
				}
			}
			// The whole earlier completion is what the client asked for once.
			replay := *good
			replay.body = slices.Concat(one, earlierPart, earlierEnd)
			replay.etag = hexMD5(replay.body)
			m.store.buckets["bucket"]["object"] = &replay
			if r := u.get(); !bytes.Equal(r.body, slices.Concat(bytesOf(mib5, 1), bytesOf(mib5, 2), bytesOf(100, 3))) {
				t.Errorf("the earlier completion: %d, %d bytes", r.status, len(r.body))
			}
		})
	}
}

// TestHostileUploadRecords alters, moves, swaps and removes what the gateway keeps of
// uploads in progress. An instance that has never heard of them goes on.
func TestHostileUploadRecords(t *testing.T) {
	oneAtATime(t)
	type records = map[string]*fakeObject
	// only returns the only record of an upload whose name begins so.
	only := func(s records, u *multiUpload, kind string) string {
		prefix := uploadID{"bucket", u.key, u.id}.dir() + kind
		var found []string
		for name := range s {
			if strings.HasPrefix(name, prefix) {
				found = append(found, name)
			}
		}
		if len(found) != 1 {
			u.m.t.Fatalf("records %q", found)
		}
		return found[0]
	}
	rename := func(s records, from, to string) {
		s[to] = s[from]
		delete(s, from)
	}
	for _, mode := range []testMode{testModes[0], testModes[3]} { // who completes needs the key, or does not
		for name, do := range map[string]func(s records, u, v *multiUpload, early records){
			"nothing": func(records, *multiUpload, *multiUpload, records) {},
			"a bit":   func(s records, u, _ *multiUpload, _ records) { s[only(s, u, "upload")].body[120] ^= 1 },
			"cut":     func(s records, u, _ *multiUpload, _ records) { r := s[only(s, u, "upload")]; r.body = r.body[:50] },
			"empty":   func(s records, u, _ *multiUpload, _ records) { s[only(s, u, "upload")].body = nil },
			"another's": func(s records, u, v *multiUpload, _ records) {
				s[only(s, u, "upload")].body = s[only(s, v, "upload")].body
			},
			"removed":         func(s records, u, _ *multiUpload, _ records) { delete(s, only(s, u, "upload")) },
			"a record as one": func(s records, u, _ *multiUpload, _ records) { s[only(s, u, "upload")].body = s[settingsRecord].body },
			"a part's bit": func(s records, u, _ *multiUpload, _ records) {
				n := only(s, u, "parts/00001-")
				rename(s, n, n[:len(n)-5]+"AAAAA")
			},
			"a part's number": func(s records, u, _ *multiUpload, _ records) {
				n := only(s, u, "parts/00001-")
				rename(s, n, strings.Replace(n, "/00001-", "/00004-", 1))
			},
			"a part's name": func(s records, u, _ *multiUpload, _ records) {
				s[uploadID{"bucket", u.key, u.id}.dir()+"parts/00001-nothing"] = &fakeObject{}
			},
			"another's part": func(s records, u, v *multiUpload, _ records) {
				n := only(s, v, "parts/00001-")
				s[uploadID{"bucket", u.key, u.id}.dir()+strings.TrimPrefix(n, uploadID{"bucket", v.key, v.id}.dir())] = s[n]
			},
			"a part removed": func(s records, u, _ *multiUpload, _ records) { delete(s, only(s, u, "parts/00001-")) },
			"an earlier attempt": func(s records, u, _ *multiUpload, early records) {
				delete(s, only(s, u, "parts/00001-"))
				maps.Copy(s, early)
			},
			"what waits altered": func(s records, u, _ *multiUpload, _ records) { s[only(s, u, "stash/")].body[200] ^= 1 },
			"what waits swapped": func(s records, u, v *multiUpload, _ records) {
				s[only(s, u, "stash/")].body = s[only(s, v, "stash/")].body
			},
			"what waits cut":     func(s records, u, _ *multiUpload, _ records) { r := s[only(s, u, "stash/")]; r.body = r.body[:100] },
			"what waits removed": func(s records, u, _ *multiUpload, _ records) { delete(s, only(s, u, "stash/")) },
		} {
			t.Run(mode.name+", "+name, func(t *testing.T) {
				m := newMultiBench(t, 2, nil)
				both := m.gateways
				m.gateways = both[:1]
				m.store.buckets["elsewhere"] = map[string]*fakeObject{}
				m.configure("elsewhere", defaultDSSE)
				u, v := m.create("object", mode), m.create("other", mode)
				u.mustPut(1, bytesOf(mib5, 20))
				s := m.store.buckets[defaultSystem]
				n := only(s, u, "parts/00001-")
				early := records{n: s[n]}
				delete(s, n)
				u.mustPut(1, bytesOf(mib5, 30))
				u.mustPut(2, bytesOf(100, 40))
				v.mustPut(1, bytesOf(100, 50))

				do(s, u, v, early)
				m.gateways = both[1:]
				r := u.complete(nil)
				if name == "nothing" {
					if !r.ok() {
						t.Fatalf("%d %s", r.status, r.body)
					}
					u.check()
					return
				}
				object := m.store.buckets["bucket"]["object"]
				switch {
				case name == "what waits swapped":
					// What waits goes to the store as it is: the reader notices.
					if whole := u.get(); r.ok() && (whole.ok() || !bytes.HasPrefix(u.plain(), whole.body)) {
						t.Errorf("reading: %d, %d bytes", whole.status, len(whole.body))
					}
				case r.ok() || object != nil:
					t.Errorf("completing: %d %s; an object: %t", r.status, r.body, object != nil)
				}
				if strings.Contains(string(r.body), "record") || strings.Contains(string(r.body), "system") {
					t.Errorf("the client is told %s", r.body)
				}
				v.mustComplete() // another upload goes on
				v.check()
			})
		}
	}
}

// TestReusedUpload has the store give out the id of an upload again, together
// with the record of that one: what the client asked for now is not what it
// gets. It is told so, and what the configuration requires is not given up.
func TestReusedUpload(t *testing.T) {
	for _, required := range []bool{false, true} {
		instances := 0
		m := newMultiBench(t, 2, func(c *Config) {
			if instances++; instances == 2 && required {
				c.Rules = []Rule{{Buckets: []string{"*"}, Default: metadata.SSEKMS, Require: []metadata.Mode{metadata.SSEKMS}}}
			}
		})
		both := m.gateways
		m.gateways = both[:1]
		u := m.create("object", testModes[0])
		record := uploadID{"bucket", "object", u.id}.dir() + "upload"
		old := *m.store.buckets[defaultSystem][record]

		m.gateways = both[1:]
		m.store.instead = func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
				return fakeAnswer(200, nil, (&s3api.CreateUploadResult{Bucket: "bucket", Key: "object", UploadID: u.id}).AppendXML(nil))
			}
			return nil
		}
		v := m.create("object", testModes[1])
		m.store.instead = nil
		if v.id != u.id {
			t.Fatalf("upload %s", v.id)
		}
		m.store.buckets[defaultSystem][record] = &old
		m.at(0).gateways[0].uploads.drop(uploadID{"bucket", "object", u.id}) // forgotten, as after a restart
		r := v.put(1, bytesOf(100, 1))
		switch {
		case required && r.code() != "AccessDenied":
			t.Errorf("required: %d %s", r.status, r.body)
		case !required && r.ok() && r.header.Get("X-Amz-Server-Side-Encryption") != "AES256":
			t.Errorf("the client is told %v", r.header)
		}
	}
}

// TestLyingAboutUploads gives wrong answers to what the gateway asks about
// uploads.
func TestLyingAboutUploads(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	isPart := func(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.Query().Has("uploadId") }
	isList := func(r *http.Request) bool {
		return r.Method == http.MethodGet && r.URL.Query().Has("uploadId")
	}
	u := m.create("object", testModes[0])
	u.mustPut(1, bytesOf(mib5, 1))
	u.mustPut(2, bytesOf(100, 2))
	lie := func(when func(*http.Request) bool, status int, h http.Header, doc string) {
		m.store.instead = func(r *http.Request) *http.Response {
			if when(r) {
				return fakeAnswer(status, h, []byte(doc))
			}
			return nil
		}
	}
	for name, h := range map[string]http.Header{"no ETag": nil, "an empty ETag": {"Etag": {`""`}}, "a long ETag": {"Etag": {`"` + strings.Repeat("a", 1000) + `"`}}} {
		lie(isPart, 200, h, "")
		if r := m.do(http.MethodPut, u.target("partNumber=1&"), bytesOf(mib5, 9)); r.status != http.StatusInternalServerError {
			t.Errorf("a part, %s: %d %s", name, r.status, r.body)
		}
	}
	for name, doc := range map[string]string{
		"an error":     "<Error><Code>InternalError</Code></Error>",
		"nothing":      "",
		"no id":        "<InitiateMultipartUploadResult/>",
		"another root": "<ListPartsResult><UploadId>1</UploadId></ListPartsResult>",
	} {
		lie(func(r *http.Request) bool { return r.URL.Query().Has("uploads") }, 200, nil, doc)
		if r := m.do(http.MethodPost, "/bucket/new?uploads", nil); r.status < 500 {
			t.Errorf("beginning, %s: %d %s", name, r.status, r.body)
		}
	}
	// Other sizes and ETags of parts, and parts that are not there.
	lie(isList, 200, nil, `<ListPartsResult><IsTruncated>false</IsTruncated>`+
		`<Part><PartNumber>1</PartNumber><ETag>"00000000000000000000000000000000"</ETag><Size>5</Size></Part>`+
		`<Part><PartNumber>7</PartNumber><ETag>"00000000000000000000000000000000"</ETag><Size>5</Size></Part></ListPartsResult>`)
	r := m.must(http.MethodGet, u.target(""), nil)
	if result, err := s3api.ParseListParts(r.body); err != nil || len(result.Parts) != 1 || result.Parts[0].Number != 2 || result.Parts[0].Size != 100 {
		t.Errorf("listed as %s, %v", r.body, err)
	}
	for name, doc := range map[string]string{
		"an error": "<Error><Code>InternalError</Code></Error>", "nothing": "", "not XML": "{}",
		"part 0":      `<ListPartsResult><Part><PartNumber>0</PartNumber></Part></ListPartsResult>`,
		"part -1":     `<ListPartsResult><Part><PartNumber>-1</PartNumber></Part></ListPartsResult>`,
		"part 10,001": `<ListPartsResult><Part><PartNumber>10001</PartNumber></Part></ListPartsResult>`,
	} {
		lie(isList, 200, nil, doc)
		if r := m.do(http.MethodGet, u.target(""), nil); r.status == -1 {
			t.Errorf("listing, %s: %d %s", name, r.status, r.body)
		}
	}
	m.store.instead = nil
	u.mustComplete()
	u.check()
}
