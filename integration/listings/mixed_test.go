package listings_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/local"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/webform"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const mib5 = 5 << 20

// customer are the headers of a customer key.
var customer = func() []string {
	key := []byte("thirty-two bytes for the tests..")
	sum := md5.Sum(key)
	return []string{
		"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key", base64.StdEncoding.EncodeToString(key),
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5", base64.StdEncoding.EncodeToString(sum[:]),
	}
}()

// modes are the headers that ask for each.
var modes = map[string][]string{
	"sse-s3":   {"X-Amz-Server-Side-Encryption", "AES256"},
	"sse-kms":  {"X-Amz-Server-Side-Encryption", "aws:kms"},
	"dsse-kms": {"X-Amz-Server-Side-Encryption", "aws:kms:dsse", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", local.KeyB},
	"sse-c":    customer,
}

// mixed is a bucket of objects of all kinds.
type mixed struct {
	*endpoint
	gateway *local.Gateway
}

// inParts are the versions with SSE-S3 that were uploaded in parts: their ETag
// is in their footer, which listings read once.
const inParts = 3

// newMixed fills a bucket.
func newMixed(t *testing.T) *mixed {
	t.Helper()
	g := local.Start(t, store.MinIO(t), func(c *gateway.Config) { c.PlaintextReads = []string{"*"} })
	m := &mixed{gateway: g, endpoint: &endpoint{Client: g.Client, store: g.Store, proxy: g.Proxy, bucket: g.Bucket}}
	large := bytes.Repeat([]byte("0123456789abcdef"), 2*mib5/16)

	m.store.Write(t, m.bucket, "legacy/small", large[:1052], nil)
	m.store.Write(t, m.bucket, "legacy/empty", nil, nil)
	m.store.Write(t, m.bucket, "legacy/metadata", large[:streamed], map[string]string{"A": "b"})
	_, err := m.store.Client().PutObject(t.Context(), m.bucket, "legacy/in parts", bytes.NewReader(large), mib5+17, minio.PutObjectOptions{PartSize: mib5})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.store.Client().EnableVersioning(t.Context(), m.bucket); err != nil {
		t.Fatal(err)
	}
	for name, header := range modes {
		for _, n := range []int{0, 1000, 65536, streamed} {
			m.Put(t, m.bucket, fmt.Sprintf("%s/%d", name, n), large[:n], header...)
		}
		m.Put(t, m.bucket, name+"/with md5", large[:streamed], append([]string{"Content-Md5", wire.MD5(large[:streamed])}, header...)...)
		m.upload(t, name+"/in parts", header, large[:mib5], large[:mib5+1], large[:12])
		m.Put(t, m.bucket, name+"/again", large[:streamed], header...)
		m.upload(t, name+"/again", header, large[:mib5], nil)
		m.Put(t, m.bucket, name+"/again", large[:7], header...)
	}
	for name, header := range modes {
		m.copy(t, "legacy/small", "copies/of legacy, "+name, header)
		m.copy(t, "sse-s3/in parts", "copies/in parts, "+name, header)
	}
	m.copy(t, "sse-s3/1000", "copies/plain", nil)
	for _, key := range []string{"sse-s3/1000", "legacy/empty", "sse-c/0"} {
		m.Expect(t, http.StatusNoContent, wire.Request{Method: "DELETE", Target: wire.Target(m.bucket, key, "")})
	}
	for _, key := range append(slices.Clone(odd), control...) {
		if len(key) < 1024 {
			key = "odd/" + key
		}
		m.Put(t, m.bucket, key, []byte(key))
	}
	f := webform.New("key", "form")
	f.File = large[:mib5+70000]
	f.Sign(t, webform.Key{AccessKey: local.AccessKey, SecretKey: local.SecretKey}, m.bucket)
	contentType, body := f.Encode()
	m.Expect(t, http.StatusNoContent, wire.Request{Method: "POST", Target: "/" + m.bucket, Anonymous: true, Header: wire.Header("Content-Type", contentType), Body: body})
	return m
}

// begin begins an upload in parts.
func (m *mixed) begin(t *testing.T, key string, header []string) (id string) {
	t.Helper()
	a := m.Expect(t, http.StatusOK, wire.Request{Method: "POST", Target: wire.Target(m.bucket, key, "uploads"), Header: wire.Header(header...)})
	up, err := s3api.ParseCreateUploadResult(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return up.UploadID
}

// part uploads a part and returns its ETag.
func (m *mixed) part(t *testing.T, key, id string, number int, body []byte, header []string) string {
	t.Helper()
	if header[0] != customer[0] {
		header = nil
	}
	return m.Expect(t, http.StatusOK, wire.Request{
		Method: "PUT", Target: wire.Target(m.bucket, key, fmt.Sprintf("partNumber=%d&uploadId=%s", number, id)), Header: wire.Header(header...), Body: body,
	}).Header.Get("Etag")
}

// upload stores an object in parts.
func (m *mixed) upload(t *testing.T, key string, header []string, parts ...[]byte) {
	t.Helper()
	id := m.begin(t, key, header)
	var doc strings.Builder
	doc.WriteString("<CompleteMultipartUpload>")
	for i, body := range parts {
		fmt.Fprintf(&doc, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, m.part(t, key, id, i+1, body, header))
	}
	doc.WriteString("</CompleteMultipartUpload>")
	m.Expect(t, http.StatusOK, wire.Request{Method: "POST", Target: wire.Target(m.bucket, key, "uploadId="+id), Body: []byte(doc.String())})
}

func (m *mixed) copy(t *testing.T, from, to string, header []string) {
	t.Helper()
	h := wire.Header(header...)
	h.Set("X-Amz-Copy-Source", s3api.EscapePath(m.bucket+"/"+from))
	m.Expect(t, http.StatusOK, wire.Request{Method: "PUT", Target: wire.Target(m.bucket, to, ""), Header: h})
}

// said is what one way of asking says of an object.
type said struct {
	Size int64
	ETag string
}

// checkSaid compares a listed object with what HEAD, GET and
// GetObjectAttributes say of it.
func (m *mixed) checkSaid(t *testing.T, key, version string, listed said) {
	t.Helper()
	query, attributes := "", "attributes"
	if version != "" {
		query = "versionId=" + version
		attributes += "&" + query
	}
	header := wire.Header()
	head := m.Do(t, wire.Request{Method: "HEAD", Target: wire.Target(m.bucket, key, query)})
	if head.Status == http.StatusBadRequest {
		header = wire.Header(customer...)
		head = m.Do(t, wire.Request{Method: "HEAD", Target: wire.Target(m.bucket, key, query), Header: header})
	}
	get := m.Do(t, wire.Request{Method: "GET", Target: wire.Target(m.bucket, key, query), Header: header})
	header = header.Clone()
	header.Set("X-Amz-Object-Attributes", "ObjectSize,ETag")
	about := m.Do(t, wire.Request{Method: "GET", Target: wire.Target(m.bucket, key, attributes), Header: header})
	var doc struct {
		ObjectSize int64
		ETag       string
	}
	if err := xml.Unmarshal(about.Body, &doc); err != nil {
		t.Errorf("%q %s: attributes: %d %s %v", key, version, about.Status, about.Body, err)
	}
	want := map[string]said{"listing": listed, "HEAD": listed, "GET": listed, "GetObjectAttributes": listed}
	got := map[string]said{
		"listing":             listed,
		"HEAD":                {head.Length, head.Header.Get("Etag")},
		"GET":                 {int64(len(get.Body)), get.Header.Get("Etag")},
		"GetObjectAttributes": {doc.ObjectSize, `"` + doc.ETag + `"`},
	}
	if !maps.Equal(want, got) || head.Status != http.StatusOK || get.Status != http.StatusOK {
		t.Errorf("%q %s: %s", key, version, cmp.Diff(want, got))
	}
}

// TestMixed lists a bucket with objects of every kind: sizes and ETags are
// those that every other way of asking gives, at the cost that is promised.
func TestMixed(t *testing.T) {
	m := newMixed(t)
	calls := m.gateway.Keys.TotalCalls()

	// Nothing of the bucket has been listed or read yet.
	all := make(map[string]*listing)
	for i, kind := range []string{"versions", "v2", "v1", "versions", "v2", "v1"} {
		m.proxy.Reset()
		l := m.list(t, kind, "encoding-type", "url")
		lists, footers := 0, 0
		for _, line := range m.proxy.Lines() {
			switch {
			case strings.HasPrefix(line, "GET /"+m.bucket+"?"), strings.HasPrefix(line, "GET /"+m.bucket+"/?"):
				lists++
			case strings.HasPrefix(line, "GET /"+m.bucket+"/"):
				footers++
			default:
				t.Errorf("%s: the store got %s", kind, line)
			}
		}
		most := 0
		if i == 0 {
			most = inParts
		}
		if lists != 1 || footers > most || footers == 0 && most > 0 {
			t.Errorf("%s, listing %d: %d listings of the store and %d footers, want 1 and at most %d", kind, i, lists, footers, most)
		}
		all[kind] = l
	}
	if got := m.gateway.Keys.TotalCalls(); got != calls {
		t.Errorf("%d calls of the key service for listings", got-calls)
	}
	if n := len(all["versions"].Version); n < 60 || len(all["versions"].DeleteMarker) != 3 || len(all["v1"].Contents) != len(all["v2"].Contents) {
		t.Fatalf("%d versions, %d delete markers, %d and %d objects", n, len(all["versions"].DeleteMarker), len(all["v1"].Contents), len(all["v2"].Contents))
	}

	versions := make(map[string]said)
	for _, x := range all["versions"].Version {
		key, s := all["versions"].decoded(t, x.Key), said{*x.Size, x.ETag}
		versions[key+"\x00"+x.VersionID] = s
		if x.IsLatest {
			versions[key] = s
		}
		m.checkSaid(t, key, x.VersionID, s)
	}
	for _, kind := range []string{"v1", "v2"} {
		for _, x := range all[kind].Contents {
			key := all[kind].decoded(t, x.Key)
			if got := (said{*x.Size, x.ETag}); got != versions[key] {
				t.Errorf("%s: %q is %v, its version %v", kind, key, got, versions[key])
			}
		}
	}
	m.checkSaid(t, "sse-kms/again", "", versions["sse-kms/again"])

	m.checkPieces(t, versions)
	m.checkParts(t)
}

// checkPieces lists by prefix and delimiter, page by page and with both
// encodings: every entry is what it is in the whole.
func (m *mixed) checkPieces(t *testing.T, versions map[string]said) {
	t.Helper()
	for kind := range kinds {
		for _, params := range [][]string{
			{"prefix", "copies/"},
			{"delimiter", "/"},
			{"prefix", "odd/", "delimiter", "/", "encoding-type", "url"},
			{"max-keys", "7", "encoding-type", "url"},
			{"prefix", "sse-", "max-keys", "3"},
			{"prefix", "odd/", "delimiter", "+", "max-keys", "2", "encoding-type", "url"},
		} {
			next := slices.Clone(params)
			entries := 0
			for range 200 {
				l := m.list(t, kind, next...)
				for _, x := range l.entries() {
					entries++
					if x.marker() {
						continue
					}
					key := l.decoded(t, x.Key)
					id := key
					if kind == "versions" {
						id += "\x00" + x.VersionID
					}
					if got := (said{*x.Size, x.ETag}); got != versions[id] {
						t.Errorf("%s %q: %q %s is %v, want %v", kind, params, key, x.VersionID, got, versions[id])
					}
				}
				entries += len(l.CommonPrefixes)
				if !l.IsTruncated {
					break
				}
				next = append(slices.Clone(params), m.next(t, kind, l)...)
			}
			if entries < 5 {
				t.Errorf("%s %q: %d entries", kind, params, entries)
			}
		}
	}
}

// checkParts lists the parts of uploads in progress.
func (m *mixed) checkParts(t *testing.T) {
	t.Helper()
	for name, header := range modes {
		key := "unfinished/" + name
		id := m.begin(t, key, header)
		want := make(map[string]said)
		for number, size := range map[int]int{1: mib5, 2: 100, 3: mib5 + 65537, 10000: 0} {
			want[strconv.Itoa(number)] = said{int64(size), m.part(t, key, id, number, bytes.Repeat([]byte("p"), size), header)}
		}
		h := wire.Header()
		if name == "sse-c" {
			h = wire.Header(customer...)
		}
		got := make(map[string]said)
		marker := ""
		for range 3 {
			var l struct {
				IsTruncated          bool
				NextPartNumberMarker string
				Part                 []struct {
					PartNumber, ETag string
					Size             int64
				}
			}
			a := m.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: wire.Target(m.bucket, key, "max-parts=3&uploadId="+id+marker), Header: h})
			if err := xml.Unmarshal(a.Body, &l); err != nil {
				t.Fatal(err)
			}
			for _, p := range l.Part {
				got[p.PartNumber] = said{p.Size, p.ETag}
			}
			if !l.IsTruncated {
				break
			}
			marker = "&part-number-marker=" + l.NextPartNumberMarker
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: parts (-want +got):\n%s", name, diff)
		}
		m.Expect(t, http.StatusNoContent, wire.Request{Method: "DELETE", Target: wire.Target(m.bucket, key, "uploadId="+id)})
	}
}
