package s3api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPostFormHeader(t *testing.T) {
	f := formOf("key", "k", "ACL", "private", "Content-Type", "image/png", "cache-control", "no-store", "Expires", "tomorrow",
		"Content-MD5", "x", "X-Amz-Meta-TEST-2", "é", "x-amz-server-side-encryption-customer-key-MD5", "m", "x-amz-storage-class", "STANDARD",
		"x-amz-checksum-crc32", "y/Q5Jg==", "x-amz-checksum-algorithm", "CRC32",
		"tagging", "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>",
		"policy", "p", "x-amz-signature", "s", "x-amz-credential", "c", "x-amz-date", "d", "x-amz-algorithm", "a", "X-Amz-Security-Token", "t",
		"bucket", "b", "success_action_status", "201", "x-ignore-this", "1", "submit", "Upload", "Authorization", "x", "Host", "y")
	want := http.Header{
		"X-Amz-Acl": {"private"}, "Content-Type": {"image/png"}, "Cache-Control": {"no-store"}, "Expires": {"tomorrow"}, "Content-Md5": {"x"},
		"X-Amz-Meta-Test-2": {"é"}, "X-Amz-Server-Side-Encryption-Customer-Key-Md5": {"m"}, "X-Amz-Storage-Class": {"STANDARD"},
		"X-Amz-Checksum-Crc32": {"y/Q5Jg=="}, "X-Amz-Checksum-Algorithm": {"CRC32"}, "X-Amz-Tagging": {"a%20b=1%262&c="},
	}
	got, err := f.Header()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPostFormHeaderRefuses(t *testing.T) {
	eleven := "<Tagging><TagSet>" + strings.Repeat("<Tag><Key>a</Key><Value>b</Value></Tag>", 11) + "</TagSet></Tagging>"
	for _, tt := range []struct {
		name, value string
		want        *Error
	}{
		{"x-amz-copy-source", "/b/k", ErrNotImplemented},
		{"x-amz-content-sha256", "x", ErrNotImplemented},
		{"x-amz-decoded-content-length", "1", ErrNotImplemented},
		{"x-amz-trailer", "x-amz-checksum-crc32", ErrNotImplemented},
		{"x-amz-write-offset-bytes", "0", ErrNotImplemented},
		{"X-Amz-New", "1", ErrNotImplemented},
		{"x-amz-meta-a b", "1", ErrInvalidArgument},
		{"x-amz-meta-é", "1", ErrInvalidArgument},
		{"x-amz-meta-a", "1\r\nX-Amz-Meta-B: 2", ErrInvalidArgument},
		{"Content-Type", "a\x00", ErrInvalidArgument},
		{"acl", "private\n", ErrInvalidArgument},
		{"x-amz-checksum-algorithm", "CRC32", ErrInvalidRequest},
		{"x-amz-checksum-algorithm", "CRC16", ErrInvalidRequest},
		{"tagging", "not-xml", ErrMalformedXML},
		{"tagging", "<InvalidXmlTagging></InvalidXmlTagging>", ErrMalformedXML},
		{"tagging", "<Tagging></Tagging>", ErrMalformedXML},
		{"tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", ErrMalformedXML},
		{"tagging", "<Tagging><TagSet><Key>a</Key></TagSet></Tagging>", ErrMalformedXML},
		{"tagging", "<Tagging><TagSet></TagSet></Tagging><Tagging/>", ErrMalformedXML},
		{"tagging", eleven, ErrMalformedXML},
	} {
		if h, err := formOf(tt.name, tt.value).Header(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %q: %v, %v", tt.name, tt.value, h, err)
		}
	}
}

func TestPostFormKey(t *testing.T) {
	for _, tt := range []struct {
		form []string
		want string
		err  *Error
	}{
		{[]string{"key", "a/b é"}, "a/b é", nil},
		{[]string{"KEY", "k"}, "k", nil},
		{nil, "", ErrInvalidArgument},
		{[]string{"key", ""}, "", ErrInvalidArgument},
		{[]string{"key", "\xff"}, "", ErrInvalidURI},
		{[]string{"key", "a\x00"}, "", ErrInvalidURI},
		{[]string{"key", strings.Repeat("k", 1025)}, "", ErrKeyTooLong},
	} {
		got, err := formOf(tt.form...).Key()
		if got != tt.want || tt.err == nil && err != nil || tt.err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%q: %q, %v", tt.form, got, err)
		}
	}
	_, err := formOf().Key()
	want := "InvalidArgument: Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
	if e, ok := errors.AsType[*Error](err); !ok || message(err) != want || e.Field("ArgumentName") != "key" || len(e.Fields) != 2 {
		t.Errorf("%+v", err)
	}
}

func TestPostAnswer(t *testing.T) {
	const base, key = "https://h/b/", "a/b c+é"
	const location = base + "a%2Fb%20c%2B%C3%A9"
	const query = "bucket=b&key=a%2Fb+c%2B%C3%A9&etag=%22e%22"
	body := xml.Header + `<PostResponse><Location>` + location + `</Location><Bucket>b</Bucket><Key>a/b c+é</Key><ETag>&quot;e&quot;</ETag></PostResponse>`
	for _, tt := range []struct {
		form []string
		want PostAnswer
	}{
		{nil, PostAnswer{204, location, nil}},
		{[]string{"success_action_status", "200"}, PostAnswer{200, location, nil}},
		{[]string{"success_action_status", "201"}, PostAnswer{201, location, []byte(body)}},
		{[]string{"success_action_status", "204"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_status", "404"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_redirect", "https://x/y"}, PostAnswer{303, "https://x/y?" + query, nil}},
		{[]string{"redirect", "http://x", "success_action_status", "201"}, PostAnswer{303, "http://x?" + query, nil}},
		{[]string{"redirect", "http://old", "success_action_redirect", "http://new"}, PostAnswer{303, "http://new?" + query, nil}},
		{[]string{"success_action_redirect", "https://x/y?a=b&c=d e#f"}, PostAnswer{303, "https://x/y?a=b&c=d e&" + query + "#f", nil}},
		{[]string{"success_action_redirect", "/wrong/redirect/relative"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_redirect", "javascript:alert(1)"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_redirect", "//x/y"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_redirect", "https://x/\r\nSet-Cookie: a"}, PostAnswer{204, location, nil}},
		{[]string{"success_action_redirect", ""}, PostAnswer{204, location, nil}},
	} {
		if diff := cmp.Diff(tt.want, formOf(tt.form...).Answer(base, "b", key, "e")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.form, diff)
		}
	}
}
