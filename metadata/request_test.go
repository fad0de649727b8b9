package metadata

import (
	"crypto/fips140"
	"crypto/md5" //nolint:gosec // the protocol's transfer check of a customer key
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// A customer key and its MD5 as published with other S3 implementations.
const (
	customerKey = "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs="
	customerMD5 = "DWygnHRtgiJ77HCm+1rvHw=="
)

// headers makes a header of names and values in turn. The names are written
// as clients write them.
func headers(pairs ...string) http.Header {
	const prefix = "x-amz-server-side-encryption"
	h := http.Header{"Content-Type": {"text/plain"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(prefix+pairs[i], pairs[i+1])
	}
	return h
}

// failure is what a client sees of an error.
type failure struct {
	code, argument, value, message string
}

func failureOf(t *testing.T, err error) failure {
	t.Helper()
	var e *s3api.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an S3 error: %v", err)
	}
	if e.Status != http.StatusBadRequest {
		t.Errorf("status %d", e.Status)
	}
	value := "absent"
	for _, f := range e.Fields {
		if f.Name == "ArgumentValue" {
			value = f.Value
		}
	}
	return failure{e.Code, e.Field("ArgumentName"), value, e.Message}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestParseSSE(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString(customerKey)
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	withKey := SSE{Mode: SSEC, CustomerKey: encryptor.Key(key), CustomerKeyMD5: customerMD5}
	tests := []struct {
		name string
		h    http.Header
		want SSE
	}{
		{"nothing", headers(), SSE{}},
		{"no header at all", nil, SSE{}},
		{"SSE-S3", headers("", "AES256"), SSE{Mode: SSES3}},
		{"SSE-KMS, default key", headers("", "aws:kms"), SSE{Mode: SSEKMS}},
		{
			"SSE-KMS with everything",
			headers("", "aws:kms", "-aws-kms-key-id", "alias/x", "-context", b64(`{"b":"2" , "a":"<1>"}`), "-bucket-key-enabled", "true"),
			SSE{Mode: SSEKMS, KMSKeyID: "alias/x", Context: []byte(`{"a":"<1>","b":"2"}`), BucketKey: &yes},
		},
		{"no bucket key", headers("", "aws:kms", "-bucket-key-enabled", "false"), SSE{Mode: SSEKMS, BucketKey: &no}},
		{"empty context", headers("", "aws:kms", "-context", b64(" {} ")), SSE{Mode: SSEKMS}},
		{"DSSE-KMS", headers("", "aws:kms:dsse", "-aws-kms-key-id", "k"), SSE{Mode: DSSEKMS, KMSKeyID: "k"}},
		{"DSSE-KMS without bucket key", headers("", "aws:kms:dsse", "-bucket-key-enabled", "false"), SSE{Mode: DSSEKMS, BucketKey: &no}},
		{
			"SSE-C",
			headers("-customer-algorithm", "AES256", "-customer-key", customerKey, "-customer-key-MD5", customerMD5),
			withKey,
		},
		{
			"SSE-C, other case of letters",
			headers("-CUSTOMER-algorithm", "AES256", "-customer-Key", customerKey, "-customer-key-md5", customerMD5),
			withKey,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSSE(tt.h)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			checkOtherParsers(t, tt.h, nil)
		})
	}
}

// checkOtherParsers gives headers that have the outcome want in ParseSSE to
// the parsers of operations that do not choose encryption.
func checkOtherParsers(t *testing.T, h http.Header, want error) {
	t.Helper()
	all, _ := ParseSSE(h)
	got, err := ParseCustomer(h)
	if refused := RefuseSSE(h); refused != nil {
		want = refused
	}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(err)); diff != "" {
		t.Errorf("ParseCustomer: %s", diff)
	}
	if err == nil && !cmp.Equal(all, got) {
		t.Errorf("ParseCustomer: %+v, want %+v", got, all)
	}

	// The headers for the source of a copy are the same under other names, and
	// neither set is taken for the other.
	source, own := http.Header{}, http.Header{}
	for from, to := range map[string]string{headerCustomerAlg: headerSourceAlg, headerCustomerKey: headerSourceKey, headerCustomerMD5: headerSourceMD5} {
		if values, ok := h[from]; ok {
			source[to], own[from] = values, values
		}
	}
	wantSource, ownErr := ParseSSE(own)
	got, err = ParseCopySourceSSE(source)
	if diff := cmp.Diff(strings.ReplaceAll(fmt.Sprint(ownErr), "x-amz-server", "x-amz-copy-source-server"), strings.ReplaceAll(fmt.Sprint(err), "x-amz-server", "x-amz-copy-source-server")); diff != "" {
		t.Errorf("ParseCopySourceSSE: %s", diff)
	}
	if err == nil && !cmp.Equal(wantSource, got) {
		t.Errorf("ParseCopySourceSSE: %+v, want %+v", got, wantSource)
	}
	for name, parse := range map[string]func(http.Header) (SSE, error){"ParseSSE": ParseSSE, "ParseCustomer": ParseCustomer} {
		if got, err := parse(source); err != nil || !cmp.Equal(SSE{}, got) {
			t.Errorf("%s of the headers for the source: %+v, %v", name, got, err)
		}
	}
	if got, err := ParseCopySourceSSE(h); err != nil || !cmp.Equal(SSE{}, got) {
		t.Errorf("ParseCopySourceSSE of the headers for the destination: %+v, %v", got, err)
	}
}

func TestParseSSERefuses(t *testing.T) {
	const (
		sse      = "x-amz-server-side-encryption"
		provide  = "Requests specifying Server Side Encryption with Customer provided keys must provide "
		conflict = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
		needsKMS = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
		badKey   = "The secret key was invalid for the specified algorithm."
		badMD5   = "The calculated MD5 hash of the key did not match the hash that was provided."
		badMap   = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map"
	)
	argument := func(message string) failure { return failure{"InvalidArgument", sse, "absent", message} }
	value := func(v, message string) failure { return failure{"InvalidArgument", sse, v, message} }
	algorithm := func(v string) failure {
		return failure{"InvalidEncryptionAlgorithmError", sse, v, "The Encryption request you specified is not valid. Supported value: AES256."}
	}
	customer := func(alg, key, sum string) http.Header {
		return headers("-customer-algorithm", alg, "-customer-key", key, "-customer-key-md5", sum)
	}
	md5Of := func(s string) string {
		var sum [md5.Size]byte
		fips140.WithoutEnforcement(func() { sum = md5.Sum([]byte(s)) }) //nolint:gosec // as above
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	badContext := failure{"InvalidArgument", sse + "-context", "absent", badMap}
	bucketKey := func(v string) failure {
		return failure{"InvalidArgument", sse + "-bucket-key-enabled", v, "The value must be true or false."}
	}

	tests := []struct {
		name string
		h    http.Header
		want failure
	}{
		{"SSE-C and AES256", headers("", "AES256", "-customer-algorithm", "AES256", "-customer-key", customerKey, "-customer-key-md5", customerMD5), value("AES256", conflict)},
		{"SSE-C and aws:kms", headers("", "aws:kms", "-customer-algorithm", "AES256"), value("aws:kms", conflict)},
		{"the conflict comes before everything", headers("", "nonsense", "-customer-algorithm", "AES128"), value("nonsense", conflict)},
		{"an empty SSE-C header counts", headers("", "AES256", "-customer-key", ""), value("AES256", conflict)},

		{"algorithm AES128", customer("AES128", customerKey, customerMD5), algorithm("AES128")},
		{"algorithm empty", customer("", customerKey, customerMD5), algorithm("")},
		{"algorithm aes256", customer("aes256", customerKey, customerMD5), algorithm("aes256")},
		{"the key is looked at before the algorithm", customer("AES128", "x", customerMD5), argument(badKey)},
		{"the algorithm is looked at before the MD5", customer("AES128", customerKey, "x"), algorithm("AES128")},

		{"no algorithm", headers("-customer-key", customerKey, "-customer-key-md5", customerMD5), argument(provide + "a valid encryption algorithm.")},
		{"only MD5", headers("-customer-key-md5", customerMD5), argument(provide + "a valid encryption algorithm.")},
		{"no key", headers("-customer-algorithm", "AES256", "-customer-key-md5", customerMD5), argument(provide + "an appropriate secret key.")},
		{"only algorithm", headers("-customer-algorithm", "AES256"), argument(provide + "an appropriate secret key.")},
		{"no MD5", headers("-customer-algorithm", "AES256", "-customer-key", customerKey), argument(provide + "the client calculated MD5 of the secret key.")},

		{"key empty", customer("AES256", "", customerMD5), argument("The secret key was invalid for the specified algorithm: it is too short.")},
		{"key not base64", customer("AES256", strings.Repeat("!", 44), customerMD5), argument(badKey)},
		{"key unpadded", customer("AES256", strings.TrimSuffix(customerKey, "="), customerMD5), argument(badKey)},
		{"key of 31 bytes", customer("AES256", b64(strings.Repeat("k", 31)), md5Of(strings.Repeat("k", 31))), argument(badKey)},
		{"key of 33 bytes", customer("AES256", b64(strings.Repeat("k", 33)), md5Of(strings.Repeat("k", 33))), argument(badKey)},
		{"key encoded twice", customer("AES256", b64(customerKey), md5Of(customerKey)), argument(badKey)},
		{"key with line breaks", customer("AES256", customerKey[:20]+"\n\n\n\n"+customerKey[24:], customerMD5), argument(badKey)},

		{"MD5 not base64", customer("AES256", customerKey, "!"), argument("The MD5 hash of the secret key was improperly encoded. The MD5 hash must be Base64 encoded.")},
		{"MD5 empty", customer("AES256", customerKey, ""), argument(badMD5)},
		{"MD5 of another key", customer("AES256", customerKey, md5Of("other")), argument(badMD5)},
		{"MD5 cut", customer("AES256", customerKey, b64("short")), argument(badMD5)},

		{"unknown method", headers("", "aws:fsx"), value("aws:fsx", "The encryption method specified is not supported")},
		{"method in lower case", headers("", "aes256"), value("aes256", "The encryption method specified is not supported")},
		{"method empty", headers("", ""), value("", "The encryption method specified is not supported")},

		{"key id alone", headers("-aws-kms-key-id", "k"), argument(needsKMS)},
		{"key id with AES256", headers("", "AES256", "-aws-kms-key-id", "k"), value("AES256", needsKMS)},
		{"key id with SSE-C", headers("-aws-kms-key-id", "k", "-customer-algorithm", "AES256"), argument(needsKMS)},
		{"key id empty", headers("", "aws:kms", "-aws-kms-key-id", ""), failure{"InvalidArgument", sse + "-aws-kms-key-id", "", "The key id must not be empty."}},
		{"context alone", headers("-context", b64(`{"a":"b"}`)), argument(needsKMS)},
		{"context with AES256", headers("", "AES256", "-context", b64(`{"a":"b"}`)), value("AES256", needsKMS)},
		{"bucket key alone", headers("-bucket-key-enabled", "true"), argument(needsKMS)},
		{"bucket key with AES256", headers("", "AES256", "-bucket-key-enabled", "false"), value("AES256", needsKMS)},

		{"context not base64", headers("", "aws:kms", "-context", "{}"), badContext},
		{"context empty", headers("", "aws:kms", "-context", ""), badContext},
		{"context not JSON", headers("", "aws:kms", "-context", b64("a=b")), badContext},
		{"context not UTF-8", headers("", "aws:kms", "-context", b64("{\"a\":\"\xff\"}")), badContext},
		{"context is a list", headers("", "aws:kms", "-context", b64(`["a"]`)), badContext},
		{"context is null", headers("", "aws:kms", "-context", b64(`null`)), badContext},
		{"context holds a number", headers("", "aws:kms", "-context", b64(`{"a":1}`)), badContext},
		{"context holds null", headers("", "aws:kms", "-context", b64(`{"a":null}`)), badContext},
		{"context is nested", headers("", "aws:kms", "-context", b64(`{"a":{"b":"c"}}`)), badContext},
		{"context is cut", headers("", "aws:kms", "-context", b64(`{"a":"b"`)), badContext},
		{"context goes on", headers("", "aws:kms", "-context", b64(`{"a":"b"}{}`)), badContext},
		{"context key twice", headers("", "aws:kms", "-context", b64(`{"a":"b","a":"c"}`)), badContext},
		{
			"context too large", headers("", "aws:kms", "-context", b64(`{"a":"`+strings.Repeat("x", MaxContext)+`"}`)),
			failure{"InvalidArgument", sse + "-context", "absent", "The encryption context must not be larger than 768 bytes."},
		},

		{"bucket key yes", headers("", "aws:kms", "-bucket-key-enabled", "yes"), bucketKey("yes")},
		{"bucket key True", headers("", "aws:kms", "-bucket-key-enabled", "True"), bucketKey("True")},
		{"bucket key empty", headers("", "aws:kms", "-bucket-key-enabled", ""), bucketKey("")},
		{
			"bucket key with DSSE", headers("", "aws:kms:dsse", "-bucket-key-enabled", "true"),
			failure{"InvalidArgument", sse + "-bucket-key-enabled", "true", "Bucket keys are not supported with aws:kms:dsse."},
		},

		{"method twice", headers("", "AES256", "", "aws:kms"), argument("The header x-amz-server-side-encryption must not be repeated.")},
		{
			"key twice", headers("-customer-algorithm", "AES256", "-customer-key", customerKey, "-customer-key", customerKey, "-customer-key-md5", customerMD5),
			argument("The header x-amz-server-side-encryption-customer-key must not be repeated."),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSSE(tt.h)
			if err == nil {
				t.Fatalf("accepted: %+v", got)
			}
			if diff := cmp.Diff(tt.want, failureOf(t, err), cmp.AllowUnexported(failure{})); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(SSE{}, got); diff != "" {
				t.Error("something comes with the error: ", diff)
			}
			for _, v := range tt.h[headerCustomerKey] {
				var e *s3api.Error
				_ = errors.As(err, &e)
				if len(v) > 4 && strings.Contains(err.Error()+fmt.Sprint(e.Fields), v[:4]) {
					t.Errorf("the error holds key text: %v", err)
				}
			}
			checkOtherParsers(t, tt.h, err)
		})
	}
}

func TestContextAtItsLimit(t *testing.T) {
	text := `{"a":"` + strings.Repeat("x", MaxContext-len(`{"a":""}`)) + `"}`
	s, err := ParseSSE(headers("", "aws:kms", "-context", b64(text)))
	if err != nil || string(s.Context) != text {
		t.Errorf("%d bytes: %v", len(text), err)
	}
}

func TestCustomerKeyIsNotPrinted(t *testing.T) {
	s, err := ParseSSE(headers("-customer-algorithm", "AES256", "-customer-key", customerKey, "-customer-key-md5", customerMD5))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, form := range []string{"164 237 238", "0xa4, 0xed", "a4edee", "pO3u", "\xa4\xed\xee"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed as %q", form)
		}
	}
}

func TestRefuseSSE(t *testing.T) {
	for _, h := range []http.Header{
		nil, headers(),
		headers("-customer-algorithm", "AES256", "-customer-key", customerKey, "-customer-key-md5", customerMD5),
	} {
		if err := RefuseSSE(h); err != nil {
			t.Errorf("%v: %v", h, err)
		}
	}
	for _, name := range []string{"", "-aws-kms-key-id", "-context", "-bucket-key-enabled"} {
		for _, v := range []string{"AES256", ""} {
			header := "x-amz-server-side-encryption" + name
			want := failure{"InvalidArgument", header, v, header + " header is not supported for this operation."}
			err := RefuseSSE(headers(name, v))
			if err == nil {
				t.Errorf("%s is accepted", header)
				continue
			}
			if diff := cmp.Diff(want, failureOf(t, err), cmp.AllowUnexported(failure{})); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func BenchmarkParseSSE(b *testing.B) {
	h := headers("", "AES256")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSSE(h); err != nil {
			b.Fatal(err)
		}
	}
}
