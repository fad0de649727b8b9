package s3api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var policyNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// policyOf makes the policy field of conditions.
func policyOf(conditions string) string {
	return base64.StdEncoding.EncodeToString([]byte(`{"expiration": "2026-03-05T00:00:00.000Z", "conditions": [` + conditions + `]}`))
}

// formOf makes a form of name, value pairs.
func formOf(pairs ...string) *PostForm {
	f := &PostForm{}
	for i := 0; i < len(pairs); i += 2 {
		f.add(pairs[i], pairs[i+1])
	}
	return f
}

func TestPostPolicyCheck(t *testing.T) {
	const bucket = `{"bucket": "b"}, ["starts-with", "$key", ""]`
	const failed = "AccessDenied: Invalid according to Policy: Policy Condition failed: "
	const extra = "AccessDenied: Invalid according to Policy: Extra input fields: "
	for _, tt := range []struct {
		conditions string
		form       []string
		want       string
	}{
		{bucket, []string{"key", "k"}, ""},
		{bucket, []string{"Key", "k", "X-Amz-Signature", "s", "Policy", "p", "x-ignore-me", "1", "X-IGNORE-Too", "2"}, ""},
		{`{"bUcKeT": "b"}, ["StArTs-WiTh", "$KeY", "foo"], {"AcL": "private"}`, []string{"kEy", "foo.txt", "aCl", "private"}, ""},
		{bucket + `, ["eq", "$acl", "private"]`, []string{"key", "k", "acl", "private"}, ""},
		{bucket + `, {"acl": "private"}`, []string{"key", "k", "acl", "Private"}, failed + `["eq", "$acl", "private"]`},
		{bucket + `, ["eq", "$Acl", "private"]`, []string{"key", "k"}, failed + `["eq", "$Acl", "private"]`},
		{bucket + `, ["eq", "acl", "private"]`, []string{"key", "k", "acl", "private"}, failed + `["eq", "acl", "private"]`},
		{bucket + `, ["starts-with", "$acl", ""]`, []string{"key", "k", "acl", ""}, ""},
		{bucket + `, ["starts-with", "$acl", ""]`, []string{"key", "k"}, failed + `["starts-with", "$acl", ""]`},
		{`{"bucket": "b"}, ["starts-with", "$key", "user/"]`, []string{"key", "User/k"}, failed + `["starts-with", "$key", "user/"]`},
		{`{"bucket": "b"}, {"key": "a\"\\b"}`, []string{"key", "k"}, failed + `["eq", "$key", "a\"\\b"]`},
		{`{"bucket": "other"}, {"key": "k"}`, []string{"key", "k"}, failed + `["eq", "$bucket", "other"]`},
		{bucket, []string{"key", "k", "bucket", "b"}, ""},
		{`{"bucket": "c"}, {"key": "k"}`, []string{"key", "k", "bucket", "c"}, failed + `["eq", "$bucket", "c"]`},
		{bucket, []string{"key", "k", "bucket", "c"}, failed + `["eq", "$bucket", "b"]`},
		// Every condition on a field counts.
		{bucket + `, ["starts-with", "$key", "a"], ["starts-with", "$key", "ab"]`, []string{"key", "ab"}, ""},
		{bucket + `, ["starts-with", "$key", "a"], ["starts-with", "$key", "ab"]`, []string{"key", "ac"}, failed + `["starts-with", "$key", "ab"]`},
		// Fields that no condition is about.
		{bucket, []string{"key", "k", "acl", "private"}, extra + "acl"},
		{bucket, []string{"key", "k", "StorageClass", "x"}, extra + "StorageClass"},
		{bucket, []string{"key", "k", "x-amz-checksum-crc32", "x"}, extra + "x-amz-checksum-crc32"},
		{bucket, []string{"key", "k", "x-amz-credential", "x"}, extra + "x-amz-credential"},
		{bucket, []string{"key", "k", "success_action_status", "201"}, extra + "success_action_status"},
		{bucket, []string{"key", "k", "x-ignore", "1"}, extra + "x-ignore"},
		{`["starts-with", "$key", ""]`, []string{"key", "k"}, extra + "bucket"},
		{``, nil, extra + "bucket"},
		// Content types are lists, other values are not.
		{bucket + `, ["starts-with", "$Content-Type", "image/"]`, []string{"key", "k", "Content-Type", "image/jpg,image/png, image/gif"}, ""},
		{bucket + `, ["starts-with", "$Content-Type", "image/"]`, []string{"key", "k", "Content-Type", "image/jpg,text/plain"}, failed + `["starts-with", "$Content-Type", "image/"]`},
		{bucket + `, ["starts-with", "$x-amz-meta-t", "image/"]`, []string{"key", "k", "x-amz-meta-t", "image/jpg,text/plain"}, ""},
		{bucket + `, {"Content-Type": "image/jpg"}`, []string{"key", "k", "Content-Type", "image/jpg,image/jpg"}, failed + `["eq", "$Content-Type", "image/jpg"]`},
		// Escapes.
		{`{"bucket": "b"}, ["starts-with", "$key", "\\$foo"]`, []string{"key", `\$foo.txt`}, ""},
		{`{"bucket": "b"}, ["starts-with", "$key", "\$foo\v"]`, []string{"key", "$foo\v"}, ""},
		{`{"bucket": "b"}, ["eq", "\$key", "é\u00e9"]`, []string{"key", "éé"}, ""},
		// Two fields of one name.
		{bucket + `, {"x-amz-meta-tag": "Ninja,Stallman"}`, []string{"key", "k", "x-amz-meta-tag", "Ninja", "x-amz-meta-tag", "Stallman"}, ""},
	} {
		p, err := ParsePostPolicy(policyOf(tt.conditions))
		if err == nil {
			err = p.Check(formOf(tt.form...), "b", policyNow)
		}
		if message(err) != tt.want {
			t.Errorf("%s with %q:\n%v, want\n%s", tt.conditions, tt.form, err, tt.want)
		}
	}
}

func TestParsePostPolicyRefuses(t *testing.T) {
	document := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const expiration = `"expiration": "2026-03-05T00:00:00Z"`
	const invalid = "InvalidPolicyDocument: Invalid Policy: "
	for _, tt := range []struct{ field, want string }{
		{"%%%", invalid + "invalid Base64 encoding."},
		{"", invalid + "Invalid JSON."},
		{document(`text`), invalid + "Invalid JSON."},
		{document(`[]`), invalid + "Invalid JSON."},
		{document(`null`), invalid + "Invalid JSON."},
		{document(`{} {}`), invalid + "Invalid JSON."},
		{document(`{` + expiration + `, "conditions": [],}`), invalid + "Invalid JSON."},
		{document(`{` + expiration + `, "conditions": [], "conditions": []}`), invalid + "Invalid JSON."},
		{document(`{` + expiration + `, "conditions": ["\x"]}`), invalid + "Invalid JSON."},
		{document(`{}`), invalid + "Policy missing expiration."},
		{document(`{` + expiration + `}`), invalid + "Policy missing conditions."},
		{document(`{"EXPIRATION": "2026-03-05T00:00:00Z", "conditions": []}`), invalid + "Unexpected: 'expiration'"},
		{document(`{` + expiration + `, "CONDITIONS": []}`), invalid + "Unexpected: 'conditions'"},
		{document(`{"Statement": []}`), invalid + "Unexpected: 'statement'"},
		{document(`{` + expiration + `, "conditions": {}}`), invalid + "Invalid 'conditions' value: must be a List."},
		{document(`{` + expiration + `, "conditions": null}`), invalid + "Invalid 'conditions' value: must be a List."},
		{document(`{"expiration": "tomorrow", "conditions": []}`), invalid + "Invalid 'expiration' value: 'tomorrow'"},
		{document(`{"expiration": "2026-03-05 00:00:00", "conditions": []}`), invalid + "Invalid 'expiration' value: '2026-03-05 00:00:00'"},
		{document(`{"expiration": "2026-03-05T00:00:00+02:00", "conditions": []}`), invalid + "Invalid 'expiration' value: '2026-03-05T00:00:00+02:00'"},
		{document(`{"expiration": 5, "conditions": []}`), invalid + "Invalid 'expiration' value: '5'"},
		{policyOf(`"a"`), invalid + "Invalid condition test: must be a List or Object."},
		{policyOf(`5`), invalid + "Invalid condition test: must be a List or Object."},
		{policyOf(`null`), invalid + "Invalid condition test: must be a List or Object."},
		{policyOf(`{}`), invalid + "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		{policyOf(`{"a": "b", "c": "d"}`), invalid + "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		{policyOf(`{"a": "b", "a": "b"}`), invalid + "Invalid JSON."},
		{policyOf(`{"a": 5}`), invalid + "Invalid Simple-Condition: value must be a string."},
		{policyOf(`{"a": null}`), invalid + "Invalid JSON."},
		{policyOf(`[]`), invalid + "Invalid Condition: missing operation identifier."},
		{policyOf(`[5, "$a", "b"]`), invalid + "Invalid JSON."},
		{policyOf(`["ends-with", "$a", "b"]`), invalid + "Invalid Condition: unknown operation 'ends-with'."},
		{policyOf(`["eq", "$a"]`), invalid + "Invalid eq: wrong number of arguments."},
		{policyOf(`["starts-with", "$a", "b", "c"]`), invalid + "Invalid starts-with: wrong number of arguments."},
		{policyOf(`["eq", "$a", 5]`), invalid + "Invalid JSON."},
		{policyOf(`["content-length-range", 0]`), invalid + "Invalid content-length-range: wrong number of arguments."},
		{policyOf(`["content-length-range", 0, 512.0]`), invalid + "Invalid JSON."},
		{policyOf(`["content-length-range", 0, 99999999999999999999]`), invalid + "Invalid JSON."},
		{policyOf(`["content-length-range", 0, null]`), invalid + "Invalid JSON."},
		{policyOf(`["content-length-range", "test", "10"]`), `AccessDenied: Invalid according to Policy: Policy Condition failed: ["content-length-range", "test", "10"]`},
	} {
		if p, err := ParsePostPolicy(tt.field); message(err) != tt.want {
			doc, _ := base64.StdEncoding.DecodeString(tt.field)
			t.Errorf("%s: %+v, %v\nwant %s", doc, p, err, tt.want)
		}
	}
}

func TestPostPolicySizes(t *testing.T) {
	for conditions, want := range map[string][2]int64{
		``:                                    {0, math.MaxInt64},
		`["content-length-range", 5, 10]`:     {5, 10},
		`["content-length-range", "5", "10"]`: {5, 10},
		`["Content-Length-Range", 5, 10]`:     {5, 10},
		`["content-length-range", 5, 10], ["content-length-range", 0, 8], ["content-length-range", 6, 20]`: {6, 8},
		`["content-length-range", -1, 0]`: {0, 0},
		`["content-length-range", 7, 3]`:  {7, 3},
	} {
		p, err := ParsePostPolicy(policyOf(conditions))
		if err != nil {
			t.Errorf("%s: %v", conditions, err)
			continue
		}
		if smallest, largest := p.FileSize(); smallest != want[0] || largest != want[1] {
			t.Errorf("%s: %d to %d", conditions, smallest, largest)
		}
	}
}

func TestPostPolicyExpires(t *testing.T) {
	p, err := ParsePostPolicy(policyOf(`{"bucket": "b"}`))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		now time.Time
		ok  bool
	}{{end.Add(-time.Second), true}, {end.Add(-1), true}, {end, false}, {end.Add(1), false}, {end.AddDate(1, 0, 0), false}} {
		err := p.Check(formOf(), "b", tt.now)
		if (err == nil) != tt.ok || err != nil && message(err) != "AccessDenied: Invalid according to Policy: Policy expired." {
			t.Errorf("%v: %v", tt.now, err)
		}
	}
}

// TestPostPolicyExample is the policy of the example in the S3 API Reference.
func TestPostPolicyExample(t *testing.T) {
	policy := strings.ReplaceAll(`{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`, "\n", "\r\n")
	fields := []string{
		"key", "user/user1/photo.jpg", "acl", "public-read",
		"success_action_redirect", "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
		"Content-Type", "image/jpeg", "x-amz-meta-uuid", "14365123651274", "x-amz-server-side-encryption", "AES256",
		"X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request", "X-Amz-Algorithm", "AWS4-HMAC-SHA256",
		"X-Amz-Date", "20151229T000000Z", "x-amz-meta-tag", "", "Policy", "p", "X-Amz-Signature", "s",
	}
	p, err := ParsePostPolicy(base64.StdEncoding.EncodeToString([]byte(policy)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2015, 12, 30, 11, 59, 59, 0, time.UTC)
	if err := p.Check(formOf(fields...), "sigv4examplebucket", now); err != nil {
		t.Fatal(err)
	}
	// Any field taken away or changed fails, except those that are exempt.
	for i := 0; i < len(fields); i += 2 {
		exempt := fields[i] == "Policy" || fields[i] == "X-Amz-Signature"
		less := append(append([]string(nil), fields[:i]...), fields[i+2:]...)
		if err := p.Check(formOf(less...), "sigv4examplebucket", now); (err == nil) != exempt {
			t.Errorf("without %s: %v", fields[i], err)
		}
		free := exempt || fields[i] == "x-amz-meta-tag"
		other := append([]string(nil), fields...)
		other[i+1] = "?" + other[i+1]
		if err := p.Check(formOf(other...), "sigv4examplebucket", now); (err == nil) != free {
			t.Errorf("another %s: %v", fields[i], err)
		}
	}
}

func FuzzParsePostPolicy(f *testing.F) {
	f.Add([]byte(`{"expiration": "2026-03-05T00:00:00Z", "conditions": [{"bucket": "b"}, ["starts-with", "$key", "\$"], ["content-length-range", 1, "2"]]}`))
	f.Add([]byte(`{"conditions": [{}], "expiration": 5, "a": [[[[[]]]]]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := ParsePostPolicy(base64.StdEncoding.EncodeToString(doc))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		err = p.Check(formOf("key", "k", "unheard-of", fmt.Sprint(len(doc))), "b", time.Time{})
		if err == nil && !p.covers("unheard-of") {
			t.Fatal("a field without a condition passes")
		}
	})
}
