package metadata

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

func TestPrivate(t *testing.T) {
	private := []string{
		Header, "x-amz-meta-s3sse", "X-AMZ-META-S3SSE", "x-amz-meta-S3sse-more", "x-amz-meta-s3sse-",
		"X-Amz-Meta-Snowball-Auto-Extract", "x-amz-meta-snowball-", "x-amz-meta-snowball", "x-amz-meta-minio-snowball-prefix", "X-Amz-Meta-Minio-X",
	}
	public := []string{
		"", "x", "s3sse", "x-amz-meta-", "x-amz-meta-s3ss", "x-amz-meta-s3sse2", "x-amz-meta-s3sse_x", "x-amz-meta-my-s3sse",
		"x-amz-meta-snowballs", "x-amz-meta-miniobucket", "x-amz-metas3sse", "x-amz-s3sse", "x-amz-meta_s3sse", "Content-Type",
	}
	for _, name := range private {
		if !Private(name) {
			t.Errorf("%q is not private", name)
		}
	}
	for _, name := range public {
		if Private(name) {
			t.Errorf("%q is private", name)
		}
	}
}

func TestCheckUserMetadata(t *testing.T) {
	// 6 bytes of names ("abc", "def"), the rest values.
	sized := func(n int) http.Header {
		return http.Header{
			"X-Amz-Meta-Abc": {strings.Repeat("v", n-106)},
			"x-amz-meta-def": {strings.Repeat("w", 100)},
			"Content-Type":   {strings.Repeat("not metadata", 1000)},
		}
	}
	for n := MaxUserMetadata - 2; n <= MaxUserMetadata; n++ {
		if err := CheckUserMetadata(sized(n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	err := CheckUserMetadata(sized(MaxUserMetadata + 1))
	var e *s3api.Error
	if !errors.As(err, &e) {
		t.Fatalf("2049 bytes: %v", err)
	}
	want := s3api.ErrMetadataTooLarge.With("Size", "2049").With("MaxSizeAllowed", "2048")
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}

	// Two values of one name are one value with a comma.
	twice := http.Header{"X-Amz-Meta-A": {strings.Repeat("v", 1000), strings.Repeat("v", 1046)}}
	if err := CheckUserMetadata(twice); err != nil {
		t.Errorf("2048 bytes in two values: %v", err)
	}
	twice["X-Amz-Meta-A"][0] += "v"
	if err := CheckUserMetadata(twice); !errors.Is(err, s3api.ErrMetadataTooLarge) {
		t.Errorf("2049 bytes in two values: %v", err)
	}

	for _, name := range []string{Header, "x-amz-meta-s3sse", "x-amz-meta-S3SSE-x", "x-amz-meta-snowball-auto-extract", "X-Amz-Meta-Minio-Snowball-Prefix"} {
		err := CheckUserMetadata(http.Header{name: {"x"}})
		want := failure{"InvalidArgument", strings.ToLower(name), "absent", "This metadata name is reserved."}
		if diff := cmp.Diff(want, failureOf(t, err), cmp.AllowUnexported(failure{})); diff != "" {
			t.Error(diff)
		}
	}
	if err := CheckUserMetadata(nil); err != nil {
		t.Error(err)
	}
}

func TestStripPrivate(t *testing.T) {
	h := http.Header{
		Header: {"x"}, "x-amz-meta-s3sse-more": {"x"}, "X-Amz-Meta-Minio-X": {"x"},
		"X-Amz-Meta-Mine": {"x"}, "Etag": {"x"},
	}
	StripPrivate(h)
	if diff := cmp.Diff(http.Header{"X-Amz-Meta-Mine": {"x"}, "Etag": {"x"}}, h); diff != "" {
		t.Error(diff)
	}
}
