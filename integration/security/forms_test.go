package security_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// form is a browser upload.
type form struct {
	bucket string
	fields [][2]string
	file   string
}

// form returns one for an object, without a signature.
func (e *endpoint) form(t *testing.T, bucket, key string) *form {
	t.Helper()
	return &form{bucket: bucket, fields: [][2]string{{"key", key}}, file: "content of the form"}
}

// sign adds a policy that is exactly the form, valid for a minute, and its
// signature.
func (f *form) sign(t *testing.T, accessKey, secret string, now time.Time) {
	t.Helper()
	now = now.UTC()
	day := now.Format("20060102")
	f.fields = append(f.fields,
		[2]string{"x-amz-algorithm", "AWS4-HMAC-SHA256"},
		[2]string{"x-amz-credential", accessKey + "/" + day + "/us-east-1/s3/aws4_request"},
		[2]string{"x-amz-date", now.Format("20060102T150405Z")})
	conditions := []any{map[string]string{"bucket": f.bucket}}
	for _, field := range f.fields {
		conditions = append(conditions, map[string]string{field[0]: field[1]})
	}
	doc, err := json.Marshal(map[string]any{"expiration": now.Add(time.Minute).Format("2006-01-02T15:04:05.000Z"), "conditions": conditions})
	if err != nil {
		t.Fatal(err)
	}
	policy := base64.StdEncoding.EncodeToString(doc)
	key := []byte("AWS4" + secret)
	for _, s := range []string{day, "us-east-1", "s3", "aws4_request", policy} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s))
		key = mac.Sum(nil)
	}
	f.fields = append(f.fields, [2]string{"policy", policy}, [2]string{"x-amz-signature", hex.EncodeToString(key)})
}

func (f *form) request() wire.Request {
	var b bytes.Buffer
	for _, field := range f.fields {
		fmt.Fprintf(&b, "--example\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", field[0], field[1])
	}
	fmt.Fprintf(&b, "--example\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n%s\r\n--example--\r\n", f.file)
	return wire.Request{
		Method: http.MethodPost, Target: "/" + f.bucket, Body: b.Bytes(), Anonymous: true,
		Header: wire.Header("Content-Type", "multipart/form-data; boundary=example"),
	}
}

// set changes a field after the form has been signed, or adds it.
func (f *form) set(name, value string) {
	i := slices.IndexFunc(f.fields, func(field [2]string) bool { return field[0] == name })
	if i < 0 {
		f.fields = append(f.fields, [2]string{name, value})
		return
	}
	f.fields[i][1] = value
}

// TestForms posts forms that are not what was signed, or that ask for what
// whoever signed may not do.
func TestForms(t *testing.T) {
	o := several
	o.Handler += "\npublic_buckets *"
	e := start(t, store.MinIO(t), o)
	e.Put(t, e.bucket, "k", []byte("content"))
	now := time.Now()
	e.proxy.Reset()
	for _, tc := range []struct {
		name   string
		bucket string
		key    string
		as     string // "other", "reader", "" for nobody
		before func(f *form)
		after  func(f *form)
		status int
		code   string
	}{
		{"nobody's", e.bucket, "k", "", nil, nil, 403, "AccessDenied"},
		{"of who may not use the bucket", e.bucket, "k", "other", nil, nil, 403, "AccessDenied"},
		{"of who may only read", e.bucket, "k", "reader", nil, nil, 403, "AccessDenied"},
		{"of nobody known", e.bucket, "k", "nobody", nil, nil, 403, "InvalidAccessKeyId"},
		{"another key", e.bucket, "k", "client", nil, func(f *form) { f.set("key", "k2") }, 403, "AccessDenied"},
		{"another field", e.bucket, "k", "client", nil, func(f *form) { f.set("acl", "public-read") }, 403, "AccessDenied"},
		{"another encryption", e.bucket, "k", "client", nil, func(f *form) { f.set("x-amz-server-side-encryption", "AES256") }, 403, "AccessDenied"},
		{"a field in other letters", e.bucket, "k", "client", nil, func(f *form) { f.set("KEY", "k2") }, 0, ""},
		{"no signature", e.bucket, "k", "client", nil, func(f *form) { f.fields = f.fields[:len(f.fields)-1] }, 0, ""},
		{"another policy", e.bucket, "k", "client", nil, func(f *form) {
			f.set("policy", base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2099-01-01T00:00:00Z","conditions":[]}`)))
		}, 403, "SignatureDoesNotMatch"},
		{"another bucket", e.bucket, "k", "client", nil, func(f *form) { f.bucket = "another-bucket" }, 403, "AccessDenied"},
		{"an envelope", e.bucket, "k", "client", func(f *form) { f.set("x-amz-meta-s3sse", "AAAA") }, nil, 400, "InvalidArgument"},
		{"an envelope in other letters", e.bucket, "k", "client", func(f *form) { f.set("X-Amz-Meta-S3SSE", "AAAA") }, nil, 400, "InvalidArgument"},
		{"a store's command", e.bucket, "k", "client", func(f *form) { f.set("x-amz-meta-snowball-auto-extract", "true") }, nil, 400, "InvalidArgument"},
		{"a copy", e.bucket, "k", "client", func(f *form) { f.set("x-amz-copy-source", "/"+e.bucket+"/k") }, nil, 501, "NotImplemented"},
		{"a header of another kind", e.bucket, "k", "client", func(f *form) { f.set("x-minio-extract", "true") }, nil, 204, ""},
		{"a line break", e.bucket, "k", "client", func(f *form) { f.set("x-amz-meta-a", "1\r\nX-Stray: 1") }, nil, 400, "InvalidArgument"},
		{"to the gateway's own bucket", systemPath[1:], "settings/encryption", "client", nil, nil, 403, "AccessDenied"},
		{"a relative key", e.bucket, "../" + systemPath[1:] + "/settings/encryption", "client", nil, nil, 400, "InvalidURI"},
		{"no key", e.bucket, "", "client", nil, nil, 400, ""},
	} {
		f := e.form(t, tc.bucket, tc.key)
		if tc.before != nil {
			tc.before(f)
		}
		secret := otherSecret
		if tc.as == "client" {
			secret = e.SecretKey
		}
		if tc.as != "" {
			f.sign(t, tc.as, secret, now)
		}
		if tc.after != nil {
			tc.after(f)
		}
		r := f.request()
		a := e.Do(t, r)
		if tc.status == http.StatusNoContent {
			if a.Status != tc.status {
				t.Errorf("%s: status %d\n%s", tc.name, a.Status, a.Body)
			}
			for _, x := range e.proxy.Exchanges() {
				for name := range x.Header {
					if strings.HasPrefix(name, "X-Minio-") {
						t.Errorf("%s: the store got %s", tc.name, name)
					}
				}
			}
			e.checkObject(t, "k", []byte(f.file))
			e.Put(t, e.bucket, "k", []byte("content"))
			e.proxy.Reset()
			continue
		}
		if tc.status == 0 && (a.Status == http.StatusBadRequest || a.Status == http.StatusForbidden) {
			tc.status = a.Status
		}
		if tc.code == "" {
			tc.code = a.Code()
		}
		if a.Status != tc.status || a.Code() != tc.code {
			t.Errorf("%s: status %d, want %d %s\n%s", tc.name, a.Status, tc.status, tc.code, a.Body)
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("%s: the store got %q", tc.name, got)
			e.proxy.Reset()
		}
	}
	// Signed in two ways.
	f := e.form(t, e.bucket, "k")
	f.sign(t, "client", e.SecretKey, now)
	r := f.request()
	r.Anonymous = false
	if a := e.Do(t, r); a.Status != http.StatusBadRequest {
		t.Errorf("signed twice: status %d\n%s", a.Status, a.Body)
	}
	e.checkObject(t, "k", []byte("content"))
}
