// Package webform makes the forms of browser uploads, signed, as web
// applications do for the pages they serve.
package webform

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Form is a form with its file. Fields are sent in order.
type Form struct {
	Fields [][2]string
	// Filename is what the browser calls the file.
	Filename string
	File     []byte
	// After are fields behind the file, such as the button that sends the form.
	After [][2]string
	// End comes last, behind the closing delimiter. Default: a line end.
	End string
}

// New returns a form with pairs of name and value.
func New(pairs ...string) *Form {
	f := &Form{Filename: "file.bin", End: "\r\n"}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// Add adds a field.
func (f *Form) Add(name, value string) { f.Fields = append(f.Fields, [2]string{name, value}) }

// Key is a credential to sign with.
type Key struct {
	AccessKey, SecretKey string
	// Time is when the form is signed. Default: now.
	Time time.Time
}

// Sign adds a policy that allows exactly the fields there are, for an upload to
// the bucket within the next hour, and the fields of its signature. More
// conditions can be given as they stand in the policy.
func (f *Form) Sign(t testing.TB, k Key, bucket string, more ...any) {
	t.Helper()
	conditions := append(slices.Clip(more), map[string]string{"bucket": bucket})
	for _, field := range f.Fields {
		conditions = append(conditions, []string{"eq", "$" + field[0], field[1]})
	}
	f.SignPolicy(t, k, time.Now().Add(time.Hour), conditions...)
}

// SignPolicy adds a policy with these conditions, besides those on the fields
// of the signature, and that signature.
func (f *Form) SignPolicy(t testing.TB, k Key, expiration time.Time, conditions ...any) {
	t.Helper()
	if k.Time.IsZero() {
		k.Time = time.Now()
	}
	stamp := k.Time.UTC().Format("20060102T150405Z")
	scope := stamp[:8] + "/us-east-1/s3/aws4_request"
	for _, field := range [][2]string{
		{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"}, {"X-Amz-Credential", k.AccessKey + "/" + scope}, {"X-Amz-Date", stamp},
	} {
		f.Fields = append(f.Fields, field)
		conditions = append(conditions, map[string]string{field[0]: field[1]})
	}
	doc, err := json.Marshal(map[string]any{"expiration": expiration.UTC().Format(time.RFC3339), "conditions": conditions})
	if err != nil {
		t.Fatal(err)
	}
	policy := base64.StdEncoding.EncodeToString(doc)
	key := []byte("AWS4" + k.SecretKey)
	for _, text := range []string{stamp[:8], "us-east-1", "s3", "aws4_request", policy} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	f.Add("Policy", policy)
	f.Add("X-Amz-Signature", hex.EncodeToString(key))
}

const boundary = "----FormBoundaryOfIntegrationTests"

// Encode returns the form as it goes over the wire.
func (f *Form) Encode() (contentType string, body []byte) {
	var b bytes.Buffer
	fields := func(fields [][2]string) {
		for _, field := range fields {
			fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, field[0], field[1])
		}
	}
	fields(f.Fields)
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, f.Filename)
	b.Write(f.File)
	b.WriteString("\r\n")
	fields(f.After)
	b.WriteString("--" + boundary + "--" + f.End)
	return "multipart/form-data; boundary=" + boundary, b.Bytes()
}
