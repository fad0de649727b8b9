package objects_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

func md5Of(b []byte) (hexETag, contentMD5 string) {
	sum := md5.Sum(b)
	return `"` + hex.EncodeToString(sum[:]) + `"`, base64.StdEncoding.EncodeToString(sum[:])
}

var opaque = regexp.MustCompile(`^"[0-9a-f]{32}-1"$`)

// etags checks that every answer names the same ETag, and which one.
func etags(policy string, e *endpoint) func(*testing.T) {
	return func(t *testing.T) {
		for _, tc := range []struct {
			key    string
			size   int
			md5    bool // the client sends Content-MD5
			isMD5  bool
			inFoot bool // only the footer knows the ETag
		}{
			{"small", 1000, false, policy != "opaque", false},
			{"small-md5", 1000, true, policy != "opaque", false},
			{"limit", buffered - 1, false, policy != "opaque", false},
			{"streamed", buffered, false, policy == "md5", policy == "md5"},
			{"streamed-md5", buffered + 1, true, policy != "opaque", false},
		} {
			body := plain(tc.size)
			want, contentMD5 := md5Of(body)
			h := headers()
			if tc.md5 {
				h = headers("Content-Md5", contentMD5)
			}
			key := "etag-" + policy + "/" + tc.key
			put := e.expect(t, http.StatusOK, request{method: http.MethodPut, key: key, body: body, mode: sigv4.PayloadUnsigned, header: h})
			etag := put.header.Get("Etag")
			if tc.isMD5 != (etag == want) || !tc.isMD5 && !opaque.MatchString(etag) {
				t.Errorf("%s: ETag %s, the MD5 is %s", tc.key, etag, want)
			}

			// What only the footer knows costs one request more, once.
			for i, methods := range [][]string{{"HEAD", "GET"}, {"HEAD"}} {
				if !tc.inFoot {
					methods = []string{"HEAD"}
				}
				e.proxy.Reset()
				head := e.head(t, http.StatusOK, key)
				var got []string
				for _, x := range e.proxy.Exchanges() {
					got = append(got, x.Method)
				}
				if diff := cmp.Diff(methods, got); diff != "" {
					t.Errorf("%s, HEAD %d: requests (-want +got):\n%s", tc.key, i, diff)
				}
				if head.header.Get("Etag") != etag {
					t.Errorf("%s: ETag %s on HEAD, %s on PUT", tc.key, head.header.Get("Etag"), etag)
				}
			}
			if got := e.get(t, http.StatusOK, key).header.Get("Etag"); got != etag {
				t.Errorf("%s: ETag %s on GET, %s on PUT", tc.key, got, etag)
			}
			if got := e.get(t, http.StatusPartialContent, key, "Range", "bytes=3-5").header.Get("Etag"); got != etag {
				t.Errorf("%s: ETag %s on a range, %s on PUT", tc.key, got, etag)
			}
			for _, query := range []string{"", "list-type=2", "versions"} {
				sep := "&"
				if query == "" {
					sep = ""
				}
				got := e.list(t, query+sep+"prefix="+key)
				var entry listed
				for _, x := range got {
					if x.Key == key {
						entry = x
					}
				}
				if diff := cmp.Diff(listed{Key: key, Size: int64(tc.size), ETag: etag}, entry); diff != "" {
					t.Errorf("%s, listed by %q (-want +got):\n%s", tc.key, query, diff)
				}
			}
		}
	}
}

// listed is an entry of a listing.
type listed struct {
	Key  string
	Size int64
	ETag string
}

func (e *endpoint) list(t *testing.T, query string) []listed {
	t.Helper()
	a := e.expect(t, http.StatusOK, request{method: http.MethodGet, query: query})
	var doc struct{ Contents, Version []listed }
	if err := xml.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	return append(doc.Contents, doc.Version...)
}

func testETagAuto(t *testing.T, e *endpoint) { etags("auto", e)(t) }

// TestETagPolicies changes the policy under the objects of a site. Whatever
// the policy, all answers agree.
func TestETagPolicies(t *testing.T) {
	each(t, site.Options{Handler: "etag md5"}, func(t *testing.T, e *endpoint) {
		t.Run("md5", etags("md5", e))
		e.reload(t, site.Options{Handler: "etag opaque"})
		t.Run("opaque", etags("opaque", e))
		for _, x := range e.list(t, "list-type=2") {
			if got := e.head(t, http.StatusOK, x.Key).header.Get("Etag"); got != x.ETag || !opaque.MatchString(got) {
				t.Errorf("%s: ETag %s, listed with %s", x.Key, got, x.ETag)
			}
		}
	})
}
