package security_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// The secret of the further clients of several.
const otherSecret = "another-secret-of-integration-tests"

// several are clients besides the one that may do everything: one has buckets
// of its own, one may only read.
var several = site.Options{Handler: "credential other " + otherSecret + " {\n\tbuckets other-*\n}\n" +
	"credential reader " + otherSecret + " {\n\tread_only\n}"}

const mib5 = 5 << 20

// upload is an upload in progress.
type upload struct {
	e           *endpoint
	bucket, key string
	id          string
	parts       []s3api.CompletedPart
}

// begin begins an upload of e.bucket/key.
func (e *endpoint) begin(t *testing.T, key string, pairs ...string) *upload {
	t.Helper()
	a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPost, Target: wire.Target(e.bucket, key, "uploads"), Header: wire.Header(pairs...)})
	result, err := s3api.ParseCreateUploadResult(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &upload{e: e, bucket: e.bucket, key: key, id: result.UploadID}
}

// query names the upload, after more.
func (u *upload) query(more string) string { return more + "uploadId=" + url.QueryEscape(u.id) }

// put uploads a part.
func (u *upload) put(t *testing.T, number int, body []byte, pairs ...string) {
	t.Helper()
	a := u.e.Expect(t, http.StatusOK, wire.Request{
		Method: http.MethodPut, Target: wire.Target(u.bucket, u.key, u.query(fmt.Sprintf("partNumber=%d&", number))),
		Body: body, Header: wire.Header(pairs...),
	})
	u.parts = append(u.parts, s3api.CompletedPart{Number: number, ETag: strings.Trim(a.Header.Get("Etag"), `"`)})
}

// completion is the request that completes the upload.
func (u *upload) completion() wire.Request {
	return wire.Request{
		Method: http.MethodPost, Target: wire.Target(u.bucket, u.key, u.query("")), Body: s3api.AppendComplete(nil, u.parts),
	}
}

// requests are all that can be asked about the upload, under a name that may
// not be its own. Source is what parts may be copied from.
func (u *upload) requests(bucket, key, source string) []wire.Request {
	target := wire.Target(bucket, key, u.query(""))
	part := wire.Target(bucket, key, u.query("partNumber=1&"))
	completion := u.completion()
	completion.Target = target
	return []wire.Request{
		{Method: http.MethodPut, Target: part, Body: []byte("small")},
		{Method: http.MethodPut, Target: part, Body: make([]byte, mib5)},
		{Method: http.MethodPut, Target: part, Header: wire.Header("X-Amz-Copy-Source", source)},
		{Method: http.MethodGet, Target: target},
		completion,
		{Method: http.MethodDelete, Target: target},
	}
}

// TestUploadsOfOthers asks about an upload without the right to its bucket,
// under other names, without a signature, and with the right to read only. It
// goes on as if nothing had been.
func TestUploadsOfOthers(t *testing.T) {
	each(t, several, func(t *testing.T, e *endpoint) {
		own := "other-" + e.bucket[5:]
		if err := e.store.Client().MakeBucket(t.Context(), own, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Put(t, own, "source", body(100, 1))
		e.Put(t, e.bucket, "source", body(100, 1))
		u := e.begin(t, "key")
		one, two := body(mib5, 2), body(100, 3)
		u.put(t, 1, one)
		u.put(t, 2, two)
		e.proxy.Reset()

		other, reader := e.As("other", otherSecret), e.As("reader", otherSecret)
		for _, r := range u.requests(e.bucket, "key", own+"/source") {
			checkError(t, other.Do(t, r), http.StatusForbidden, "AccessDenied")
			if r.Method != http.MethodGet {
				checkError(t, reader.Do(t, r), http.StatusForbidden, "AccessDenied")
			}
			r.Anonymous = true
			checkError(t, e.Do(t, r), http.StatusForbidden, "AccessDenied")
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %q", got)
		}
		for _, r := range append(u.requests(own, "key", own+"/source"), u.requests(own, "source", own+"/source")...) {
			checkError(t, other.Do(t, r), http.StatusNotFound, "NoSuchUpload")
		}
		for _, r := range append(u.requests(own, "key", e.bucket+"/source"), u.requests(e.bucket, "source", e.bucket+"/source")...) {
			checkError(t, e.Do(t, r), http.StatusNotFound, "NoSuchUpload")
		}
		copied := u.requests(own, "key", e.bucket+"/source")[2]
		checkError(t, other.Do(t, copied), http.StatusForbidden, "AccessDenied") // the source is not theirs

		e.Expect(t, http.StatusOK, u.completion())
		e.checkObject(t, "key", append(bytes.Clone(one), two...))
		e.checkObject(t, "source", body(100, 1))
	})
}

// TestInventedUploads asks about uploads whose ids are paths, in the ways in
// which stores take ids for paths, to an object, a bucket and an upload that the
// client has no right to.
func TestInventedUploads(t *testing.T) {
	each(t, several, func(t *testing.T, e *endpoint) {
		own := "other-" + e.bucket[5:]
		if err := e.store.Client().MakeBucket(t.Context(), own, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Put(t, e.bucket, "object", body(100, 1))
		u := e.begin(t, "key")
		one := body(mib5, 2)
		u.put(t, 1, one)

		// MinIO's ids are the base64 of its own and the upload's, with a dot between.
		name := u.id
		if raw, err := base64.RawURLEncoding.DecodeString(u.id); err == nil {
			_, name, _ = strings.Cut(string(raw), ".")
		}
		var paths []string
		for up := range 5 {
			for _, to := range []string{"", e.bucket, e.bucket + "/object", fmt.Sprintf("%x", sha256.Sum256([]byte(e.bucket+"/key"))) + "/" + name} {
				paths = append(paths, strings.Repeat("../", up)+to)
			}
		}
		other := e.As("other", otherSecret)
		for _, path := range paths {
			for _, id := range []string{path, base64.RawURLEncoding.EncodeToString([]byte("x." + path))} {
				if id == "" {
					continue
				}
				for _, method := range []string{http.MethodGet, http.MethodDelete} {
					a := other.Do(t, wire.Request{Method: method, Target: wire.Target(own, "key", "uploadId="+url.QueryEscape(id))})
					checkError(t, a, http.StatusNotFound, "NoSuchUpload")
				}
			}
		}
		e.checkObject(t, "object", body(100, 1))
		u.put(t, 2, body(100, 3))
		e.Expect(t, http.StatusOK, u.completion())
		e.checkObject(t, "key", append(one, body(100, 3)...))
	})
}

// TestReadOnly sends every operation that writes with a credential that may
// only read.
func TestReadOnly(t *testing.T) {
	e := start(t, store.MinIO(t), several)
	e.Put(t, e.bucket, "dir/k", []byte("content"))
	reader := e.As("reader", otherSecret)
	e.proxy.Reset()
	for _, op := range s3api.Operations() {
		r := e.example(t, op, "dir/k")
		if op.Name == "PostObject" {
			continue // a form is signed in another way
		}
		if op.Write {
			checkError(t, reader.Do(t, r), http.StatusForbidden, "AccessDenied")
		}
	}
	form := e.form(t, e.bucket, "dir/k")
	form.sign(t, "reader", otherSecret, time.Now())
	checkError(t, e.Do(t, form.request()), http.StatusForbidden, "AccessDenied")
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
	if a := reader.Get(t, e.bucket, "dir/k"); string(a.Body) != "content" {
		t.Errorf("status %d", a.Status)
	}
}

// TestMalformedUploads sends part numbers and lists of parts that cannot be.
func TestMalformedUploads(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	u := e.begin(t, "key")
	u.put(t, 1, []byte("content"))
	before := systemObjects(t, e.store)
	e.proxy.Reset()
	for _, number := range []string{
		"0", "-1", "10001", "99999999999999999999", "18446744073709551617", "4294967297", "+1", "1.0", "0x1", "1e0", "", "%201", "1%00", "one", "1,2", "%EF%BC%91",
	} {
		for _, header := range [][]string{nil, {"X-Amz-Copy-Source", "/" + e.bucket + "/other"}} {
			a := e.Do(t, wire.Request{
				Method: http.MethodPut, Target: wire.Target(e.bucket, "key", u.query("partNumber="+number+"&")), Header: wire.Header(header...),
			})
			if a.Status != http.StatusBadRequest && a.Status != http.StatusNotImplemented {
				t.Errorf("part %q: status %d", number, a.Status)
			}
			checkError(t, a, a.Status, a.Code())
		}
	}
	part := func(number, etag string) string {
		return "<Part><PartNumber>" + number + "</PartNumber><ETag>" + etag + "</ETag></Part>"
	}
	list := func(parts string) string { return "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>" }
	good := part("1", u.parts[0].ETag)
	var many strings.Builder
	for i := range 10001 {
		many.WriteString(part(fmt.Sprint(i+1), "x"))
	}
	for name, tc := range map[string]struct{ doc, code string }{
		"nothing":            {"", "MalformedXML"},
		"no parts":           {list(""), "MalformedXML"},
		"10,001 parts":       {list(many.String()), "MalformedXML"},
		"part 0":             {list(part("0", "x")), "InvalidArgument"},
		"part -1":            {list(part("-1", "x")), "InvalidArgument"},
		"part 10,001":        {list(part("10001", "x")), "MalformedXML"},
		"part 2^64+1":        {list(part("18446744073709551617", "x")), "MalformedXML"},
		"twice":              {list(good + good), "InvalidPartOrder"},
		"descending":         {list(part("2", "x") + good), "InvalidPartOrder"},
		"no ETag":            {list("<Part><PartNumber>1</PartNumber></Part>"), "MalformedXML"},
		"long ETag":          {list(part("1", strings.Repeat("a", 1<<16))), "MalformedXML"},
		"two numbers":        {list("<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>x</ETag></Part>"), "MalformedXML"},
		"entities":           {"<!DOCTYPE a [<!ENTITY b \"" + strings.Repeat("b", 1000) + "\"><!ENTITY c \"" + strings.Repeat("&b;", 1000) + "\">]>" + list(part("1", "&c;")), "MalformedXML"},
		"entity of a file":   {`<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>` + list(part("1", "&b;")), "MalformedXML"},
		"deep":               {strings.Repeat("<CompleteMultipartUpload>", 100_000), "MalformedXML"},
		"attributes":         {"<CompleteMultipartUpload " + strings.Repeat(`a="b" `, 100_000) + ">", "MalformedXML"},
		"not closed":         {"<CompleteMultipartUpload>" + good, "MalformedXML"},
		"something behind":   {list(good) + list(good), "MalformedXML"},
		"another element":    {"<Delete>" + good + "</Delete>", "MalformedXML"},
		"not XML":            {"{}", "MalformedXML"},
		"not UTF-8":          {list(part("1", "\xff\xfe")), "MalformedXML"},
		"too large":          {list(good + strings.Repeat(" ", 9<<20)), "MaxMessageLengthExceeded"},
		"another's checksum": {list("<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>AAAA</ChecksumCRC32></Part>"), "InvalidArgument"},
	} {
		r := u.completion()
		r.Body = []byte(tc.doc)
		a := e.Do(t, r)
		if a.Status != http.StatusBadRequest || a.Code() != tc.code {
			t.Errorf("%s: status %d, want %s\n%.300s", name, a.Status, tc.code, a.Body)
		}
	}
	for _, x := range e.proxy.Exchanges() {
		if x.Method != http.MethodGet {
			t.Errorf("the store got %s %s", x.Method, x.Target)
		}
	}
	if got := systemObjects(t, e.store); got != before {
		t.Errorf("%d records instead of %d", got, before)
	}
	e.Expect(t, http.StatusOK, u.completion())
	e.checkObject(t, "key", []byte("content"))
}

// systemObjects counts what the gateway keeps in the store.
func systemObjects(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	for o := range s.Client().ListObjects(t.Context(), systemPath[1:], minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		n++
	}
	return n
}

// TestPresignedPart uploads a part by a URL, which is good for that part of that
// upload and nothing else.
func TestPresignedPart(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{})
	u, v := e.begin(t, "key"), e.begin(t, "key")
	m, err := store.Connect(e.URL, site.AccessKey, site.SecretKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := m.Presign(t.Context(), http.MethodPut, e.bucket, "key", time.Minute, url.Values{"partNumber": {"1"}, "uploadId": {u.id}})
	if err != nil {
		t.Fatal(err)
	}
	good := signed.String()
	e.proxy.Reset()
	for what, changed := range map[string]string{
		"another part":   strings.Replace(good, "partNumber=1", "partNumber=2", 1),
		"another upload": strings.Replace(good, url.QueryEscape(u.id), url.QueryEscape(v.id), 1),
		"another object": strings.Replace(good, "/key?", "/key2?", 1),
		"no upload":      strings.Replace(good, "&uploadId="+url.QueryEscape(u.id), "", 1),
		"a second part":  good + "&partNumber=2",
	} {
		if changed == good {
			t.Fatalf("%s: %s", what, good)
		}
		if status, _ := e.plain(t, http.MethodPut, changed, []byte("other")); status != http.StatusForbidden && status != http.StatusBadRequest {
			t.Errorf("%s: status %d", what, status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodHead} {
		if status, _ := e.plain(t, method, good, nil); status != http.StatusForbidden {
			t.Errorf("%s: status %d", method, status)
		}
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
	if status, _ := e.plain(t, http.MethodPut, good, []byte("content")); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "key", u.query(""))})
	var listed struct {
		Parts []struct {
			PartNumber int
			ETag       string
		} `xml:"Part"`
	}
	if err := xml.Unmarshal(a.Body, &listed); err != nil || len(listed.Parts) != 1 {
		t.Fatalf("%v\n%s", err, a.Body)
	}
	u.parts = []s3api.CompletedPart{{Number: 1, ETag: strings.Trim(listed.Parts[0].ETag, `"`)}}
	e.Expect(t, http.StatusOK, u.completion())
	e.checkObject(t, "key", []byte("content"))
}

// TestPartsOfAPage uploads parts from a page of another origin, small ones too,
// which do not go where the store would say what the page may see.
func TestPartsOfAPage(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{}) // MinIO lets every origin do everything
	u := e.begin(t, "key")
	origin := []string{"Origin", "https://page.example.com"}
	u.put(t, 1, body(mib5, 1), origin...)
	u.put(t, 2, body(100, 2), origin...)
	for number, n := range map[int]int{1: mib5, 2: 100} {
		a := e.Expect(t, http.StatusOK, wire.Request{
			Method: http.MethodPut, Target: wire.Target(e.bucket, "key", u.query(fmt.Sprintf("partNumber=%d&", number))), Body: body(n, uint64(number)),
			Header: wire.Header(origin...),
		})
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != origin[1] {
			t.Errorf("part %d: Access-Control-Allow-Origin %q", number, got)
		}
		u.parts[number-1].ETag = strings.Trim(a.Header.Get("Etag"), `"`)
	}
	e.Expect(t, http.StatusOK, u.completion())
	e.checkObject(t, "key", append(bytes.Clone(body(mib5, 1)), body(100, 2)...))
}
