package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestVerifyErrors: one line for every way in which a header-signed request
// can be wrong.
func TestVerifyErrors(t *testing.T) {
	type edit = func(r *http.Request)
	authorization := func(old, new string) edit {
		return func(r *http.Request) {
			v := r.Header.Get("Authorization")
			if !strings.Contains(v, old) {
				panic("no " + old + " in " + v)
			}
			r.Header.Set("Authorization", strings.Replace(v, old, new, 1))
		}
	}
	setAuthorization := func(v string) edit { return func(r *http.Request) { r.Header.Set("Authorization", v) } }
	set := func(name, value string) edit { return func(r *http.Request) { r.Header.Set(name, value) } }
	del := func(name string) edit { return func(r *http.Request) { r.Header.Del(name) } }
	query := func(q string) edit {
		return func(r *http.Request) {
			r.RequestURI += map[bool]string{false: "?", true: "&"}[strings.Contains(r.RequestURI, "?")] + q
		}
	}
	const nothing = "AWS4-HMAC-SHA256 "

	tests := []struct {
		name    string
		edit    edit
		code    string
		status  int
		message string // part of it
	}{
		{"untouched", func(*http.Request) {}, "ok", 0, ""},
		{"scheme alone", setAuthorization("AWS4-HMAC-SHA256"), "AuthorizationHeaderMalformed", 400, "missing Credential."},
		{"no Credential", setAuthorization(nothing + "SignedHeaders=host, Signature=00"), "AuthorizationHeaderMalformed", 400, "missing Credential."},
		{"no SignedHeaders", setAuthorization(nothing + "Credential=a/20260304/r/s3/aws4_request, Signature=00"), "AuthorizationHeaderMalformed", 400, "missing SignedHeaders."},
		{"no Signature", setAuthorization(nothing + "Credential=a/20260304/r/s3/aws4_request, SignedHeaders=host"), "AuthorizationHeaderMalformed", 400, "missing Signature."},
		{"unknown component", authorization("Signature=", "Color="), "AuthorizationHeaderMalformed", 400, `"Color"`},
		{"repeated component", authorization("SignedHeaders=", "Credential="), "AuthorizationHeaderMalformed", 400, `"Credential"`},
		{"empty component", authorization(", Sig", ",, Sig"), "AuthorizationHeaderMalformed", 400, `""`},
		{"credential too short", authorization("/aws4_request", ""), "AuthorizationHeaderMalformed", 400, "the Credential is mal-formed"},
		{"credential without access key", authorization(testKey, ""), "AuthorizationHeaderMalformed", 400, "the Credential is mal-formed"},
		{"credential without region", authorization("/us-east-1/", "//"), "AuthorizationHeaderMalformed", 400, "the Credential is mal-formed"},
		{"service", authorization("/s3/", "/sts/"), "AuthorizationHeaderMalformed", 400, `incorrect service "sts"`},
		{"terminal", authorization("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed", 400, `incorrect terminal "aws5_request"`},
		{"date format", authorization("20260304", "2026-3-4"), "AuthorizationHeaderMalformed", 400, "incorrect date format"},
		{"date too short", authorization("20260304", "2026030"), "AuthorizationHeaderMalformed", 400, "incorrect date format"},
		{"other date", authorization("20260304", "20260303"), "AuthorizationHeaderMalformed", 400, "not the same as X-Amz-Date"},
		{"region", authorization("us-east-1", "us-east-2"), "AuthorizationHeaderMalformed", 400, "the region 'us-east-2' is wrong; expecting 'us-east-1'"},
		{"empty authorization", setAuthorization(""), "InvalidArgument", 400, "Unsupported Authorization Type"},
		{"basic", setAuthorization("Basic dTpw"), "InvalidArgument", 400, "Unsupported Authorization Type"},
		{"bearer", setAuthorization("Bearer x"), "InvalidArgument", 400, "Unsupported Authorization Type"},
		{"lower-case scheme", authorization("AWS4-HMAC", "aws4-hmac"), "InvalidArgument", 400, "Unsupported Authorization Type"},
		{"signature version 2", setAuthorization("AWS AKIA:c2ln"), "InvalidRequest", 400, "Please use AWS4-HMAC-SHA256."},
		{"signature version 2 in the query", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.RequestURI += "?AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1"
		}, "InvalidRequest", 400, "Please use AWS4-HMAC-SHA256."},
		{"signature version 4A", authorization("HMAC-SHA256", "ECDSA-P256-SHA256"), "NotImplemented", 501, "4A"},
		{"two mechanisms", query("X-Amz-Algorithm=AWS4-HMAC-SHA256"), "InvalidArgument", 400, "Only one auth mechanism"},
		{"two mechanisms, version 2", query("AWSAccessKeyId=a"), "InvalidArgument", 400, "Only one auth mechanism"},
		{"two authorization headers", func(r *http.Request) { r.Header.Add("Authorization", "Basic dTpw") }, "InvalidArgument", 400, "Only one auth mechanism"},
		{"no date", del("X-Amz-Date"), "AccessDenied", 403, "valid Date or x-amz-date"},
		{"bad date", set("X-Amz-Date", "20260304T050607"), "AccessDenied", 403, "valid Date or x-amz-date"},
		{"bad Date", func(r *http.Request) { r.Header.Del("X-Amz-Date"); r.Header.Set("Date", "yesterday") }, "AccessDenied", 403, "valid Date or x-amz-date"},
		{"impossible date", set("X-Amz-Date", "20260230T050607Z"), "AccessDenied", 403, "valid Date or x-amz-date"},
		{"two dates", func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260304T050607Z") }, "AccessDenied", 403, "valid Date or x-amz-date"},
		{"bad x-amz-date beside a good Date", func(r *http.Request) {
			r.Header.Set("X-Amz-Date", "now")
			r.Header.Set("Date", testNow.Format(http.TimeFormat))
		}, "AccessDenied", 403, "valid Date or x-amz-date"},
		{"session token", set("X-Amz-Security-Token", "t"), "InvalidToken", 400, ""},
		{"no payload hash", del("X-Amz-Content-Sha256"), "InvalidRequest", 400, "x-amz-content-sha256"},
		{"empty payload hash", set("X-Amz-Content-Sha256", ""), "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"upper-case payload hash", set("X-Amz-Content-Sha256", strings.ToUpper(EmptySHA256)), "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"payload hash not hex", set("X-Amz-Content-Sha256", strings.Repeat("g", 64)), "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"short payload hash", set("X-Amz-Content-Sha256", EmptySHA256[1:]), "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"two payload hashes", func(r *http.Request) { r.Header.Add("X-Amz-Content-Sha256", UnsignedPayload) }, "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"unknown streaming payload", set("X-Amz-Content-Sha256", "STREAMING-PAYLOAD"), "InvalidArgument", 400, "x-amz-content-sha256 must be"},
		{"version 4A streaming", set("X-Amz-Content-Sha256", streamingECDSA), "NotImplemented", 501, "4A"},
		{"version 4A streaming trailer", set("X-Amz-Content-Sha256", streamingECDSATrailer), "NotImplemented", 501, "4A"},
		{"host not signed", authorization("host;", ""), "AccessDenied", 403, "not signed"},
		{"x-amz header added", set("X-Amz-Acl", "public-read"), "AccessDenied", 403, "not signed"},
		{"x-amz header added in another case", func(r *http.Request) { r.Header["x-aMz-acl"] = []string{"public-read"} }, "AccessDenied", 403, "not signed"},
		{"other header added", set("X-Other", "fine"), "ok", 0, ""},
		{"signed header removed", del("Content-Type"), "SignatureDoesNotMatch", 403, `"content-type" is missing`},
		{"header dropped for its underscore", del("X-Amz-Meta-File_name"), "SignatureDoesNotMatch", 403, `"x-amz-meta-file_name" did not arrive`},
		{"upper case in SignedHeaders", authorization("host;", "Host;"), "AuthorizationHeaderMalformed", 400, "SignedHeaders"},
		{"empty name in SignedHeaders", authorization("host;", "host;;"), "AuthorizationHeaderMalformed", 400, "SignedHeaders"},
		{"a name twice in SignedHeaders", authorization("host;", "host;host;"), "AuthorizationHeaderMalformed", 400, "SignedHeaders"},
		{"endless SignedHeaders", authorization("host;", strings.Repeat("host;", 600)), "AuthorizationHeaderMalformed", 400, "SignedHeaders"},
		{"unknown access key", authorization(testKey, "AKIANOBODY"), "InvalidAccessKeyId", 403, ""},
		{"wrong signature", func(r *http.Request) {
			v := r.Header.Get("Authorization")
			r.Header.Set("Authorization", v[:len(v)-1]+map[bool]string{true: "0", false: "1"}[v[len(v)-1] != '0'])
		}, "SignatureDoesNotMatch", 403, ""},
		{"short signature", authorization("Signature=", "Signature=00\t"), "SignatureDoesNotMatch", 403, ""},
		{"broken escape in the path", func(r *http.Request) { r.RequestURI += "%zz" }, "InvalidURI", 400, ""},
		{"broken escape in the query", query("a=%2"), "InvalidURI", 400, ""},
		{"customer key in the query", query("x-amz-server-side-encryption-customer-key=a"), "InvalidRequest", 400, "as headers"},
		{"copy source customer key in the query", query("X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=a"), "InvalidRequest", 400, "as headers"},
		{"trailer without a trailer mode", func(*http.Request) {}, "InvalidRequest", 400, "x-amz-trailer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			headers := []string{"Content-Type", "text/plain", "X-Amz-Meta-File_name", "a"}
			if strings.HasPrefix(test.name, "trailer without") {
				headers = append(headers, "X-Amz-Trailer", "x-amz-checksum-crc32")
			}
			r := signed(t, "PUT", "/bucket/key", EmptySHA256, "", headers...)
			test.edit(r)
			v := testVerifier(t)
			v.Region = testRegion
			_, err := verify(v, r)
			checkError(t, err, test.code, test.status, test.message)
		})
	}
}

func checkError(t *testing.T, err error, wantCode string, status int, message string) {
	t.Helper()
	if got := code(err); got != wantCode {
		t.Fatalf("got %s (%v), want %s", got, err, wantCode)
	}
	if err == nil {
		return
	}
	e := err.(*s3api.Error)
	if e.Status != status || !strings.Contains(e.Message, message) {
		t.Errorf("got status %d, message %q; want %d, %q", e.Status, e.Message, status, message)
	}
	if strings.Contains(err.Error(), testSecret) {
		t.Error("the error holds the secret")
	}
}

func TestVerifyClock(t *testing.T) {
	for _, test := range []struct {
		off  time.Duration
		code string
	}{
		{0, "ok"},
		{-maxSkew, "ok"},
		{maxSkew, "ok"},
		{-maxSkew - time.Second, "RequestTimeTooSkewed"},
		{maxSkew + time.Second, "RequestTimeTooSkewed"},
		{1 << 62, "RequestTimeTooSkewed"},
	} {
		v := testVerifier(t)
		v.Now = func() time.Time { return testNow.Add(test.off) }
		_, err := verify(v, signed(t, "GET", "/b/k", EmptySHA256, ""))
		if got := code(err); got != test.code {
			t.Errorf("clock off by %v: %s, want %s", test.off, got, test.code)
		}
	}
}

func TestErrorFields(t *testing.T) {
	fields := func(err error) map[string]string {
		m := map[string]string{}
		for _, f := range err.(*s3api.Error).Fields {
			m[f.Name] = f.Value
		}
		return m
	}
	v := testVerifier(t)
	v.Region = "eu-central-1"
	_, err := verify(v, signed(t, "GET", "/b/k", EmptySHA256, ""))
	if diff := cmp.Diff(map[string]string{"Region": "eu-central-1"}, fields(err)); diff != "" {
		t.Error(diff)
	}

	v = testVerifier(t)
	r := signed(t, "GET", "/b/k", EmptySHA256, "", "X-Amz-Acl", "a")
	r.Header.Set("X-Amz-Meta-B", "b")
	r.Header.Set("X-Amz-Meta-A", "a")
	_, err = verify(v, r)
	if diff := cmp.Diff(map[string]string{"HeadersNotSigned": "x-amz-meta-a, x-amz-meta-b"}, fields(err)); diff != "" {
		t.Error(diff)
	}

	r = signed(t, "GET", "/b/k", EmptySHA256, "")
	r.Host = "other"
	_, err = verify(v, r)
	got := fields(err)
	if !strings.Contains(got["CanonicalRequest"], "host:other\n") || !strings.HasPrefix(got["StringToSign"], "AWS4-HMAC-SHA256\n20260304T050607Z\n") ||
		!strings.HasPrefix(got["StringToSignBytes"], "41 57 53 34") || !strings.HasPrefix(got["CanonicalRequestBytes"], "47 45 54 0a") ||
		len(got["SignatureProvided"]) != 64 || got["AWSAccessKeyId"] != testKey {
		t.Errorf("fields %v", got)
	}

	key := "bWluZSBtaW5lIG1pbmUgbWluZSBtaW5lIG1pbmUgMTI="
	r = signed(t, "GET", "/b/k", EmptySHA256, "", "X-Amz-Server-Side-Encryption-Customer-Key", key)
	r.Host = "other"
	_, err = verify(v, r)
	for name, value := range fields(err) {
		if strings.Contains(value, key) || strings.HasPrefix(name, "Canonical") {
			t.Errorf("the customer key is in %s", name)
		}
	}
}

// TestMutations: no part of a signed request can be changed.
// TestManyUnsignedHeaders: nobody needs a secret to send them, and each costs a
// comparison with all that are signed.
func TestManyUnsignedHeaders(t *testing.T) {
	r := signed(t, "GET", "/bucket/key", EmptySHA256, "")
	for i := range 10 * maxSignedHeaders {
		r.Header.Set(fmt.Sprintf("X-Amz-Meta-%d", i), "")
	}
	_, err := verify(testVerifier(t), r)
	var e *s3api.Error
	if !errors.As(err, &e) || e.Code != "AccessDenied" {
		t.Fatal(err)
	}
	if n := strings.Count(e.Field("HeadersNotSigned"), ",") + 1; n > 2*maxSignedHeaders {
		t.Errorf("%d names were looked for among those that are signed", n)
	}
}

func TestMutations(t *testing.T) {
	mutations := map[string]func(r *http.Request){
		"method":              func(r *http.Request) { r.Method = "DELETE" },
		"path":                func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "key", "kez", 1) },
		"path not cleaned":    func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "/key", "/./key", 1) },
		"double slash":        func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "/key", "//key", 1) },
		"query value":         func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "=1", "=2", 1) },
		"query name":          func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "part", "parT", 1) },
		"query added":         func(r *http.Request) { r.RequestURI += "&acl" },
		"semicolon":           func(r *http.Request) { r.RequestURI += ";acl" },
		"query dropped":       func(r *http.Request) { r.RequestURI, _, _ = strings.Cut(r.RequestURI, "?") },
		"host":                func(r *http.Request) { r.Host = "elsewhere" },
		"header value":        func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "c") },
		"header case":         func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "B") },
		"header value added":  func(r *http.Request) { r.Header.Add("X-Amz-Meta-A", "") },
		"hash":                func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) },
		"payload mode":        func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", UnsignedPayload) },
		"date":                func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260304T050608Z") },
		"region":              func(r *http.Request) { authorize(r, "us-east-1", "us-east-2") },
		"signed headers":      func(r *http.Request) { authorize(r, "content-type;", "") },
		"order of headers":    func(r *http.Request) { authorize(r, "content-type;host", "host;content-type") },
		"upper-case hex":      func(r *http.Request) { upperSignature(r) },
		"longer signature":    func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+"00") },
		"signature truncated": func(r *http.Request) { v := r.Header.Get("Authorization"); r.Header.Set("Authorization", v[:len(v)-2]) },
	}
	sign := func() *http.Request {
		return signed(t, "PUT", "/bucket/key?part=1&uploadId=x", EmptySHA256, "", "X-Amz-Meta-A", "b", "Content-Type", "text/plain")
	}
	if _, err := verify(testVerifier(t), sign()); err != nil {
		t.Fatal(err)
	}
	for name, mutate := range mutations {
		r := sign()
		mutate(r)
		if _, err := verify(testVerifier(t), r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	original := sign().Header.Get("Authorization")
	at := strings.Index(original, "Signature=") + len("Signature=")
	for i := at; i < len(original); i++ {
		r := sign()
		b := []byte(original)
		b[i] ^= 1
		r.Header.Set("Authorization", string(b))
		if _, err := verify(testVerifier(t), r); err == nil {
			t.Errorf("signature digit %d: accepted", i-at)
		}
	}
}

func authorize(r *http.Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

func upperSignature(r *http.Request) {
	head, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Authorization", head+"Signature="+strings.ToUpper(signature))
}

// TestHeadersTheServerMoves: net/http keeps some headers outside the map, and
// answers Expect itself.
func TestHeadersTheServerMoves(t *testing.T) {
	key := deriveKey(mustSecret(t, testSecret), "20260304", testRegion)
	sign := func(r *http.Request, list string, lines string) {
		r.RequestURI = "/b/k"
		r.Header.Set("X-Amz-Date", "20260304T050607Z")
		r.Header.Set("X-Amz-Content-Sha256", UnsignedPayload)
		canonical := "PUT\n/b/k\n\n" + lines + "\n" + list + "\n" + UnsignedPayload
		s := newScratch()
		s.buf = append(s.buf, canonical...)
		appendStringToSign(s, "20260304T050607Z", "20260304/us-east-1/s3/aws4_request")
		r.Header.Set("Authorization", algorithm+" Credential="+testKey+"/20260304/us-east-1/s3/aws4_request,SignedHeaders="+list+
			",Signature="+hexString(key.sign(nil, s.toSign)))
	}
	const amz = "x-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20260304T050607Z\n"
	r := &http.Request{Method: "PUT", Host: "h", Header: http.Header{}, ContentLength: 7}
	sign(r, "content-length;expect;host;x-amz-content-sha256;x-amz-date", "content-length:7\nexpect:100-continue\nhost:h\n"+amz)
	if _, err := verify(testVerifier(t), r); err != nil {
		t.Errorf("content-length and expect: %v", err)
	}
	r.ContentLength = -1
	if _, err := verify(testVerifier(t), r); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("content-length is gone: %v", err)
	}
	r = &http.Request{Method: "PUT", Host: "h", Header: http.Header{}, ContentLength: -1, TransferEncoding: []string{"chunked"}}
	sign(r, "host;transfer-encoding;x-amz-content-sha256;x-amz-date", "host:h\ntransfer-encoding:chunked\n"+amz)
	if auth, err := verify(testVerifier(t), r); err != nil || auth.DecodedLength != -1 {
		t.Errorf("transfer-encoding: %v, %v", auth, err)
	}
	r.TransferEncoding = nil
	if _, err := verify(testVerifier(t), r); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("transfer-encoding is gone: %v", err)
	}
}

func TestRestoredHeadersAndRewrittenURL(t *testing.T) {
	r := signed(t, "PUT", "/bucket/key", EmptySHA256, "", "X-Amz-Meta-File_name", "a")
	target := r.RequestURI
	h := r.Header.Clone()
	r.Header.Del("X-Amz-Meta-File_name")
	r.URL.Path, r.RequestURI = "/rewritten", "/rewritten"
	if _, err := testVerifier(t).Verify(r, target, h); err != nil {
		t.Errorf("original target, restored header: %v", err)
	}
	if _, err := testVerifier(t).Verify(r, "http://store.example:9000"+target, h); err != nil {
		t.Errorf("absolute form: %v", err)
	}
	if _, err := testVerifier(t).Verify(r, r.RequestURI, h); err == nil {
		t.Error("rewritten target accepted")
	}
}

// TestDateHeader: requests may be dated by Date alone.
func TestDateHeader(t *testing.T) {
	for _, format := range []string{http.TimeFormat, basicFormat} {
		h := http.Header{"Date": {testNow.Format(format)}}
		stamp, at, ok := requestTime(h)
		if !ok || stamp != "20260304T050607Z" || !at.Equal(testNow) {
			t.Errorf("%s: %q %v %v", format, stamp, at, ok)
		}
		h.Set("X-Amz-Date", "20200101T000000Z")
		if stamp, _, ok := requestTime(h); !ok || stamp != "20200101T000000Z" {
			t.Errorf("x-amz-date does not win over %s: %q", format, stamp)
		}
	}
}

func TestAnonymous(t *testing.T) {
	for _, test := range []struct {
		payload, code string
		mode          PayloadMode
	}{
		{"-", "ok", PayloadUnsigned},
		{UnsignedPayload, "ok", PayloadUnsigned},
		{EmptySHA256, "ok", PayloadHash},
		{StreamingUnsignedTrailer, "ok", PayloadChunksTrailer},
		{streamingSigned, "InvalidRequest", 0},
		{streamingSignedTrailer, "InvalidRequest", 0},
		{"", "InvalidArgument", 0},
		{"STREAMING-SOMETHING", "InvalidArgument", 0},
	} {
		r := newRequest(t, "PUT", "/b/k?x-amz-date=20260304T050607Z", "")
		if test.payload != "-" {
			r.Header.Set("X-Amz-Content-Sha256", test.payload)
		}
		if test.mode == PayloadChunksTrailer {
			r.Header.Set("X-Amz-Decoded-Content-Length", "0")
			r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
		}
		auth, err := verify(testVerifier(t), overTheWire(t, r))
		if got := code(err); got != test.code {
			t.Errorf("%q: %s (%v), want %s", test.payload, got, err, test.code)
		}
		if err == nil && (auth.AccessKey != "" || auth.Payload != test.mode || auth.Presigned || !auth.Query.Has("x-amz-date")) {
			t.Errorf("%q: %+v", test.payload, auth)
		}
	}
}

func TestStreamingHeaders(t *testing.T) {
	for _, test := range []struct {
		payload string
		headers []string
		code    string
	}{
		{streamingSigned, nil, "MissingContentLength"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "7"}, "ok"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "-1"}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "+1"}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", ""}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "0x7"}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "9223372036854775808"}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "9223372036854775807"}, "ok"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Decoded-Content-Length", "7"}, "InvalidArgument"},
		{streamingSigned, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Trailer", "x-amz-checksum-crc32"}, "InvalidRequest"},
		{streamingSignedTrailer, []string{"X-Amz-Decoded-Content-Length", "7"}, "InvalidRequest"},
		{streamingSignedTrailer, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Trailer", "X-Amz-Checksum-Crc32"}, "ok"},
		{StreamingUnsignedTrailer, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Trailer", "x-amz-meta-a"}, "InvalidRequest"},
		{StreamingUnsignedTrailer, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Trailer", "x-amz-checksum-"}, "InvalidRequest"},
		{StreamingUnsignedTrailer, []string{"X-Amz-Decoded-Content-Length", "7", "X-Amz-Trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1"}, "InvalidRequest"},
		{StreamingUnsignedTrailer, []string{"X-Amz-Trailer", "x-amz-checksum-crc32"}, "MissingContentLength"},
		{UnsignedPayload, []string{"X-Amz-Decoded-Content-Length", "7"}, "InvalidRequest"},
		{EmptySHA256, []string{"X-Amz-Decoded-Content-Length", "7"}, "InvalidRequest"},
		{UnsignedPayload, []string{"X-Amz-Decoded-Content-Length", "0"}, "ok"},
		{UnsignedPayload, []string{"X-Amz-Decoded-Content-Length", "0", "X-Amz-Decoded-Content-Length", "7"}, "InvalidRequest"},
	} {
		auth, err := verify(testVerifier(t), signed(t, "PUT", "/b/k", test.payload, "", test.headers...))
		if got := code(err); got != test.code {
			t.Errorf("%s %v: %s (%v), want %s", test.payload, test.headers, got, err, test.code)
		}
		if err == nil && auth.Payload.Trailer() && auth.TrailerName != "x-amz-checksum-crc32" {
			t.Errorf("trailer name %q", auth.TrailerName)
		}
	}
}

// TestZeroVerifier knows nobody.
func TestZeroVerifier(t *testing.T) {
	v := &Verifier{Now: func() time.Time { return testNow }}
	_, err := verify(v, signed(t, "GET", "/b/k", EmptySHA256, ""))
	checkError(t, err, "InvalidAccessKeyId", 403, "")
	v.Lookup = func(string) (Secret, bool) { return Secret{}, true }
	_, err = verify(v, signed(t, "GET", "/b/k", EmptySHA256, ""))
	checkError(t, err, "InvalidAccessKeyId", 403, "")
}

func TestAccessKeyWithSlash(t *testing.T) {
	v := newVerifier(t, "team/alice", testSecret, testNow)
	r := newRequest(t, "GET", "/b/k", "")
	new(Signer).Sign(r, Credential{"team/alice", mustSecret(t, testSecret)}, testRegion, EmptySHA256, testNow)
	auth, err := verify(v, overTheWire(t, r))
	if err != nil || auth.AccessKey != "team/alice" {
		t.Errorf("%v, %v", auth, err)
	}
}

func TestCanonicalQuery(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"", ""},
		{"uploads", "uploads="},
		{"&&a&", "a="},
		{"b=2&a=1", "a=1&b=2"},
		{"a=2&a=1&a", "a=&a=1&a=2"},
		{"a-b=1&a=2", "a=2&a-b=1"},
		{"a=x+y", "a=x%20y"},
		{"a=x%2By", "a=x%2By"},
		{"a=x;b=y", "a=x%3Bb%3Dy"},
		{"a=b=c", "a=b%3Dc"},
		{"k=%2f%7e%41", "k=%2F~A"},
		{"é=1&z=1", "%C3%A9=1&z=1"}, // sorted as encoded
		{"a=%26", "a=%26"},
	} {
		s := newScratch()
		if ok := s.appendQuery(test.raw, false); !ok || string(s.buf) != test.want {
			t.Errorf("%q: %q %v, want %q", test.raw, s.buf, ok, test.want)
		}
		q, err := s3api.ParseQuery(test.raw)
		if err != nil || q.Encode() != test.want {
			t.Errorf("%q: s3api says %q, %v", test.raw, q.Encode(), err)
		}
		s.release()
	}
}

func TestCanonicalPath(t *testing.T) {
	for _, test := range []struct {
		raw, want string
		ok        bool
	}{
		{"", "/", true},
		{"/", "/", true},
		{"/a//b/../c/.", "/a//b/../c/.", true},
		{"/a+b", "/a%2Bb", true},
		{"/a%20b c", "/a%20b%20c", true},
		{"/%2525", "/%2525", true},
		{"/%e6%BC%a2", "/%E6%BC%A2", true},
		{"/a%2Fb", "/a/b", true},
		{"/!$&'()*,;=:@", "/%21%24%26%27%28%29%2A%2C%3B%3D%3A%40", true},
		{"/~._-", "/~._-", true},
		{"/%", "", false},
		{"/%4", "", false},
		{"/%4g", "", false},
	} {
		got, ok := appendPath(nil, test.raw)
		if ok != test.ok || ok && string(got) != test.want {
			t.Errorf("%q: %q %v, want %q %v", test.raw, got, ok, test.want, test.ok)
		}
	}
}

func TestCanonicalHeader(t *testing.T) {
	for _, test := range []struct {
		values []string
		want   string
	}{
		{[]string{""}, "n:\n"},
		{[]string{"  a  b\t c  "}, "n:a b c\n"},
		{[]string{"a ", " b", ""}, "n:a,b,\n"},
		{[]string{`"a   b"`}, "n:\"a b\"\n"},
		{[]string{"a,b"}, "n:a,b\n"},
	} {
		if got := string(appendHeader(nil, "n", test.values)); got != test.want {
			t.Errorf("%q: %q, want %q", test.values, got, test.want)
		}
	}
}
