package s3api

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParseCopySource(t *testing.T) {
	long := strings.Repeat("k", 1024)
	for _, tt := range []struct {
		value string
		want  CopySource
	}{
		{"bucket/key", CopySource{"bucket", "key", ""}},
		{"/bucket/key", CopySource{"bucket", "key", ""}},
		{"/bucket/a/b//c/", CopySource{"bucket", "a/b//c/", ""}},
		{"bucket//key", CopySource{"bucket", "/key", ""}},
		{"bucket/..", CopySource{"bucket", "..", ""}},
		{"bucket/key?versionId=v1", CopySource{"bucket", "key", "v1"}},
		{"/bucket/key?versionId=null", CopySource{"bucket", "key", "null"}},
		{"bucket/key?versionId=a%2Bb%3D", CopySource{"bucket", "key", "a+b="}},
		{"bucket/a%20b+c%2Bd%2Fe", CopySource{"bucket", "a b c+d/e", ""}},
		{"%2Fbucket%2Fa%2Fb", CopySource{"bucket", "a/b", ""}},
		{"bucket%2Fkey?versionId=v", CopySource{"bucket", "key", "v"}},
		{"bucket/%252F", CopySource{"bucket", "%2F", ""}},
		{"bucket/a%3FversionId=b", CopySource{"bucket", "a?versionId=b", ""}},
		{"bucket/%E2%82%AC", CopySource{"bucket", "€", ""}},
		{"bucket/€", CopySource{"bucket", "€", ""}},
		{"bucket/%01", CopySource{"bucket", "\x01", ""}},
		{"bucket/" + long, CopySource{"bucket", long, ""}},
	} {
		got, err := ParseCopySource(header("x-amz-copy-source", tt.value))
		if err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v", tt.value, got, err)
		}
	}
	for _, value := range []string{
		"", "/", "bucket", "/bucket", "bucket/", "/bucket/", "//key", "Bucket/key", "b/k", "minio/key", "a..b/key",
		"arn:aws:s3:us-east-1:1:accesspoint/p/object/key",
		"bucket/%", "bucket/%4", "bucket/%zz", "bucket/%FF", "bucket/\xff", "bucket/%00", "bucket/" + long + "k",
		"bucket/key?", "bucket/key?version=1", "bucket/key?versionId", "bucket/key?versionId=", "bucket/key?versionId=%", "bucket/a?b",
	} {
		got, err := ParseCopySource(header("x-amz-copy-source", value))
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %+v, %v", value, got, err)
		}
	}
	for _, h := range []http.Header{{}, header("x-amz-copy-source", "bucket/key", "x-amz-copy-source", "bucket/key")} {
		if _, err := ParseCopySource(h); !errors.Is(err, ErrCopySourceInvalid) {
			t.Errorf("%v: %v", h, err)
		}
	}
}

func TestCopySourceRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Filter(func(s string) bool {
			return utf8.ValidString(s) && len(s) <= 1000 && !strings.Contains(s, "\x00")
		})
		want := CopySource{"bucket", "k" + text.Draw(t, "key"), text.Draw(t, "version")}
		got, err := ParseCopySource(header("x-amz-copy-source", want.String()))
		if err != nil || got != want {
			t.Fatalf("%s: %+v, %v", want, got, err)
		}
	})
}

func FuzzParseCopySource(f *testing.F) {
	for _, s := range []string{"/bucket/key", "bucket%2Fa+b%2B?versionId=v", "bucket/\xff", "?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := ParseCopySource(header("x-amz-copy-source", value))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if !ValidBucketName(s.Bucket) || s.Key == "" || len(s.Key) > maxKeyBytes || !utf8.ValidString(s.Key) {
			t.Fatalf("%q: %+v", value, s)
		}
		// The same as the path of a request, except for the plus sign.
		if _, key, err := ParsePath("/" + s.Bucket + "/" + EscapePath(s.Key)); err != nil || key != s.Key {
			t.Fatalf("%q: %q, %v", value, key, err)
		}
		again, err := ParseCopySource(header("x-amz-copy-source", s.String()))
		if err != nil || again != s {
			t.Fatalf("%q: %+v becomes %+v, %v", value, s, again, err)
		}
	})
}

func TestCheckSelf(t *testing.T) {
	s := CopySource{"b", "k", ""}
	for _, tt := range []struct {
		source      CopySource
		bucket, key string
		changes     bool
		ok          bool
	}{
		{s, "b", "k", false, false},
		{s, "b", "k", true, true},
		{s, "b", "l", false, true},
		{s, "c", "k", false, true},
		{CopySource{"b", "k", "v"}, "b", "k", false, true},
	} {
		if err := tt.source.CheckSelf(tt.bucket, tt.key, tt.changes); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrInvalidRequest) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	for size, ok := range map[int64]bool{0: true, MaxPartSize: true, MaxPartSize + 1: false, math.MaxInt64: false} {
		if err := CheckCopySize(size); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestCopyRange(t *testing.T) {
	const size = 100
	for _, tt := range []struct {
		value  string
		off, n int64
		want   string
	}{
		{"bytes=0-99", 0, 100, ""},
		{"bytes=0-0", 0, 1, ""},
		{"bytes=99-99", 99, 1, ""},
		{"bytes=10-19", 10, 10, ""},
		{"bytes=0-100", 0, 0, "InvalidArgument: Range specified is not valid for source object of size: 100"},
		{"bytes=100-100", 0, 0, "InvalidArgument: Range specified is not valid for source object of size: 100"},
		{"bytes=0-99999999999999999999", 0, 0, "InvalidArgument: Range specified is not valid for source object of size: 100"},
		{"bytes=0-", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes=-5", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes=5", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes=5-4", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes=0-1,3-4", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes= 0-1", 0, 0, ErrCopyRangeInvalid.Error()},
		{"bytes=+0-1", 0, 0, ErrCopyRangeInvalid.Error()},
		{"Bytes=0-1", 0, 0, ErrCopyRangeInvalid.Error()},
		{"0-1", 0, 0, ErrCopyRangeInvalid.Error()},
		{"", 0, 0, ErrCopyRangeInvalid.Error()},
	} {
		r, ok, err := ParseCopyRange(header("x-amz-copy-source-range", tt.value))
		var off, n int64
		if err == nil {
			off, n, err = r.ResolveCopy(size)
		}
		if off != tt.off || n != tt.n || message(err) != tt.want || ok != (tt.want != ErrCopyRangeInvalid.Error()) {
			t.Errorf("%q: %d, %d, %v, %v", tt.value, off, n, ok, err)
		}
	}
	if _, ok, err := ParseCopyRange(http.Header{}); ok || err != nil {
		t.Errorf("no header: %v, %v", ok, err)
	}
	if _, _, err := ParseCopyRange(header("x-amz-copy-source-range", "bytes=0-1", "x-amz-copy-source-range", "bytes=0-1")); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("two headers: %v", err)
	}
}

func TestParseCopyDirectives(t *testing.T) {
	for _, tt := range []struct {
		pairs []string
		want  CopyDirectives
		err   string
	}{
		{nil, CopyDirectives{}, ""},
		{[]string{"x-amz-metadata-directive", "COPY", "x-amz-tagging-directive", "COPY"}, CopyDirectives{}, ""},
		{[]string{"x-amz-metadata-directive", "REPLACE"}, CopyDirectives{ReplaceMetadata: true}, ""},
		{[]string{"x-amz-tagging-directive", "REPLACE", "x-amz-checksum-algorithm", "SHA256"}, CopyDirectives{ReplaceTags: true, Checksum: SHA256}, ""},
		{[]string{"x-amz-metadata-directive", "replace"}, CopyDirectives{}, "InvalidArgument: Unknown metadata directive."},
		{[]string{"x-amz-metadata-directive", ""}, CopyDirectives{}, "InvalidArgument: Unknown metadata directive."},
		{[]string{"x-amz-metadata-directive", "COPY", "x-amz-metadata-directive", "REPLACE"}, CopyDirectives{}, "InvalidArgument: Unknown metadata directive."},
		{[]string{"x-amz-tagging-directive", "MERGE"}, CopyDirectives{}, "InvalidArgument: Unknown tagging directive."},
		{[]string{"x-amz-checksum-algorithm", "CRC16"}, CopyDirectives{}, errUnsupportedAlgorithm().Error()},
	} {
		got, err := ParseCopyDirectives(header(tt.pairs...))
		if got != tt.want || message(err) != tt.err {
			t.Errorf("%v: %+v, %v", tt.pairs, got, err)
		}
	}
}

func TestCopyConditions(t *testing.T) {
	const etag = "d41d8cd98f00b204e9800998ecf8427e"
	modified := time.Date(2026, 3, 4, 5, 6, 7, 5e8, time.UTC)
	at := func(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }
	before, same, after := at(-time.Hour), at(0), at(time.Hour)
	for _, tt := range []struct {
		pairs []string
		want  string // the condition that fails
	}{
		{nil, ""},
		{[]string{"if-match", etag}, ""},
		{[]string{"if-match", `"` + etag + `"`}, ""},
		{[]string{"if-match", "*"}, ""},
		{[]string{"if-match", "other"}, "x-amz-copy-source-If-Match"},
		{[]string{"if-none-match", "other"}, ""},
		{[]string{"if-none-match", etag}, "x-amz-copy-source-If-None-Match"},
		{[]string{"if-none-match", "*"}, "x-amz-copy-source-If-None-Match"},
		{[]string{"if-modified-since", before}, ""},
		{[]string{"if-modified-since", same}, "x-amz-copy-source-If-Modified-Since"},
		{[]string{"if-modified-since", after}, "x-amz-copy-source-If-Modified-Since"},
		{[]string{"if-unmodified-since", before}, "x-amz-copy-source-If-Unmodified-Since"},
		{[]string{"if-unmodified-since", same}, ""},
		{[]string{"if-unmodified-since", after}, ""},
		// The combinations that the API reference spells out.
		{[]string{"if-match", etag, "if-unmodified-since", before}, ""},
		{[]string{"if-none-match", etag, "if-modified-since", before}, "x-amz-copy-source-If-None-Match"},
		{[]string{"if-match", "other", "if-unmodified-since", after}, "x-amz-copy-source-If-Match"},
		{[]string{"if-match", etag, "if-none-match", etag}, "x-amz-copy-source-If-None-Match"},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.pairs); i += 2 {
			h.Add("x-amz-copy-source-"+tt.pairs[i], tt.pairs[i+1])
		}
		// The conditions on the destination are none of the source's.
		h.Set("If-Match", "destination")
		c, err := ParseCopyConditions(h)
		if err != nil || c.IsZero() != (tt.pairs == nil) {
			t.Errorf("%v: %v, %v", tt.pairs, c, err)
			continue
		}
		err = c.Check(etag, modified)
		e, _ := errors.AsType[*Error](err)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrPreconditionFailed) || e.Field("Condition") != tt.want) {
			t.Errorf("%v: %+v", tt.pairs, err)
		}
	}
	for _, name := range []string{"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"} {
		for _, value := range []string{"", " ", ","} {
			if _, err := ParseCopyConditions(header("x-amz-copy-source-"+name, value)); !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("%s %q: %v", name, value, err)
			}
		}
	}
	for _, value := range []string{"yesterday", "2026-03-04T05:06:07Z"} {
		if _, err := ParseCopyConditions(header("x-amz-copy-source-if-modified-since", value)); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
