// Package listings_test lists and deletes through Caddy in front of real
// stores, and compares with what reading says of every object.
package listings_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// endpoint is a site under test with its client, a recording proxy between
// site and store, and a bucket of its own.
type endpoint struct {
	*wire.Client
	site   *site.Site
	store  *store.Store
	proxy  *store.Proxy
	bucket string
}

// start runs a site with a new bucket.
func start(t *testing.T, s *store.Store, o site.Options) *endpoint {
	t.Helper()
	e := &endpoint{store: s, proxy: store.NewProxy(t, s.URL), bucket: s.Bucket(t)}
	o.Upstream = e.proxy.URL
	e.site = site.Start(t, s, o)
	e.Client = wire.New(t, e.site.URL, site.AccessKey, site.SecretKey)
	return e
}

// each runs test against a site in front of every store.
func each(t *testing.T, o site.Options, test func(t *testing.T, e *endpoint)) {
	t.Helper()
	store.Each(t, func(t *testing.T, s *store.Store) { test(t, start(t, s, o)) })
}

func (e *endpoint) onMinIO() bool { return e.store.Name == "minio" }

// entry is an object, a version or a delete marker of a listing.
type entry struct {
	XMLName           xml.Name
	Key               string
	VersionID         string `xml:"VersionId"`
	IsLatest          bool
	Size              *int64
	ETag              string
	StorageClass      string
	ChecksumAlgorithm []string
	UserMetadata      *struct{}
	UserTags          *struct{}
	Internal          *struct{}
}

// marker tells a delete marker from a version.
func (e entry) marker() bool { return e.XMLName.Local == "DeleteMarker" }

// listing is the answer to any of the three.
type listing struct {
	XMLName               xml.Name
	Name                  string
	Prefix                string
	Marker                *string
	NextMarker            string
	MaxKeys               int
	KeyCount              *int
	Delimiter             string
	EncodingType          string
	IsTruncated           bool
	StartAfter            string
	ContinuationToken     string
	NextContinuationToken string
	NextKeyMarker         string
	NextVersionIDMarker   string `xml:"NextVersionIdMarker"`
	Contents              []entry
	Version               []entry
	DeleteMarker          []entry
	CommonPrefixes        []struct{ Prefix string }

	raw []byte
}

// entries returns all of them, versions before delete markers.
func (l *listing) entries() []entry {
	return append(append(append([]entry(nil), l.Contents...), l.Version...), l.DeleteMarker...)
}

// decoded returns a key of the listing.
func (l *listing) decoded(t *testing.T, key string) string {
	t.Helper()
	if l.EncodingType != "url" {
		return key
	}
	key, err := url.QueryUnescape(key)
	if err != nil {
		t.Error(err)
	}
	return key
}

// kinds are the three listings, by the query that asks for them.
var kinds = map[string]string{"v1": "", "v2": "list-type=2", "versions": "versions"}

// list sends the listing request of a kind with further parameters.
func (e *endpoint) list(t *testing.T, kind string, params ...string) *listing {
	t.Helper()
	return e.listAs(t, e.Client, kind, params...)
}

func (e *endpoint) listAs(t *testing.T, c *wire.Client, kind string, params ...string) *listing {
	t.Helper()
	var q []string
	if kinds[kind] != "" {
		q = append(q, kinds[kind])
	}
	for i := 0; i < len(params); i += 2 {
		q = append(q, params[i]+"="+strings.ReplaceAll(s3api.EscapePath(params[i+1]), "/", "%2F"))
	}
	a := c.Expect(t, http.StatusOK, wire.Request{Method: "GET", Target: "/" + e.bucket + "?" + strings.Join(q, "&")})
	l := &listing{raw: a.Body}
	if err := xml.Unmarshal(a.Body, l); err != nil {
		t.Fatalf("%v in\n%s", err, a.Body)
	}
	want := "ListBucketResult"
	if kind == "versions" {
		want = "ListVersionsResult"
	}
	if l.XMLName.Local != want || l.Name != e.bucket {
		t.Errorf("%s of %q, want %s of %q", l.XMLName.Local, l.Name, want, e.bucket)
	}
	if a.Header.Get("Content-Type") != "application/xml" || a.Length != int64(len(a.Body)) {
		t.Errorf("header %v of %d bytes", a.Header, len(a.Body))
	}
	for _, private := range []string{"s3sse", "S3sse", "UserMetadata", "UserTags", "Internal"} {
		if strings.Contains(string(a.Body), private) {
			t.Errorf("the listing shows %s:\n%s", private, a.Body)
		}
	}
	return l
}

// keys returns keys and, in brackets, common prefixes of a listing.
func (l *listing) keys(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, e := range l.entries() {
		all = append(all, l.decoded(t, e.Key))
	}
	for _, p := range l.CommonPrefixes {
		all = append(all, "["+l.decoded(t, p.Prefix)+"]")
	}
	return all
}

// checkEntry compares an entry with what HEAD says of the object.
func (e *endpoint) checkEntry(t *testing.T, kind, key string, x entry) {
	t.Helper()
	query := ""
	if x.VersionID != "" {
		query = "versionId=" + x.VersionID
	}
	head := e.Do(t, wire.Request{Method: "HEAD", Target: wire.Target(e.bucket, key, query)})
	if head.Status != http.StatusOK {
		t.Errorf("%s: HEAD of %q: status %d", kind, key, head.Status)
		return
	}
	if x.Size == nil || *x.Size != head.Length || x.ETag != head.Header.Get("Etag") {
		size := int64(-1)
		if x.Size != nil {
			size = *x.Size
		}
		t.Errorf("%s: %q %s: listed with size %d and ETag %s, HEAD says %d and %s", kind, key, x.VersionID, size, x.ETag, head.Length, head.Header.Get("Etag"))
	}
}

// checkKind compares all entries of a complete listing with HEAD.
func (e *endpoint) checkKind(t *testing.T, kind string, l *listing) {
	t.Helper()
	for _, x := range l.entries() {
		if x.marker() {
			if x.Size != nil || x.ETag != "" {
				t.Errorf("%s: delete marker %+v has size or ETag", kind, x)
			}
			continue
		}
		e.checkEntry(t, kind, l.decoded(t, x.Key), x)
	}
}

// deleteAs sends a DeleteObjects request for the objects, which are the content
// of its Object elements.
func (e *endpoint) deleteAs(t *testing.T, c *wire.Client, quiet bool, objects ...string) wire.Answer {
	t.Helper()
	var b strings.Builder
	b.WriteString("<Delete>")
	for _, o := range objects {
		fmt.Fprintf(&b, "<Object>%s</Object>", o)
	}
	if quiet {
		b.WriteString("<Quiet>true</Quiet>")
	}
	b.WriteString("</Delete>")
	doc := []byte(b.String())
	return c.Do(t, wire.Request{Method: "POST", Target: "/" + e.bucket + "?delete", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc))})
}

// delete deletes objects and returns the answer.
func (e *endpoint) delete(t *testing.T, quiet bool, objects ...string) *s3api.DeleteResult {
	t.Helper()
	a := e.deleteAs(t, e.Client, quiet, objects...)
	if a.Status != http.StatusOK || a.Err != nil {
		t.Fatalf("status %d, %v\n%.600s", a.Status, a.Err, a.Body)
	}
	r, err := s3api.ParseDeleteResult(a.Body) // encoding/xml does not read references to control characters
	if err != nil {
		t.Fatalf("%v in\n%s", err, a.Body)
	}
	return r
}

// object returns the content of an Object element.
func object(key, version, etag string) string {
	var b strings.Builder
	b.WriteString("<Key>" + escaped(key) + "</Key>")
	if version != "" {
		b.WriteString("<VersionId>" + version + "</VersionId>")
	}
	if etag != "" {
		b.WriteString("<ETag>" + escaped(etag) + "</ETag>")
	}
	return b.String()
}

// escaped returns text for XML, in which control characters, which encoding/xml
// would replace, are references.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || strings.ContainsRune(`<>&"'`, r) {
			fmt.Fprintf(&b, "&#x%X;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
