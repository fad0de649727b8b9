package s3api

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("k", maxKeyBytes)
	tests := []struct {
		raw, bucket, key string
		err              *Error
	}{
		{raw: "/"},
		{raw: "/bucket", bucket: "bucket"},
		{raw: "/bucket/", bucket: "bucket"},
		{raw: "/bucket/key", bucket: "bucket", key: "key"},
		{raw: "/bucket//", bucket: "bucket", key: "/"},
		{raw: "/bucket//a//b/", bucket: "bucket", key: "/a//b/"},
		{raw: "/bucket/../other/k", bucket: "bucket", key: "../other/k"},
		{raw: "/bucket/./%2e%2E/k", bucket: "bucket", key: "./../k"},
		{raw: "/bucket/a%2Fb", bucket: "bucket", key: "a/b"},
		{raw: "/bucket/%252F", bucket: "bucket", key: "%2F"},
		{raw: "/bucket/a+b%20c", bucket: "bucket", key: "a+b c"},
		{raw: "/bucket/?", bucket: "bucket", key: "?"},
		{raw: "/bucket/!$&'()*,;=:@", bucket: "bucket", key: "!$&'()*,;=:@"},
		{raw: "/bucket/%E2%98%83\u2603", bucket: "bucket", key: "\u2603\u2603"},
		{raw: "/bucket/%01%7F\\", bucket: "bucket", key: "\x01\x7f\\"},
		{raw: "/b%75cket/key", bucket: "bucket", key: "key"},
		{raw: "/bucket/" + long, bucket: "bucket", key: long},

		{raw: "", err: ErrInvalidURI},
		{raw: "*", err: ErrInvalidURI},
		{raw: "bucket/key", err: ErrInvalidURI},
		{raw: "http://host/bucket/key", err: ErrInvalidURI},
		{raw: "/bucket/%", err: ErrInvalidURI},
		{raw: "/bucket/%4", err: ErrInvalidURI},
		{raw: "/bucket/%zz", err: ErrInvalidURI},
		{raw: "/buck%/key", err: ErrInvalidURI},
		{raw: "/bucket/a%00b", err: ErrInvalidURI},
		{raw: "/bucket/a\x00b", err: ErrInvalidURI},
		{raw: "/bucket/%ff", err: ErrInvalidURI},
		{raw: "/bucket/\xc3", err: ErrInvalidURI},
		{raw: "/bucket/%ED%A0%80", err: ErrInvalidURI},
		{raw: "/bucket/k" + long, err: ErrKeyTooLong},
		{raw: "/bucket/" + strings.Repeat("%C3%A9", maxKeyBytes/2) + "a", err: ErrKeyTooLong},
		{raw: "//key", err: ErrInvalidBucketName},
		{raw: "/../key", err: ErrInvalidBucketName},
		{raw: "/bucket%2Fkey", err: ErrInvalidBucketName},
		{raw: "/Bucket/key", err: ErrInvalidBucketName},
		{raw: "/minio/admin/v3/info", err: ErrInvalidBucketName},
		{raw: "/%6dinio/health/live", err: ErrInvalidBucketName},
		{raw: "/.minio.sys/config", err: ErrInvalidBucketName},
	}
	for _, tt := range tests {
		bucket, key, err := ParsePath(tt.raw)
		if tt.err != nil {
			if !errors.Is(err, tt.err) || bucket != "" || key != "" {
				t.Errorf("%.40q: %q, %q, %v; want %s", tt.raw, bucket, key, err, tt.err.Code)
			}
			continue
		}
		if err != nil || bucket != tt.bucket || key != tt.key {
			t.Errorf("%.40q: %q, %q, %v; want %q, %q", tt.raw, bucket, key, err, tt.bucket, tt.key)
		}
	}
}

func TestValidBucketName(t *testing.T) {
	for n := range 70 {
		if got, want := ValidBucketName(strings.Repeat("a", n)), n >= 3 && n <= 63; got != want {
			t.Errorf("%d letters: %v", n, got)
		}
	}
	for _, name := range []string{"a-b", "a.b", "1.2", "a.b.c.d", "1.2.3", "1.2.3.4.5", "1.2.3.a", "a--b", "a.-b", "000", "minio-data"} {
		if got, want := ValidBucketName(name), len(name) >= 3; got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	for _, name := range []string{"-ab", "ab-", ".ab", "ab.", "a..b", "a_b", "aBc", "192.168.0.1", "a b", "a/b", "a%b", "caf\u00e9", "a\x00b", "...", "minio"} {
		if ValidBucketName(name) {
			t.Errorf("%q is accepted", name)
		}
	}
	// In the middle of a name exactly these bytes may stand.
	for c := range 256 {
		b := byte(c)
		want := isLowerAlnum(b) || b == '-' || b == '.'
		if got := ValidBucketName("a" + string([]byte{b}) + "c"); got != want {
			t.Errorf("byte %#x: %v", b, got)
		}
	}
}

func TestEscapePath(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"/":              "/",
		"/b/a b+c":       "/b/a%20b%2Bc",
		"/b/%41":         "/b/%2541",
		"/b//../.":       "/b//../.",
		"!$&'()*,;=:@":   "%21%24%26%27%28%29%2A%2C%3B%3D%3A%40",
		"\u2603\x00\xff": "%E2%98%83%00%FF",
	} {
		if got := EscapePath(in); got != want {
			t.Errorf("EscapePath(%q) = %q, want %q", in, got, want)
		}
	}
	for c := range 256 {
		b := byte(c)
		kept := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/", b) >= 0
		if got := EscapePath(string([]byte{b})); (len(got) == 1) != kept {
			t.Errorf("byte %#x becomes %q", b, got)
		}
	}
}

func FuzzPathRoundTrip(f *testing.F) {
	for _, key := range []string{"key", "/", "a//../b", "a%2Fb", "a+b c", "\u2603", "\x00", "\xff", "?&#"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		bucket, got, err := ParsePath(EscapePath("/bucket/" + key))
		switch {
		case strings.Contains(key, "\x00") || !utf8.ValidString(key):
			if !errors.Is(err, ErrInvalidURI) {
				t.Fatalf("key %q: %v", key, err)
			}
		case len(key) > maxKeyBytes:
			if !errors.Is(err, ErrKeyTooLong) {
				t.Fatalf("key of %d bytes: %v", len(key), err)
			}
		case err != nil || bucket != "bucket" || got != key:
			t.Fatalf("key %q: %q, %q, %v", key, bucket, got, err)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, raw := range []string{"/", "/bucket", "/bucket/", "/bucket/k%2f%25", "/%62ucket/..", "//", "/bucket/%zz", "*"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		bucket, key, err := ParsePath(raw)
		if err != nil {
			return
		}
		if bucket == "" {
			if raw != "/" || key != "" {
				t.Fatalf("%q: no bucket, key %q", raw, key)
			}
			return
		}
		b, k, err := ParsePath(EscapePath("/" + bucket + "/" + key))
		if err != nil || b != bucket || k != key {
			t.Fatalf("%q: %q, %q and then %q, %q, %v", raw, bucket, key, b, k, err)
		}
	})
}
