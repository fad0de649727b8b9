package sigv4

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// fields is a form.
type fields map[string]string

func (f fields) Field(name string) (string, bool) {
	for n, v := range f {
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// signPost signs a policy at testNow.
func signPost(t testing.TB, policy string) fields {
	key := deriveKey(mustSecret(t, testSecret), "20260304", testRegion)
	return fields{
		"key": "k", "policy": policy, "x-amz-algorithm": algorithm,
		"x-amz-credential": testKey + "/20260304/" + testRegion + "/s3/aws4_request",
		"x-amz-date":       "20260304T050607Z",
		"x-amz-signature":  hex.EncodeToString(key.sign(nil, []byte(policy))),
	}
}

// The example of the Amazon S3 API Reference ("Example: Browser-Based Upload
// using HTTP POST"), and one made by botocore for the same credentials and day.
const (
	examplePolicy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"

	botoPolicy = "eyJleHBpcmF0aW9uIjogIjIwMTUtMTItMjlUMDE6MDA6MDBaIiwgImNvbmRpdGlvbnMiOiBbeyJidWNrZXQiOiAic2lndjRleGFtcGxlYnVja2V0In0sIHsia2V5IjogInVzZXIvdXNlcjEvcGhvdG8uanBnIn0sIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwgeyJ4LWFtei1jcmVkZW50aWFsIjogIkFLSUFJT1NGT0ROTjdFWEFNUExFLzIwMTUxMjI5L3VzLWVhc3QtMS9zMy9hd3M0X3JlcXVlc3QifSwgeyJ4LWFtei1kYXRlIjogIjIwMTUxMjI5VDAwMDAwMFoifV19"
)

func TestVerifyPostVectors(t *testing.T) {
	v := newVerifier(t, testKey, testSecret, time.Date(2015, 12, 29, 0, 30, 0, 0, time.UTC))
	v.Region = "us-east-1"
	for policy, signature := range map[string]string{
		examplePolicy: "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
		botoPolicy:    "3364624b39010d9b06f5d9b8c9a18a6e478d261c048159c92f2fd6fa885f14e6",
	} {
		f := fields{
			"Policy": policy, "X-Amz-Signature": signature, "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": "20151229T000000Z",
			"X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
		}
		for range 2 { // with the derived key in the cache
			if got, err := v.VerifyPost(f); got != testKey || err != nil {
				t.Errorf("%s: %q, %v", signature, got, err)
			}
		}
	}
}

func TestVerifyPostErrors(t *testing.T) {
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration": "2026-03-05T00:00:00Z", "conditions": []}`))
	const credential = testKey + "/20260304/us-east-1/s3/aws4_request"
	set := func(name, value string) func(fields) { return func(f fields) { f[name] = value } }
	del := func(names ...string) func(fields) {
		return func(f fields) {
			for _, n := range names {
				delete(f, n)
			}
		}
	}
	const missing = "Bucket POST must contain a field named '%'.  If it is specified, please check the order of the fields."
	for _, tt := range []struct {
		name    string
		edit    func(fields)
		code    string
		message string // all of it; "" is that of the code
		argument,
		value string
	}{
		{"untouched", func(fields) {}, "ok", "", "", ""},
		{"no algorithm", del("x-amz-algorithm"), "InvalidArgument", missing, "X-Amz-Algorithm", ""},
		{"no algorithm and credential", del("x-amz-algorithm", "x-amz-credential"), "InvalidArgument", missing, "X-Amz-Algorithm", ""},
		{"no credential", del("x-amz-credential"), "InvalidArgument", missing, "X-Amz-Credential", ""},
		{"no date", del("x-amz-date"), "InvalidArgument", missing, "X-Amz-Date", ""},
		{"no signature", del("x-amz-signature"), "InvalidArgument", missing, "X-Amz-Signature", ""},
		{"an empty signature", set("x-amz-signature", ""), "InvalidArgument", missing, "X-Amz-Signature", ""},
		{"no policy", del("policy"), "InvalidArgument", missing, "Policy", ""},
		{"another algorithm", set("x-amz-algorithm", "AWS4-HMAC-SHA512"), "InvalidArgument", "Only AWS4-HMAC-SHA256 is supported", "X-Amz-Algorithm", "AWS4-HMAC-SHA512"},
		{"SigV4A", set("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256"), "NotImplemented", errSigV4A.Message, "", ""},
		{"credential", set("x-amz-credential", "x"), "InvalidArgument", `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`, "X-Amz-Credential", "x"},
		{"no access key", set("x-amz-credential", "/20260304/us-east-1/s3/aws4_request"), "InvalidArgument", "a non-empty Access Key (AKID) must be provided in the credential.", "X-Amz-Credential", "/20260304/us-east-1/s3/aws4_request"},
		{"service", set("x-amz-credential", testKey+"/20260304/us-east-1/sts/aws4_request"), "InvalidArgument", `incorrect service "sts". This endpoint belongs to "s3".`, "X-Amz-Credential", testKey + "/20260304/us-east-1/sts/aws4_request"},
		{"region", set("x-amz-credential", testKey+"/20260304/us-west-1/s3/aws4_request"), "InvalidArgument", "the region 'us-west-1' is wrong; expecting 'us-east-1'", "X-Amz-Credential", testKey + "/20260304/us-west-1/s3/aws4_request"},
		{"another day", set("x-amz-date", "20260303T050607Z"), "InvalidArgument", `Invalid credential date "20260304". This date is not the same as X-Amz-Date: "20260303".`, "X-Amz-Credential", credential},
		{"date", set("x-amz-date", "2026-03-04T05:06:07Z"), "InvalidArgument", "X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", "2026-03-04T05:06:07Z"},
		{"session token", set("x-amz-security-token", "t"), "InvalidToken", "", "", ""},
		{"access key", set("x-amz-credential", "other/20260304/us-east-1/s3/aws4_request"), "InvalidAccessKeyId", "", "", ""},
		{"signature", set("x-amz-signature", strings.Repeat("0", 64)), "SignatureDoesNotMatch", "", "", ""},
		{"a short signature", set("x-amz-signature", "00"), "SignatureDoesNotMatch", "", "", ""},
		{"upper case", func(f fields) { f["x-amz-signature"] = strings.ToUpper(f["x-amz-signature"]) }, "SignatureDoesNotMatch", "", "", ""},
		{"a shorter policy", set("policy", policy[:len(policy)-2]), "SignatureDoesNotMatch", "", "", ""},
		{"version 2", func(f fields) {
			clear(f)
			maps.Copy(f, fields{"AWSAccessKeyId": testKey, "signature": "s", "policy": policy})
		}, "InvalidRequest", s3api.ErrUnsupportedSignatureVersion.Message, "", ""},
	} {
		v := testVerifier(t)
		v.Region = testRegion
		f := signPost(t, policy)
		tt.edit(f)
		got, err := v.VerifyPost(f)
		if code(err) != tt.code || (got == testKey) != (tt.code == "ok") {
			t.Errorf("%s: %q, %v", tt.name, got, err)
			continue
		}
		e, _ := errors.AsType[*s3api.Error](err)
		if e == nil {
			continue
		}
		if want := strings.ReplaceAll(tt.message, "%", tt.argument); want != "" && e.Message != want {
			t.Errorf("%s: %s", tt.name, e.Message)
		}
		if e.Field("ArgumentName") != tt.argument || e.Field("ArgumentValue") != tt.value {
			t.Errorf("%s: %+v", tt.name, e.Fields)
		}
		if tt.name == "region" && e.Field("Region") != testRegion {
			t.Errorf("%s: %+v", tt.name, e.Fields)
		}
	}
}

func TestVerifyPostAnonymous(t *testing.T) {
	for _, f := range []fields{nil, {"key": "k"}, {"key": "k", "policy": "p"}} {
		if got, err := testVerifier(t).VerifyPost(f); got != "" || err != nil {
			t.Errorf("%v: %q, %v", f, got, err)
		}
	}
}

func TestVerifyPostTimes(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration // since signing
		want  string
	}{
		{-maxSkew - time.Second, "AccessDenied: Request is not valid yet"},
		{-maxSkew, ""},
		{0, ""},
		{7 * 24 * time.Hour, ""},
		{7*24*time.Hour + time.Second, "AccessDenied: Request has expired"},
	} {
		v := newVerifier(t, testKey, testSecret, testNow.Add(tt.after))
		_, err := v.VerifyPost(signPost(t, "policy"))
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%v: %v", tt.after, err)
		}
	}
}

// TestVerifyPostMismatch: the error holds the policy that was to be signed, but
// no customer key.
func TestVerifyPostMismatch(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		policy string
		shown  bool
	}{
		{encode("policy"), true},
		{encode("a policy")[:9], true},
		{encode(`{"X-Amz-Server-Side-Encryption-Customer-Key": "secret"}`), false},
		{"!" + encode(`{"x-amz-server-side-encryption-customer-key": "secret"}`), false},
	} {
		f := signPost(t, tt.policy)
		f["x-amz-signature"] = strings.Repeat("0", 64)
		_, err := testVerifier(t).VerifyPost(f)
		e, ok := errors.AsType[*s3api.Error](err)
		if !ok {
			t.Fatal(err)
		}
		want := []s3api.Field{{Name: "AWSAccessKeyId", Value: testKey}, {Name: "SignatureProvided", Value: f["x-amz-signature"]}}
		if tt.shown {
			want = []s3api.Field{want[0], {Name: "StringToSign", Value: tt.policy}, want[1], {Name: "StringToSignBytes", Value: spacedHex([]byte(tt.policy))}}
		}
		if diff := cmp.Diff(want, e.Fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.policy, diff)
		}
	}
}

func FuzzVerifyPost(f *testing.F) {
	f.Add("policy", testKey+"/20260304/us-east-1/s3/aws4_request", "20260304T050607Z", "00")
	f.Add("", "a/b/20260304//s3/aws4_request", "20260304T050607Z", "")
	v := testVerifier(f)
	f.Fuzz(func(t *testing.T, policy, credential, date, signature string) {
		got, err := v.VerifyPost(fields{
			"policy": policy, "x-amz-algorithm": algorithm, "x-amz-credential": credential, "x-amz-date": date, "x-amz-signature": signature,
		})
		if err == nil || got != "" {
			t.Fatalf("%q, %v", got, err)
		}
		if _, ok := errors.AsType[*s3api.Error](err); !ok {
			t.Fatalf("%T: %v", err, err)
		}
	})
}
