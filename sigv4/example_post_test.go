package sigv4_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// A browser upload: who signed it, whether the form is what was signed, and
// what a PutObject of it would be like.
func ExampleVerifier_VerifyPost() {
	upload := func(verifier *sigv4.Verifier, r *http.Request, bucket string, now time.Time) error {
		form, err := s3api.ReadPostForm(r.Header.Get("Content-Type"), r.Body)
		if err != nil {
			return err
		}
		accessKey, err := verifier.VerifyPost(form)
		if err != nil {
			return err
		}
		if accessKey == "" {
			return s3api.ErrAccessDenied
		}
		field, _ := form.Field("policy")
		policy, err := s3api.ParsePostPolicy(field)
		if err != nil {
			return err
		}
		if err := policy.Check(form, bucket, now); err != nil {
			return err
		}
		form.LimitFile(policy.FileSize())
		key, err := form.Key()
		if err != nil {
			return err
		}
		header, err := form.Header()
		if err != nil {
			return err
		}
		size, err := io.Copy(io.Discard, form)
		if err != nil {
			return err
		}
		fmt.Println(accessKey, key, header.Get("Content-Type"), size)
		fmt.Println(form.Answer("https://store.example/"+bucket+"/", bucket, key, "etag").Location)
		return nil
	}

	secret, _ := sigv4.NewSecret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	now := time.Date(2015, 12, 29, 0, 30, 0, 0, time.UTC)
	verifier := &sigv4.Verifier{
		Lookup: func(accessKey string) (sigv4.Secret, bool) { return secret, accessKey == "AKIAIOSFODNN7EXAMPLE" },
		Now:    func() time.Time { return now },
	}
	var body strings.Builder
	for _, field := range [...][2]string{
		{"key", "user/user1/photo.jpg"},
		{"x-amz-algorithm", "AWS4-HMAC-SHA256"},
		{"x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
		{"x-amz-date", "20151229T000000Z"},
		{"policy", "eyJleHBpcmF0aW9uIjogIjIwMTUtMTItMjlUMDE6MDA6MDBaIiwgImNvbmRpdGlvbnMiOiBbeyJidWNrZXQiOiAic2lndjRleGFtcGxlYnVja2V0In0sIHsia2V5IjogInVzZXIvdXNlcjEvcGhvdG8uanBnIn0sIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwgeyJ4LWFtei1jcmVkZW50aWFsIjogIkFLSUFJT1NGT0ROTjdFWEFNUExFLzIwMTUxMjI5L3VzLWVhc3QtMS9zMy9hd3M0X3JlcXVlc3QifSwgeyJ4LWFtei1kYXRlIjogIjIwMTUxMjI5VDAwMDAwMFoifV19"},
		{"x-amz-signature", "3364624b39010d9b06f5d9b8c9a18a6e478d261c048159c92f2fd6fa885f14e6"},
	} {
		fmt.Fprintf(&body, "--limit\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", field[0], field[1])
	}
	body.WriteString("--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\n\r\nthe photo\r\n--limit--\r\n")
	r, _ := http.NewRequest(http.MethodPost, "https://store.example/sigv4examplebucket", strings.NewReader(body.String()))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=limit")

	fmt.Println(upload(verifier, r, "sigv4examplebucket", now))
	// Output:
	// AKIAIOSFODNN7EXAMPLE user/user1/photo.jpg  9
	// https://store.example/sigv4examplebucket/user%2Fuser1%2Fphoto.jpg
	// <nil>
}
