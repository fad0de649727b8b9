package s3api

import (
	"errors"
	"strings"
	"testing"
)

func TestParseHost(t *testing.T) {
	domains := []string{"example.com", "s3.example.com", "localhost"}
	for _, tt := range []struct {
		host, bucket string
		ok           bool
	}{
		{"example.com", "", false},
		{"example.com:9000", "", false},
		{"s3.example.com", "", false},
		{"S3.Example.COM.", "", false},
		{"other.org", "", false},
		{"notexample.com", "", false},
		{"", "", false},
		{":80", "", false},
		{"127.0.0.1:80", "", false},
		{"[::1]:80", "", false},
		{"[::1]", "", false},
		{"localhost:8080", "", false},

		{"bucket.example.com", "bucket", true},
		{"bucket.s3.example.com", "bucket", true},
		{"Bucket.S3.example.com:443", "bucket", true},
		{"bucket.s3.example.com.", "bucket", true},
		{"my.bucket.s3.example.com", "my.bucket", true},
		{"s3.s3.example.com", "", true}, // too short for a bucket
		{"bucket.localhost:8080", "bucket", true},
		{strings.Repeat("b", 63) + ".localhost", strings.Repeat("b", 63), true},

		{strings.Repeat("b", 64) + ".localhost", "", true},
		{".s3.example.com", "", true},
		{"a..b.s3.example.com", "", true},
		{"minio.s3.example.com", "", true},
		{"buc_ket.s3.example.com", "", true},
		{"127.0.0.1.s3.example.com", "", true},
		{"b/../x.s3.example.com", "", true},
	} {
		if bucket, ok := ParseHost(tt.host, domains); bucket != tt.bucket || ok != tt.ok {
			t.Errorf("%q: %q, %v", tt.host, bucket, ok)
		}
		if bucket, ok := ParseHost(tt.host, nil); bucket != "" || ok {
			t.Errorf("%q without domains: %q, %v", tt.host, bucket, ok)
		}
	}
}

func TestParseKey(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/key": "key", "//": "/", "/a%2Fb+c": "a/b+c", "/..": "..", "/bucket/key": "bucket/key", "/" + strings.Repeat("k", 1024): strings.Repeat("k", 1024),
	} {
		if got, err := ParseKey(path); got != want || err != nil {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]*Error{
		"": ErrInvalidURI, "key": ErrInvalidURI, "/%": ErrInvalidURI, "/%00": ErrInvalidURI, "/%FF": ErrInvalidURI, "*": ErrInvalidURI,
		"/" + strings.Repeat("k", 1025): ErrKeyTooLong,
	} {
		if got, err := ParseKey(path); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	f.Add("bucket.s3.example.com:80", "/key")
	f.Add("a.b.c.example.com.", "/%2F")
	f.Fuzz(func(t *testing.T, host, path string) {
		bucket, ok := ParseHost(host, []string{"example.com", "s3.example.com"})
		if bucket != "" && (!ok || !ValidBucketName(bucket)) {
			t.Fatalf("%q: %q, %v", host, bucket, ok)
		}
		// A bucket in front of the host is one in front of the path.
		key, err := ParseKey(path)
		_, same, pathErr := ParsePath("/bucket" + path)
		if strings.HasPrefix(path, "/") && (key != same || (err == nil) != (pathErr == nil)) {
			t.Fatalf("%q: %q, %v but %q, %v", path, key, err, same, pathErr)
		}
	})
}
