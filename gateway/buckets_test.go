package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestListBucketsInPages lists the buckets of a store that gives one at a time.
// One that never comes to an end is an error.
func TestListBucketsInPages(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	names := []string{"a", defaultSystem, "b", "c"}
	m.store.instead = func(r *http.Request) *http.Response {
		n, _ := strconv.Atoi(r.URL.Query().Get("continuation-token"))
		doc := "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>" + names[n%len(names)] + "</Name></Bucket></Buckets>"
		if n+1 != len(names) {
			doc += "<ContinuationToken>" + strconv.Itoa(n+1) + "</ContinuationToken>"
		}
		return fakeAnswer(200, nil, []byte(doc+"</ListAllMyBucketsResult>"))
	}
	for target, want := range map[string]string{
		"/":                                      "a b c",
		"/?max-buckets=3":                        "a b c",
		"/?max-buckets=2":                        "a b +",
		"/?max-buckets=2&continuation-token=b":   "c",
		"/?prefix=b":                             "b",
		"/?max-buckets=1&continuation-token=any": "b +",
	} {
		r := m.must(http.MethodGet, target, nil)
		var got []string
		for _, part := range strings.Split(string(r.body), "<Bucket><Name>")[1:] {
			name, _, _ := strings.Cut(part, "<")
			got = append(got, name)
		}
		if strings.Contains(string(r.body), "<ContinuationToken>") {
			got = append(got, "+")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	m.store.instead = func(*http.Request) *http.Response {
		return fakeAnswer(200, nil, []byte("<ListAllMyBucketsResult><ContinuationToken>a</ContinuationToken></ListAllMyBucketsResult>"))
	}
	if r := m.do(http.MethodGet, "/", nil); r.status != http.StatusInternalServerError {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestCreateBucketShowsNoObject creates buckets with the bodies that clients
// send for that. The body of an upload that was meant for a bucket's own host,
// of which the gateway does not know, never reaches the store.
func TestCreateBucketShowsNoObject(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	asked := 0
	m.store.instead = func(*http.Request) *http.Response {
		asked++
		return fakeAnswer(http.StatusOK, nil, nil)
	}
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	for body, want := range map[string]string{
		"":                             "",
		"<CreateBucketConfiguration/>": "",
		`<?xml version="1.0"?>` + "\n<CreateBucketConfiguration" + ns + "><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>": "",
		"a secret":                                "MalformedXML",
		"<note>a secret</note>":                   "MalformedXML",
		"<CreateBucketConfiguration>and no more":  "MalformedXML",
		"\x89PNG\r\n\x1a\n":                       "MalformedXML",
		"\n":                                      "MalformedXML",
		"<!-- a secret --><Bucket>b</Bucket>":     "MalformedXML",
		strings.Repeat("a longer secret ", 1<<10): "MalformedXML",
	} {
		asked = 0
		r, got := m.do(http.MethodPut, "/photo.jpg", []byte(body)), ""
		if !r.ok() {
			got = r.code()
		}
		if got != want || (asked == 0) == r.ok() {
			t.Errorf("%.40q: %q, want %q; the store was asked %d times", body, got, want, asked)
		}
	}
}
