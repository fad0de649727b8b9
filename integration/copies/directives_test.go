package copies_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// described are headers of an upload that a copy has too unless it is told
// otherwise, and which others it is told.
var described, replaced = []string{
	"Content-Type", "text/plain", "Cache-Control", "no-store", "Content-Disposition", "inline", "Content-Language", "de",
	"Content-Encoding", "gzip", "Expires", "Thu, 01 Jan 2032 00:00:00 GMT", "X-Amz-Meta-Colour", "blue", "X-Amz-Meta-Both", "source",
}, []string{
	"Content-Type", "text/html", "Cache-Control", "max-age=5", "X-Amz-Meta-Both", "request", "X-Amz-Meta-Shape", "round",
}

// description returns what an answer says of the content, in the form of the
// lists above.
func description(h http.Header) map[string]string {
	out := make(map[string]string)
	for name := range h {
		switch name {
		case "Content-Type", "Cache-Control", "Content-Disposition", "Content-Language", "Content-Encoding", "Expires":
			out[name] = h.Get(name)
		default:
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				out[name] = h.Get(name)
			}
		}
	}
	return out
}

func pairs(list []string) map[string]string {
	m := make(map[string]string)
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

// ways are copies by the store, and through the gateway with a small and a
// large body.
func ways(t *testing.T) []struct {
	name string
	to   mode
	n    int
} {
	return []struct {
		name string
		to   mode
		n    int
	}{
		{"stored", modeNamed(t, "SSE-KMS a"), 100},
		{"buffered", modeNamed(t, "DSSE-KMS"), 100},
		{"streamed", modeNamed(t, "DSSE-KMS"), 2 << 20},
	}
}

func TestMetadataDirective(t *testing.T) {
	e := start(t, nil)
	for _, way := range ways(t) {
		e.Put(t, e.bucket, "source", plain(way.n), append(slices.Clone(described), "X-Amz-Website-Redirect-Location", "/elsewhere")...)
		for _, tt := range []struct {
			name string
			ask  []string
			want map[string]string
		}{
			{"none", replaced, pairs(described)},
			{"COPY", append([]string{"X-Amz-Metadata-Directive", "COPY"}, replaced...), pairs(described)},
			{"REPLACE", append([]string{"X-Amz-Metadata-Directive", "REPLACE"}, replaced...), pairs(replaced)},
			{"REPLACE by nothing", []string{"X-Amz-Metadata-Directive", "REPLACE"}, map[string]string{"Content-Type": "binary/octet-stream"}},
		} {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("source"), append(tt.ask, way.to.write...)...))
				a := e.Get(t, e.bucket, "copy")
				if a.Status != http.StatusOK || !bytes.Equal(a.Body, plain(way.n)) {
					t.Fatalf("status %d, %d bytes", a.Status, len(a.Body))
				}
				if diff := cmp.Diff(tt.want, description(a.Header)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if at := a.Header.Get("X-Amz-Website-Redirect-Location"); at != "" {
					t.Errorf("the redirect came along: %s", at)
				}
			})
		}
		t.Run(way.name+"/redirect", func(t *testing.T) {
			e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("source"), append(way.to.write, "X-Amz-Website-Redirect-Location", "/here")...))
			if at := e.Head(t, e.bucket, "copy").Header.Get("X-Amz-Website-Redirect-Location"); at != "/here" {
				t.Errorf("redirect %q", at)
			}
		})
	}
	a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), "X-Amz-Metadata-Directive", "MOVE"))
	if a.Status != http.StatusBadRequest || a.Code() != "InvalidArgument" {
		t.Errorf("an unknown directive: %d %s", a.Status, a.Code())
	}
	a = e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-S3sse", "forged"))
	if a.Status != http.StatusBadRequest {
		t.Errorf("private metadata: %d %s", a.Status, a.Code())
	}
}

func TestTaggingDirective(t *testing.T) {
	e := start(t, nil)
	const source = "one=1&two%20words=a%2Bb%3D%3A"
	for _, way := range ways(t) {
		e.Put(t, e.bucket, "source", plain(way.n), "X-Amz-Tagging", source)
		e.Put(t, e.bucket, "untagged", plain(way.n))
		original := e.tagging(t, "source")
		for _, tt := range []struct {
			name, from string
			ask        []string
			want       string
		}{
			{"none", "source", []string{"X-Amz-Tagging", "three=3"}, original},
			{"COPY", "source", []string{"X-Amz-Tagging-Directive", "COPY"}, original},
			{"REPLACE", "source", []string{"X-Amz-Tagging-Directive", "REPLACE", "X-Amz-Tagging", "three=3"}, "<Tag><Key>three</Key><Value>3</Value></Tag>"},
			{"REPLACE by nothing", "source", []string{"X-Amz-Tagging-Directive", "REPLACE"}, ""},
			{"no tags", "untagged", nil, ""},
		} {
			e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name(tt.from), append(tt.ask, way.to.write...)...))
			if got := e.tagging(t, "copy"); got != tt.want {
				t.Errorf("%s, %s: %s, want %s", way.name, tt.name, got, tt.want)
			}
		}
	}
}

// tagging returns the elements of an object's tags.
func (e *endpoint) tagging(t *testing.T, key string) string {
	t.Helper()
	doc := string(e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, key, "tagging=")}).Body)
	_, tags, _ := strings.Cut(doc, "<TagSet>")
	tags, _, _ = strings.Cut(tags, "</TagSet>")
	return tags
}
