package gateway

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestMultipartErrors asks for what cannot be.
func TestMultipartErrors(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	u := m.create("errors", testModes[0])
	u.mustPut(1, bytesOf(mib5, 1))
	u.mustPut(2, bytesOf(100, 2))
	u.mustPut(3, bytesOf(mib5, 3))
	one, two, three := u.listed[1], u.listed[2], u.listed[3]
	other := s3api.CompletedPart{Number: 1, ETag: strings.Repeat("0", 32)}
	for name, tc := range map[string]struct {
		parts  []s3api.CompletedPart
		header []string
		code   string
		fields map[string]string
	}{
		"small in the middle": {parts: []s3api.CompletedPart{one, two, three}, code: "EntityTooSmall", fields: map[string]string{
			"ProposedSize": "100", "MinSizeAllowed": "5242880", "PartNumber": "2", "ETag": two.ETag,
		}},
		"another ETag": {parts: []s3api.CompletedPart{other}, code: "InvalidPart", fields: map[string]string{
			"PartNumber": "1", "UploadId": u.id,
		}},
		"never uploaded": {parts: []s3api.CompletedPart{one, {Number: 4, ETag: one.ETag}}, code: "InvalidPart"},
		"order":          {parts: []s3api.CompletedPart{three, one}, code: "InvalidPartOrder"},
		"twice":          {parts: []s3api.CompletedPart{one, one}, code: "InvalidPartOrder"},
		"size":           {parts: []s3api.CompletedPart{one}, header: []string{"X-Amz-Mp-Object-Size", "5"}, code: "InvalidRequest"},
		"SSE header":     {parts: []s3api.CompletedPart{one}, header: []string{"X-Amz-Server-Side-Encryption", "aws:kms"}, code: "InvalidArgument"},
		"needless key":   {parts: []s3api.CompletedPart{one}, header: testModes[3].write, code: "InvalidRequest"},
		"two conditions": {parts: []s3api.CompletedPart{one}, header: []string{"If-Match", "x", "If-None-Match", "*"}, code: "NotImplemented"},
		"no such object": {parts: []s3api.CompletedPart{one}, header: []string{"If-Match", `"x"`}, code: "NoSuchKey"},
		"another digest": {parts: []s3api.CompletedPart{one}, header: []string{"Content-MD5", base64.StdEncoding.EncodeToString(make([]byte, 16))}, code: "BadDigest"},
	} {
		r := u.complete(tc.parts, tc.header...)
		e := s3api.ParseError(r.status, r.body)
		if r.ok() || e.Code != tc.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		for field, want := range tc.fields {
			if got := e.Field(field); got != want {
				t.Errorf("%s: %s is %q, not %q", name, field, got, want)
			}
		}
	}
	if r := m.do(http.MethodPost, u.target(""), []byte("<nonsense/>")); r.code() != "MalformedXML" {
		t.Errorf("a document that is none: %d %s", r.status, r.body)
	}
	for name, target := range map[string]string{
		"part 0":         "/bucket/errors?partNumber=0&uploadId=" + u.id,
		"part 10001":     "/bucket/errors?partNumber=10001&uploadId=" + u.id,
		"no part number": "/bucket/errors?partNumber=x&uploadId=" + u.id,
	} {
		if r := m.do(http.MethodPut, target, []byte("x")); r.code() != "InvalidArgument" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	delete(u.listed, 2)
	u.mustComplete()
	u.check()
}

// TestNoSuchUpload asks about uploads that there are not, or not there.
func TestNoSuchUpload(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	aborted := m.create("aborted", testModes[0])
	aborted.mustPut(1, bytesOf(mib5, 1))
	aborted.mustPut(2, bytesOf(10, 1))
	m.must(http.MethodDelete, aborted.target(""), nil)
	aborted.checkGone()
	elsewhere := m.create("elsewhere", testModes[0])
	unknown := &multiUpload{m: m, key: "unknown", id: "nonsense", listed: aborted.listed}
	moved := &multiUpload{m: m, key: "unknown", id: elsewhere.id, listed: aborted.listed}
	for name, u := range map[string]*multiUpload{"aborted": aborted, "unknown": unknown, "of another key": moved} {
		u.checkUnknown(name)
	}
	for _, name := range m.store.names(defaultSystem) {
		if !strings.HasPrefix(name, uploadID{"bucket", "elsewhere", elsewhere.id}.dir()) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestInventedUpload checks that the store is never asked about an upload that
// neither the gateway nor the store knows of: an id could be a path to what
// belongs to somebody else. What was begun behind the gateway's back can be
// aborted.
func TestInventedUpload(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := &multiUpload{m: m, key: "key", id: "../../../../other", listed: map[int]s3api.CompletedPart{1: {Number: 1, ETag: "x"}}}
	m.store.requests()
	u.checkUnknown("invented")
	for _, request := range m.store.requests() {
		if strings.Contains(request, "uploadId") {
			t.Errorf("the store got %s", request)
		}
	}
	m.store.uploads["behind"] = &fakeUpload{bucket: "bucket", key: "key"}
	u.id = "behind"
	m.must(http.MethodDelete, u.target(""), nil)
	if m.store.uploads["behind"] != nil {
		t.Error("it is still there")
	}
}

// TestPartTooLarge checks that a part that no store takes is refused before
// anything of it is read.
func TestPartTooLarge(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("large", testModes[0])
	m.store.requests()
	for number, length := range map[int]int64{1: maxPart + 1, 2: 5 << 30, 10000: maxLastPart + 1} {
		c := &call{g: m.gateways[0], bucket: "bucket", key: "large", out: new(Outcome)}
		_, err := c.openUpload(t.Context(), number, length)
		e, ok := err.(*s3api.Error)
		if !ok || e.Code != "EntityTooLarge" || e.Field("MaxSizeAllowed") == "" {
			t.Errorf("part %d of %d bytes: %v", number, length, err)
		}
	}
	if got := m.store.requests(); len(got) != 0 {
		t.Errorf("the store was asked: %q", got)
	}
	_ = u
}

// TestMultipartCustomerKey checks what a customer key is asked for.
func TestMultipartCustomerKey(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	ssec := testModes[3]
	other := []string{
		"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key", "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=",
		"X-Amz-Server-Side-Encryption-Customer-Key-MD5", "DWygnHRtgiJ77HCm+1rvHw==",
	}
	const parameters = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
	const mismatch = "The provided encryption parameters did not match the ones used originally."
	for name, tc := range map[string]struct {
		create testMode
		header []string
		want   string
	}{
		"none":     {ssec, nil, parameters},
		"needless": {testModes[0], ssec.access, parameters},
		"another":  {ssec, other, mismatch},
	} {
		u := m.create("keys", tc.create)
		for _, size := range []int{10, mib5} {
			r := m.do(http.MethodPut, u.target("partNumber=1&"), bytesOf(size, 1), tc.header...)
			if e := s3api.ParseError(r.status, r.body); r.status != 400 || e.Code != "InvalidRequest" || e.Message != tc.want {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	u := m.create("right", ssec)
	r := u.mustPut(1, bytesOf(mib5, 1))
	if r.header.Get("X-Amz-Server-Side-Encryption-Customer-Key-MD5") == "" || r.header.Get("X-Amz-Server-Side-Encryption") != "" {
		t.Errorf("the answer to a part: %v", r.header)
	}
	for name, header := range map[string][]string{"no": nil, "the": ssec.access} {
		if r := m.do(http.MethodGet, u.target(""), nil, header...); !r.ok() {
			t.Errorf("listing with %s key: %d %s", name, r.status, r.body)
		}
	}
	for what, r := range map[string]reply{
		"listing":    m.do(http.MethodGet, u.target(""), nil, other...),
		"completing": u.complete(nil, other...),
	} {
		if r.status != 400 || s3api.ParseError(r.status, r.body).Message != mismatch {
			t.Errorf("%s with another key: %d %s", what, r.status, r.body)
		}
	}
	r = u.complete(nil)
	if !r.ok() || r.header.Get("X-Amz-Server-Side-Encryption-Customer-Key-MD5") != "" {
		t.Errorf("completing without the key: %d %v", r.status, r.header)
	}
	u.check()
}

// TestMultipartSSEHeader checks that only the beginning of an upload chooses
// the encryption.
func TestMultipartSSEHeader(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("header", testModes[0])
	for what, r := range map[string]reply{
		"part":    m.do(http.MethodPut, u.target("partNumber=1&"), []byte("x"), "X-Amz-Server-Side-Encryption", "AES256"),
		"listing": m.do(http.MethodGet, u.target(""), nil, "X-Amz-Server-Side-Encryption", "aws:kms"),
		"abort":   m.do(http.MethodDelete, u.target(""), nil, "X-Amz-Server-Side-Encryption", "AES256"),
	} {
		if r.status != 400 || r.code() != "InvalidArgument" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
}
