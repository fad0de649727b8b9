package gateway

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

func checksumOf(a s3api.Algorithm, b []byte) string {
	h := a.New()
	h.Write(b)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// sums remembers the checksums of what is uploaded again and again.
type sums map[s3api.Algorithm]map[*byte]string

func (s sums) of(a s3api.Algorithm, b []byte) string {
	if s[a] == nil {
		s[a] = map[*byte]string{}
	}
	if s[a][&b[0]] == "" {
		s[a][&b[0]] = checksumOf(a, b)
	}
	return s[a][&b[0]]
}

// TestMultipartChecksums uploads with every algorithm in every mode and type,
// with and without checksums from the client, and compares what comes out with
// what is computed here.
func TestMultipartChecksums(t *testing.T) {
	oneAtATime(t)
	const size = 100
	body := [][]byte{bytesOf(mib5, 1), bytesOf(size, 2)}
	whole := append(append([]byte{}, body[0]...), body[1]...)
	m := newMultiBench(t, 2, nil)
	known := sums{}
	for _, mode := range testModes {
		for _, a := range append([]s3api.Algorithm{0}, s3api.Algorithms()...) {
			for _, kind := range []s3api.ChecksumType{0, s3api.FullObject, s3api.Composite} {
				if mode.name != "SSE-S3" && a != 0 && a != s3api.SHA256 {
					continue // what the mode makes no difference to
				}
				var header []string
				if a != 0 {
					header = []string{"X-Amz-Checksum-Algorithm", a.String()}
				}
				if kind != 0 {
					header = append(header, "X-Amz-Checksum-Type", kind.String())
				}
				name := fmt.Sprintf("%s-%s-%s", mode.name, header, kind)
				sum, err := s3api.ParseUploadChecksum(headerOf(header))
				r := m.do(http.MethodPost, "/bucket/sums?uploads", nil, append(header, mode.write...)...)
				if err != nil {
					if r.status != 400 || r.code() != "InvalidRequest" {
						t.Errorf("%s: %d %s", name, r.status, r.body)
					}
					continue
				}
				if a != 0 && r.header.Get("X-Amz-Checksum-Algorithm") != a.String() || r.header.Get("X-Amz-Checksum-Type") != sum.Type.String() {
					t.Errorf("%s: begun as %v", name, r.header)
				}
				for _, fromClient := range []bool{false, true} {
					if fromClient && sum.Algorithm > s3api.CRC64NVME && sum.Algorithm != s3api.SHA256 {
						continue // compared with what the client sent by code that all share
					}
					u := m.create("sums", mode, header...)
					checkSums(t, u, name, sum, known, body, whole, fromClient)
				}
			}
		}
	}
}

func headerOf(pairs []string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func checkSums(t *testing.T, u *multiUpload, name string, sum s3api.UploadChecksum, known sums, body [][]byte, whole []byte, fromClient bool) {
	t.Helper()
	client := sum.Algorithm
	if client == 0 {
		client = s3api.CRC32 // the null mode takes any
	}
	var raw []byte
	for i, b := range body {
		var header []string
		if fromClient {
			header = []string{client.Header(), known.of(client, b)}
		}
		r := u.mustPut(i+1, b, header...)
		want := known.of(client, b)
		if sum.Algorithm == 0 && !fromClient {
			want = ""
		}
		if got := r.header.Get(client.Header()); got != want {
			t.Errorf("%s: part %d has %q, not %q", name, i+1, got, want)
		}
		if sum.Type == s3api.Composite {
			value, _ := base64.StdEncoding.DecodeString(want)
			raw = append(raw, value...)
			p := u.listed[i+1]
			p.Checksum = s3api.Checksum{Algorithm: sum.Algorithm, Value: value}
			u.listed[i+1] = p
		}
	}
	shown := sum.PartAlgorithm()
	want, kind := checksumOf(shown, raw)+"-2", "COMPOSITE"
	if sum.Type != s3api.Composite {
		want, kind = known.of(shown, whole), "FULL_OBJECT"
	}
	answered := want
	if sum.Algorithm == 0 && u.mode.name != "SSE-S3" {
		answered = "" // in the KMS modes the answer does not say
		if u.mode.name == "SSE-C" {
			want, kind = "", ""
		}
	}
	r := u.complete(nil)
	if !r.ok() {
		t.Fatalf("%s: %d %s", name, r.status, r.body)
	}
	element := "<" + shown.Element() + ">" + answered + "<"
	if (answered == "") == strings.Contains(string(r.body), "<Checksum") || answered != "" && !strings.Contains(string(r.body), element) {
		t.Errorf("%s: completed as %s, want %s", name, r.body, element)
	}
	get := u.get("X-Amz-Checksum-Mode", "ENABLED")
	if got := get.header.Get(shown.Header()); got != want || get.header.Get("X-Amz-Checksum-Type") != kind {
		t.Errorf("%s: GET says %q, want %q", name, got, want)
	}
	checkPartSums(t, u, name, sum, known, body)
	if u.mode.name != "SSE-S3" {
		return // listings ask nobody for keys
	}
	list := u.m.must(http.MethodGet, "/bucket?list-type=2&max-keys=9&prefix="+u.key, nil)
	element = "<ChecksumAlgorithm>" + shown.String() + "</ChecksumAlgorithm><ChecksumType>" + kind + "</ChecksumType>"
	if !strings.Contains(string(list.body), element) {
		t.Errorf("%s: listed as %s, want %s", name, list.body, element)
	}
}

// checkPartSums reads the parts one by one: those of a composite checksum come
// with their own.
func checkPartSums(t *testing.T, u *multiUpload, name string, sum s3api.UploadChecksum, known sums, body [][]byte) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for i, b := range body {
			want, kind := "", ""
			if sum.Type == s3api.Composite {
				want, kind = known.of(sum.Algorithm, b), "COMPOSITE"
			}
			header := append([]string{"X-Amz-Checksum-Mode", "ENABLED"}, u.mode.access...)
			r := u.m.must(method, fmt.Sprintf("/bucket/%s?partNumber=%d", u.key, i+1), nil, header...)
			got := r.header.Get(sum.PartAlgorithm().Header())
			if got != want || r.header.Get("X-Amz-Checksum-Type") != kind {
				t.Errorf("%s: %s of part %d says %q, want %q", name, method, i+1, got, want)
			}
		}
	}
}

// TestMultipartChecksumErrors goes through what S3 refuses.
func TestMultipartChecksumErrors(t *testing.T) {
	m := newMultiBench(t, 2, nil)
	body := bytesOf(50, 1)
	value := func(a s3api.Algorithm, b []byte) s3api.Checksum {
		h := a.New()
		h.Write(b)
		return s3api.Checksum{Algorithm: a, Value: h.Sum(nil)}
	}
	right, wrong, other := value(s3api.SHA256, body), value(s3api.SHA256, nil), value(s3api.CRC32, body)
	composite := []string{"X-Amz-Checksum-Algorithm", "SHA256"}
	for name, tc := range map[string]struct {
		create, complete []string
		part             s3api.Checksum
		code, message    string
	}{
		"null mode, part checksum":   {part: right, code: "InvalidPart"},
		"null mode, type":            {complete: []string{"X-Amz-Checksum-Type", "FULL_OBJECT"}, code: "InvalidRequest", message: "null checksum mode"},
		"composite, none":            {create: composite, code: "InvalidRequest", message: "was missing for part 1"},
		"composite, wrong":           {create: composite, part: wrong, code: "InvalidPart"},
		"composite, other algorithm": {create: composite, part: other, code: "BadDigest"},
		"composite, other type":      {create: composite, part: right, complete: []string{"X-Amz-Checksum-Type", "FULL_OBJECT"}, code: "InvalidRequest", message: "COMPOSITE checksum mode"},
		"composite, object": {
			create: composite, part: right, code: "BadDigest",
			complete: []string{"X-Amz-Checksum-Sha256", checksumOf(s3api.SHA256, nil)},
		},
		"full object, object": {
			create: []string{"X-Amz-Checksum-Algorithm", "CRC32C", "X-Amz-Checksum-Type", "FULL_OBJECT"}, code: "BadDigest",
			complete: []string{"X-Amz-Checksum-Crc32c", checksumOf(s3api.CRC32C, nil)},
		},
		"size": {complete: []string{"X-Amz-Mp-Object-Size", "51"}, code: "InvalidRequest", message: "does not match what was computed: 50"},
	} {
		u := m.create("errors", testModes[0], tc.create...)
		u.mustPut(1, body)
		parts := u.list()
		parts[0].Checksum = tc.part
		r := u.complete(parts, tc.complete...)
		if e := s3api.ParseError(r.status, r.body); r.status != 400 || e.Code != tc.code || !strings.Contains(e.Message, tc.message) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	u := m.create("parts", testModes[0], composite...)
	for name, tc := range map[string]struct {
		header  []string
		code    string
		message string
	}{
		"other algorithm": {[]string{"X-Amz-Checksum-Crc32", checksumOf(s3api.CRC32, body)}, "InvalidRequest", "expected checksum Type: sha256, actual checksum Type: crc32"},
		"wrong":           {[]string{"X-Amz-Checksum-Sha256", checksumOf(s3api.SHA256, nil)}, "BadDigest", ""},
		"malformed":       {[]string{"X-Amz-Checksum-Sha256", "AAAA"}, "InvalidRequest", ""},
		"MD5":             {[]string{"Content-MD5", contentMD5(nil)}, "BadDigest", ""},
	} {
		for _, body := range [][]byte{body, bytesOf(mib5, 1)} {
			r := u.put(1, body, tc.header...)
			if e := s3api.ParseError(r.status, r.body); name != "other algorithm" && r.ok() || e.Code != tc.code || !strings.Contains(e.Message, tc.message) {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	if r := m.must(http.MethodGet, u.target(""), nil); strings.Contains(string(r.body), "<Part>") {
		t.Errorf("a part that was refused is listed: %s", r.body)
	}
	ok := m.create("consecutive", testModes[0], composite...)
	ok.mustPut(2, body)
	parts := ok.list()
	parts[0].Checksum = right
	if r := ok.complete(parts); r.code() != "InvalidPartOrder" {
		t.Errorf("a gap: %d %s", r.status, r.body)
	}
}

// TestMultipartETag checks which objects have the MD5 of their parts' MD5s for
// an ETag, and that every answer names the same.
func TestMultipartETag(t *testing.T) {
	oneAtATime(t)
	body := [][]byte{bytesOf(mib5, 1), bytesOf(2<<20, 2)}
	for _, policy := range []ETagPolicy{ETagAuto, ETagMD5, ETagOpaque} {
		m := newMultiBench(t, 2, func(c *Config) { c.ETag = policy })
		for _, mode := range testModes {
			if policy == ETagOpaque && mode.name != "SSE-S3" {
				continue // the same in any case
			}
			for _, md5s := range []bool{true, false} {
				u := m.create("etag", mode)
				etags := make([]string, len(body))
				for i, b := range body {
					var header []string
					if md5s {
						header = []string{"Content-MD5", contentMD5(b)}
					}
					u.mustPut(i+1, b, header...)
					etags[i] = hexMD5(b)
					isMD5 := mode.name == "SSE-S3" && (policy == ETagMD5 || policy == ETagAuto && md5s)
					if got := u.listed[i+1].ETag; (got == etags[i]) != isMD5 || !isMD5 && !strings.HasSuffix(got, "-1") {
						t.Errorf("%s, %s, MD5 sent %t: part %d has %s", policy, mode.name, md5s, i+1, got)
					}
				}
				composite, _ := s3api.CompositeETag(etags)
				got := u.mustComplete().ETag
				isComposite := mode.name == "SSE-S3" && (policy == ETagMD5 || policy == ETagAuto && md5s)
				if (got == composite) != isComposite {
					t.Errorf("%s, %s, MD5 sent %t: the object has %s", policy, mode.name, md5s, got)
				}
				for what, r := range map[string]reply{
					"GET":   u.get(),
					"HEAD":  m.do(http.MethodHead, "/bucket/etag", nil, mode.access...),
					"range": u.get("Range", "bytes=5-10"),
					"match": u.get("If-Match", quote(got)),
				} {
					if !r.ok() || r.header.Get("Etag") != quote(got) {
						t.Errorf("%s, %s, MD5 sent %t, %s: %d %s, not %s", policy, mode.name, md5s, what, r.status, r.header.Get("Etag"), got)
					}
				}
				u.check()
			}
		}
	}
}
