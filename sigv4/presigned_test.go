package sigv4

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// presign returns a presigned request as the server sees it. query is added
// before signing, headers are signed.
func presign(t testing.TB, method, path, query, expires string, headers ...string) *http.Request {
	t.Helper()
	r := newRequest(t, method, path, "")
	r.Header.Set("User-Agent", "")
	names := []string{"host"}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
		names = append(names, strings.ToLower(headers[i]))
	}
	c := claim{
		presigned: true, signedHeaders: strings.Join(names, ";"), payload: UnsignedPayload,
		stamp: testNow.Format(basicFormat), scope: "20260304/us-east-1/s3/aws4_request",
	}
	if v := r.Header.Get("X-Amz-Content-Sha256"); v != "" {
		c.payload = v
	}
	raw := "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + url.QueryEscape(testKey+"/"+c.scope) +
		"&X-Amz-Date=" + c.stamp + "&X-Amz-Expires=" + expires + "&X-Amz-SignedHeaders=" + url.QueryEscape(c.signedHeaders)
	if query != "" {
		raw += "&" + query
	}
	if q, err := url.ParseQuery(raw); err == nil && q.Get("X-Amz-Content-Sha256") != "" {
		c.payload = q.Get("X-Amz-Content-Sha256")
	}
	s := newScratch()
	defer s.release()
	if err := s.appendCanonicalRequest(&c, r, path, raw, r.Header); err != nil {
		t.Fatal(err)
	}
	appendStringToSign(s, c.stamp, c.scope)
	key := deriveKey(mustSecret(t, testSecret), "20260304", testRegion)
	r.RequestURI = path + "?" + raw + "&X-Amz-Signature=" + hexString(key.sign(nil, s.toSign))
	return r
}

func TestPresignedErrors(t *testing.T) {
	type edit = func(r *http.Request)
	replace := func(old, new string) edit {
		return func(r *http.Request) {
			if !strings.Contains(r.RequestURI, old) {
				panic("no " + old)
			}
			r.RequestURI = strings.Replace(r.RequestURI, old, new, 1)
		}
	}
	expires := func(v string) edit { return replace("X-Amz-Expires=60", "X-Amz-Expires="+v) }
	set := func(name, value string) edit { return func(r *http.Request) { r.Header.Set(name, value) } }
	const params = "AuthorizationQueryParametersError"
	tests := []struct {
		name    string
		edit    edit
		code    string
		status  int
		message string
	}{
		{"untouched", func(*http.Request) {}, "ok", 0, ""},
		{"no algorithm", replace("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), params, 400, "requires the X-Amz-Algorithm"},
		{"empty algorithm", replace("X-Amz-Algorithm=AWS4-HMAC-SHA256&", "X-Amz-Algorithm="), params, 400, ""},
		{"other algorithm", replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), params, 400, "X-Amz-Algorithm only supports"},
		{"version 4A", replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "NotImplemented", 501, "4A"},
		{"no credential", replace("X-Amz-Credential=", "a="), params, 400, "requires"},
		{"no date", replace("X-Amz-Date=", "a="), params, 400, "requires"},
		{"no expires", replace("X-Amz-Expires=", "a="), params, 400, "requires"},
		{"no signed headers", replace("X-Amz-SignedHeaders=", "a="), params, 400, "requires"},
		{"no signature", replace("X-Amz-Signature=", "a="), params, 400, "requires"},
		{"only expires", func(r *http.Request) { r.RequestURI = "/b/k?X-Amz-Expires=60" }, params, 400, "requires"},
		{"lower-case names alone", func(r *http.Request) { r.RequestURI = "/b/k?x-amz-signature=0" }, params, 400, "requires"},
		{"repeated parameter", replace("X-Amz-Expires=60", "X-Amz-Expires=60&x-amz-expires=604800"), params, 400, "more than once"},
		{"credential", replace("%2Faws4_request", ""), params, 400, "the Credential is mal-formed"},
		{"service", replace("%2Fs3%2F", "%2Fsts%2F"), params, 400, "incorrect service"},
		{"terminal", replace("aws4_request", "aws5_request"), params, 400, "incorrect terminal"},
		{"region", replace("us-east-1", "us-east-2"), params, 400, "expecting 'us-east-1'"},
		{"date mismatch", replace("20260304%2F", "20260305%2F"), params, 400, "not the same as X-Amz-Date"},
		{"date format", replace("T050607Z", "T0506Z"), params, 400, "ISO8601 Long Format"},
		{"expires not a number", expires("1h"), params, 400, "should be a number"},
		{"expires a sign", expires("-"), params, 400, "should be a number"},
		{"expires signed", expires("%2B60"), params, 400, "should be a number"},
		{"expires negative", expires("-1"), params, 400, "must be non-negative"},
		{"expires zero", expires("0"), "AccessDenied", 403, "Request has expired"},
		{"expires over a week", expires("604801"), params, 400, "less than a week"},
		{"expires far over a week", expires("99999999999999999999"), params, 400, "less than a week"},
		{"expires prolonged", expires("604800"), "SignatureDoesNotMatch", 403, ""},
		{"parameter added", replace("?", "?acl&"), "SignatureDoesNotMatch", 403, ""},
		{"method", func(r *http.Request) { r.Method = "DELETE" }, "SignatureDoesNotMatch", 403, ""},
		{"authorization header too", set("Authorization", "Basic dTpw"), "InvalidArgument", 400, "Only one auth mechanism"},
		{"token in the query", replace("?", "?X-Amz-Security-Token=t&"), "InvalidToken", 400, ""},
		{"token in a header", set("X-Amz-Security-Token", "t"), "InvalidToken", 400, ""},
		{"unsigned header", set("X-Amz-Acl", "public-read"), "AccessDenied", 403, "not signed"},
		{"unsigned payload hash says nothing", set("X-Amz-Content-Sha256", UnsignedPayload), "ok", 0, ""},
		{"unsigned payload hash says something", set("X-Amz-Content-Sha256", EmptySHA256), "AccessDenied", 403, "not signed"},
		{"host not signed", replace("SignedHeaders=host", "SignedHeaders=user-agent"), "AccessDenied", 403, "not signed"},
		{"signed headers malformed", replace("SignedHeaders=host", "SignedHeaders=host%0A"), params, 400, "X-Amz-SignedHeaders"},
		{"unknown access key", replace(testKey, "AKIANOBODY"), "InvalidAccessKeyId", 403, ""},
		{"customer key", replace("?", "?X-Amz-Server-Side-Encryption-Customer-Key=a&"), "InvalidRequest", 400, "as headers"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := presign(t, "GET", "/b/k", "", "60")
			test.edit(r)
			v := testVerifier(t)
			v.Region = testRegion
			_, err := verify(v, r)
			checkError(t, err, test.code, test.status, test.message)
		})
	}
}

func TestPresignedClock(t *testing.T) {
	for _, test := range []struct {
		expires string
		off     time.Duration
		code    string
	}{
		{"1", time.Second, "ok"},
		{"1", time.Second + 1, "AccessDenied"},
		{"604800", 604800 * time.Second, "ok"},
		{"604800", 604801 * time.Second, "AccessDenied"},
		{"60", -maxSkew, "ok"},
		{"60", -maxSkew - time.Second, "AccessDenied"},
		{"0", -time.Second, "AccessDenied"},
	} {
		v := testVerifier(t)
		v.Now = func() time.Time { return testNow.Add(test.off) }
		_, err := verify(v, presign(t, "GET", "/b/k", "", test.expires))
		if got := code(err); got != test.code {
			t.Errorf("expires %s, clock off by %v: %s, want %s", test.expires, test.off, got, test.code)
		}
	}
}

func TestPresignedQuery(t *testing.T) {
	r := presign(t, "PUT", "/b/k", "x-amz-server-side-encryption=AES256&X-Amz-Meta-A_b=c+d&x-id=PutObject&versionId=1&versionId=2&X-Amz-Content-Sha256="+EmptySHA256, "60",
		"X-Amz-Acl", "private")
	auth, err := verify(testVerifier(t), r)
	if err != nil {
		t.Fatal(err)
	}
	want := &Auth{
		AccessKey: testKey, Presigned: true, Payload: PayloadHash,
		Query:   s3api.Query{{Name: "x-id", Value: "PutObject", HasValue: true}, {Name: "versionId", Value: "1", HasValue: true}, {Name: "versionId", Value: "2", HasValue: true}},
		Hoisted: http.Header{"X-Amz-Server-Side-Encryption": {"AES256"}, "X-Amz-Meta-A_b": {"c d"}},
	}
	exported := cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && strings.ToLower(f.Name()[:1]) == f.Name()[:1]
	}, cmp.Ignore())
	if diff := cmp.Diff(want, auth, exported); diff != "" {
		t.Error(diff)
	}
	if _, err := io.ReadAll(auth.Body(strings.NewReader("other"))); code(err) != "IncompleteBody" {
		t.Errorf("a body that is too long: %v", err)
	}
	auth.DecodedLength = -1
	if _, err := io.ReadAll(auth.Body(strings.NewReader("other"))); code(err) != "XAmzContentSHA256Mismatch" {
		t.Errorf("another body than the pinned one: %v", err)
	}
}

// TestHoistedHeaders: what the query may not put in a header's place.
func TestHoistedHeaders(t *testing.T) {
	for _, test := range []struct {
		name, query string
		headers     []string
		code        string
	}{
		{"header and query", "x-amz-acl=private", []string{"X-Amz-Acl", "public-read"}, "InvalidArgument"},
		{"date in both", "", []string{"X-Amz-Date", "20260304T050607Z"}, "InvalidArgument"},
		{"payload hash in both", "X-Amz-Content-Sha256=" + UnsignedPayload, []string{"X-Amz-Content-Sha256", UnsignedPayload}, "InvalidArgument"},
		{"payload hash in a signed header", "", []string{"X-Amz-Content-Sha256", EmptySHA256}, "ok"},
		{"given twice", "x-amz-acl=private&X-Amz-Acl=public-read", nil, "InvalidArgument"},
		{"line break in the value", "x-amz-meta-a=b%0D%0AX-Evil:1", nil, "InvalidArgument"},
		{"NUL in the value", "x-amz-meta-a=%00", nil, "InvalidArgument"},
		{"colon in the name", "x-amz-meta-a%3A=b", nil, "InvalidArgument"},
		{"space in the name", "x-amz-meta-a%20=b", nil, "InvalidArgument"},
		{"unknown payload", "X-Amz-Content-Sha256=nothing", nil, "InvalidArgument"},
		{"stream without length", "X-Amz-Content-Sha256=" + streamingSigned, nil, "MissingContentLength"},
		{"stream", "X-Amz-Content-Sha256=" + streamingSigned + "&x-amz-decoded-content-length=3", nil, "ok"},
	} {
		_, err := verify(testVerifier(t), presign(t, "PUT", "/b/k", test.query, "60", test.headers...))
		if got := code(err); got != test.code {
			t.Errorf("%s: %s (%v), want %s", test.name, got, err, test.code)
		}
	}
}
