package copies_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// update is an UpdateObjectEncryption to a key, with a bucket key.
func update(bucket, key, query, kmsKey string) wire.Request {
	body := fmt.Appendf(nil, `<ObjectEncryption xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><SSE-KMS><KMSKeyArn>%s</KMSKeyArn>`+
		`<BucketKeyEnabled>true</BucketKeyEnabled></SSE-KMS></ObjectEncryption>`, kmsKey)
	if query != "" {
		query = "&" + query
	}
	return wire.Request{
		Method: http.MethodPut, Target: wire.Target(bucket, key, "encryption="+query), Body: body,
		Header: wire.Header("Content-Md5", wire.MD5(body)),
	}
}

// TestUpdateObjectEncryption: nothing but the envelope changes, and in a bucket
// with versions nothing but metadata is written.
func TestUpdateObjectEncryption(t *testing.T) {
	for name, s := range map[string]*store.Store{
		"minio": store.MinIO(t), "minio without MD5": store.MinIOWithoutMD5(t), "minio encrypting": store.MinIOEncrypting(t),
	} {
		t.Run(name, func(t *testing.T) { testUpdate(t, startAt(t, s, nil), false, true) })
		t.Run(name+", versions", func(t *testing.T) {
			e := startAt(t, s, nil)
			if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
				t.Fatal(err)
			}
			testUpdate(t, e, true, name != "minio encrypting")
		})
	}
}

func testUpdate(t *testing.T, e *endpoint, versions, keepsETag bool) {
	for _, from := range []string{"SSE-S3", "SSE-KMS a"} {
		for _, n := range []int{0, 100, 64 << 10, 2 << 20, parted} {
			m := modeNamed(t, from)
			key := fmt.Sprintf("%s/%d", from, n)
			if n == parted {
				e.upload(t, m, key, n, described...)
			} else {
				e.Put(t, e.bucket, key, plain(n), append(m.write, append(described, "X-Amz-Tagging", "one=1", "X-Amz-Website-Redirect-Location", "/x")...)...)
			}
			before, tags := e.Head(t, e.bucket, key, "X-Amz-Checksum-Mode", "ENABLED").Header, e.tagging(t, key)
			e.proxy.Reset()
			a := e.Expect(t, http.StatusOK, update(e.bucket, key, "", keyARN+"b"))
			most := int64(2 * little)
			if n == 64<<10 && !versions {
				most += 2 * 64 << 10 // it comes and goes, as it is stored
			}
			if len(a.Body) != 0 || e.moved() > most {
				t.Errorf("%s: the answer has %d bytes; %d were moved", key, len(a.Body), e.moved())
			}
			for _, line := range e.proxy.Lines() {
				if versions && strings.Contains(line, "uploadId=") {
					t.Errorf("%s: the store was asked to write the body again: %s", key, line)
				}
			}
			get := e.Get(t, e.bucket, key, "X-Amz-Checksum-Mode", "ENABLED")
			if !bytes.Equal(get.Body, plain(n)) || get.Header.Get(keyID) != keyARN+"b" || get.Header.Get(sse+"-Bucket-Key-Enabled") != "true" {
				t.Errorf("%s: status %d, %d bytes, %v", key, get.Status, len(get.Body), get.Header)
			}
			if diff := cmp.Diff(description(before), description(get.Header)); diff != "" {
				t.Errorf("%s (-before +after):\n%s", key, diff)
			}
			was, _ := http.ParseTime(before.Get("Last-Modified"))
			if is, err := http.ParseTime(get.Header.Get("Last-Modified")); err != nil || is.Sub(was) > time.Second || is.Before(was) {
				t.Errorf("%s: modified %s, before %s", key, is, was)
			}
			for _, name := range []string{"X-Amz-Checksum-Crc64nvme", "X-Amz-Website-Redirect-Location"} {
				if get.Header.Get(name) != before.Get(name) {
					t.Errorf("%s: %s %q, before %q", key, name, get.Header.Get(name), before.Get(name))
				}
			}
			if got := e.tagging(t, key); got != tags {
				t.Errorf("%s: tags %s, before %s", key, got, tags)
			}
			if keepsETag && from != "SSE-S3" && get.Header.Get("Etag") != before.Get("Etag") {
				t.Errorf("%s: ETag %s, before %s", key, get.Header.Get("Etag"), before.Get("Etag"))
			}
		}
	}
}

// TestUpdateKeepsVersions: on MinIO the very version changes, be it the
// current one or not.
func TestUpdateKeepsVersions(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "object", plain(50))
	if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	ids := []string{"null", version(e.Put(t, e.bucket, "object", plain(100))), version(e.Put(t, e.bucket, "object", plain(200)))}
	for _, query := range []string{"", "versionId=" + ids[1], "versionId=null"} {
		e.Expect(t, http.StatusOK, update(e.bucket, "object", query, keyARN+"b"))
	}
	for i, id := range ids {
		a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "object", "versionId="+id)})
		if a.Header.Get(keyID) != keyARN+"b" || len(a.Body) != []int{50, 100, 200}[i] {
			t.Errorf("version %s: %d bytes, %v", id, len(a.Body), a.Header)
		}
	}
	versions := 0
	for range e.store.Client().ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{WithVersions: true}) {
		versions++
	}
	if a := e.Get(t, e.bucket, "object"); versions != 3 || len(a.Body) != 200 {
		t.Errorf("%d versions; the current one has %d bytes", versions, len(a.Body))
	}
}

// TestUpdateWithVersionsSuspended: an upload could replace the version without
// an id, so that it is changed only where the store can be asked to see to that.
func TestUpdateWithVersionsSuspended(t *testing.T) {
	for name, tt := range map[string]struct {
		later  bool // there is a later version
		query  string
		status int
	}{
		"current":         {false, "", http.StatusOK},
		"current, by id":  {false, "versionId=null", http.StatusOK},
		"not the current": {true, "versionId=null", http.StatusNotImplemented},
		"another current": {true, "", http.StatusNotImplemented},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, nil)
			e.Put(t, e.bucket, "object", plain(50))
			if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
				t.Fatal(err)
			}
			if tt.later {
				e.Put(t, e.bucket, "object", plain(100))
			}
			if err := e.store.Client().SuspendVersioning(t.Context(), e.bucket); err != nil {
				t.Fatal(err)
			}
			e.Expect(t, tt.status, update(e.bucket, "object", tt.query, keyARN+"b"))
			null := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "object", "versionId=null")})
			if changed := null.Header.Get(keyID) == keyARN+"b"; changed != (tt.status == http.StatusOK) || !bytes.Equal(null.Body, plain(50)) {
				t.Errorf("%d bytes, %v", len(null.Body), null.Header)
			}
			if a := e.Get(t, e.bucket, "object"); tt.later && !bytes.Equal(a.Body, plain(100)) {
				t.Errorf("the current version has %d bytes", len(a.Body))
			}
		})
	}
}

// TestUpdateFolder changes objects whose keys end in a slash, which MinIO keeps
// apart from others.
func TestUpdateFolder(t *testing.T) {
	for _, suspended := range []bool{false, true} {
		e := start(t, nil)
		if suspended {
			if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
				t.Fatal(err)
			}
			if err := e.store.Client().SuspendVersioning(t.Context(), e.bucket); err != nil {
				t.Fatal(err)
			}
		}
		e.Put(t, e.bucket, "folder/", plain(200<<10))
		e.Expect(t, http.StatusNotImplemented, update(e.bucket, "folder/", "", keyARN+"b"))
		for _, n := range []int{0, 100, 100 << 10} {
			e.Put(t, e.bucket, "folder/", plain(n))
			e.Expect(t, http.StatusOK, update(e.bucket, "folder/", "", keyARN+"b"))
			e.Expect(t, http.StatusOK, copyRequest(e.bucket, "folder/", e.name("folder/"), "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-Shape", "round"))
			if a := e.Get(t, e.bucket, "folder/"); !bytes.Equal(a.Body, plain(n)) || a.Header.Get("X-Amz-Meta-Shape") != "round" {
				t.Errorf("suspended %t, %d bytes: status %d, %d bytes, %v", suspended, n, a.Status, len(a.Body), a.Header)
			}
		}
	}
}

// TestUpdateKeepsLongTags: MinIO takes 8 KB of headers, and longer tags in a
// document.
func TestUpdateKeepsLongTags(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "object", plain(100), "X-Amz-Meta-Text", strings.Repeat("x", 1300))
	var set strings.Builder
	for i := range 10 {
		fmt.Fprintf(&set, "<Tag><Key>%d%s</Key><Value>%s=+</Value></Tag>", i, strings.Repeat("a/b:", 31), strings.Repeat("a/b@", 63))
	}
	doc := []byte("<Tagging><TagSet>" + set.String() + "</TagSet></Tagging>")
	e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodPut, Target: wire.Target(e.bucket, "object", "tagging="), Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc))})
	before := e.tagging(t, "object")
	e.Expect(t, http.StatusOK, update(e.bucket, "object", "", keyARN+"b"))
	if after := e.tagging(t, "object"); after != before || !strings.Contains(after, "a/b@=+") {
		t.Errorf("tags %s, before %s", after, before)
	}
}

// TestChangesInPools changes the metadata of objects of a MinIO that looks in one
// of its pools for what it is to replace, also where that is in the other.
func TestChangesInPools(t *testing.T) {
	e := startAt(t, store.MinIOOfPools(t), nil)
	for i := range 6 {
		for _, n := range []int{100, 200 << 10} {
			key := fmt.Sprintf("%d of %d", i, n)
			e.Put(t, e.bucket, key, plain(n), append(described, "X-Amz-Tagging", "one=1")...)
			before, tags := e.Head(t, e.bucket, key).Header, e.tagging(t, key)
			e.Expect(t, http.StatusOK, update(e.bucket, key, "", keyARN+"b"))
			after := e.Get(t, e.bucket, key)
			if diff := cmp.Diff(description(before), description(after.Header)); diff != "" || e.tagging(t, key) != tags || after.Header.Get(keyID) != keyARN+"b" || !bytes.Equal(after.Body, plain(n)) {
				t.Errorf("%s, updated: %d bytes, %v\n%s", key, len(after.Body), after.Header, diff)
			}
			e.Expect(t, http.StatusOK, copyRequest(e.bucket, key, e.name(key), "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-Shape", "round",
				"X-Amz-Tagging-Directive", "REPLACE", "X-Amz-Tagging", "two=2"))
			after = e.Get(t, e.bucket, key)
			if after.Header.Get("X-Amz-Meta-Shape") != "round" || !strings.Contains(e.tagging(t, key), "two") || !bytes.Equal(after.Body, plain(n)) {
				t.Errorf("%s, copied onto itself: %d bytes, %v", key, len(after.Body), after.Header)
			}
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	e := start(t, nil)
	for _, m := range modes() {
		e.create(t, m, m.name, 10)
	}
	ask := func(inner string) wire.Request {
		r := update(e.bucket, "SSE-S3", "", "")
		r.Body = []byte("<ObjectEncryption>" + inner + "</ObjectEncryption>")
		r.Header.Set("Content-Md5", wire.MD5(r.Body))
		return r
	}
	undigested := update(e.bucket, "SSE-S3", "", keyARN+"a")
	undigested.Header = nil
	for _, tt := range []struct {
		name   string
		r      wire.Request
		status int
		code   string
	}{
		{"plaintext", update(e.bucket, "plaintext", "", keyARN+"a"), http.StatusBadRequest, "InvalidRequest"},
		{"two layers", update(e.bucket, "DSSE-KMS", "", keyARN+"a"), http.StatusBadRequest, "InvalidRequest"},
		{"a customer's", update(e.bucket, "SSE-C a", "", keyARN+"a"), http.StatusBadRequest, "InvalidRequest"},
		{"missing", update(e.bucket, "missing", "", keyARN+"a"), http.StatusNotFound, "NoSuchKey"},
		{"an alias", update(e.bucket, "SSE-S3", "", "alias/a"), http.StatusBadRequest, "InvalidRequest"},
		{"an unknown key", update(e.bucket, "SSE-S3", "", keyARN+"none"), http.StatusBadRequest, "KMS.NotFoundException"},
		{"to SSE-S3", ask("<SSE-S3/>"), http.StatusBadRequest, "InvalidRequest"},
		{"to nothing", ask(""), http.StatusBadRequest, "InvalidRequest"},
		{"not a document", wire.Request{Method: http.MethodPut, Target: wire.Target(e.bucket, "SSE-S3", "encryption="), Body: []byte("x"), Header: wire.Header("Content-Md5", wire.MD5([]byte("x")))}, http.StatusBadRequest, "MalformedXML"},
		{"without a digest", undigested, http.StatusBadRequest, "InvalidRequest"},
	} {
		if a := e.Do(t, tt.r); a.Status != tt.status || a.Code() != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.Status, a.Body)
		}
	}
	for _, m := range modes() {
		if a := e.Get(t, e.bucket, m.name, m.read...); len(a.Body) != 10 {
			t.Errorf("%s: status %d, %d bytes", m.name, a.Status, len(a.Body))
		}
	}
}

func TestUpdateOfALockedObject(t *testing.T) {
	e := start(t, nil)
	e.bucket += "-locked"
	if err := e.store.Client().MakeBucket(t.Context(), e.bucket, minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	mode, days, unit := minio.Governance, uint(1), minio.Days
	e.Put(t, e.bucket, "free", plain(10))
	if err := e.store.Client().SetObjectLockConfig(t.Context(), e.bucket, &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	e.Put(t, e.bucket, "retained", plain(10), "X-Amz-Object-Lock-Mode", "GOVERNANCE", "X-Amz-Object-Lock-Retain-Until-Date", until, "Content-Md5", wire.MD5(plain(10)))
	e.Put(t, e.bucket, "held", plain(10), "X-Amz-Object-Lock-Legal-Hold", "ON", "Content-Md5", wire.MD5(plain(10)))
	for key, status := range map[string]int{"retained": http.StatusForbidden, "held": http.StatusForbidden, "free": http.StatusOK} {
		a := e.Do(t, update(e.bucket, key, "", keyARN+"a"))
		if a.Status != status || strings.Contains(string(a.Body), "InternalError") {
			t.Errorf("%s: %d %s", key, a.Status, a.Body)
		}
	}
	if h := e.Head(t, e.bucket, "free").Header; h.Get("X-Amz-Object-Lock-Mode") != "" || h.Get(keyID) != keyARN+"a" {
		t.Errorf("what was free is locked by the change: %v", h)
	}
	if err := e.store.Client().SetObjectLockConfig(t.Context(), e.bucket, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	// A copy has the lock that its own request says.
	e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("retained"), "X-Amz-Object-Lock-Legal-Hold", "ON"))
	h := e.Head(t, e.bucket, "copy").Header
	if h.Get("X-Amz-Object-Lock-Legal-Hold") != "ON" || h.Get("X-Amz-Object-Lock-Mode") != "" {
		t.Errorf("the copy's lock: %v", h)
	}
}

// TestListingsAfterAChange: listings show what HeadObject says of an object
// whose encryption changed in place, however they remember the one before.
func TestListingsAfterAChange(t *testing.T) {
	e := start(t, nil)
	e.Put(t, e.bucket, "updated", plain(10))
	e.Put(t, e.bucket, "copied", plain(10))
	listed := func() string {
		return string(e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "", "list-type=2")}).Body)
	}
	check := func() {
		t.Helper()
		doc := listed()
		for _, key := range []string{"updated", "copied"} {
			etag := strings.Trim(e.Head(t, e.bucket, key).Header.Get("Etag"), `"`)
			if _, rest, _ := strings.Cut(doc, "<Key>"+key+"<"); !strings.Contains(strings.SplitN(rest, "</Contents>", 2)[0], etag) {
				t.Errorf("%s has the ETag %s: %s", key, etag, doc)
			}
		}
	}
	check()
	e.Expect(t, http.StatusOK, update(e.bucket, "updated", "", keyARN+"b"))
	e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copied", e.name("copied"), sse, "aws:kms"))
	check()
}

// TestUpdateKeepsNullVersion: a version from times without versioning of which
// MinIO has no checksum changes in place, too, when its bucket has versions now.
func TestUpdateKeepsNullVersion(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		e := start(t, func(c *gateway.Config) { c.Upstream.Integrity = gateway.IntegrityNone })
		e.upload(t, modeNamed(t, "SSE-S3"), "object", parted)
		if err := e.store.Client().EnableVersioning(t.Context(), e.bucket); err != nil {
			t.Fatal(err)
		}
		want := 1
		if replaced {
			e.Put(t, e.bucket, "object", plain(100))
			want = 2
		}
		e.Expect(t, http.StatusOK, update(e.bucket, "object", "versionId=null", keyARN+"b"))
		a := e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: wire.Target(e.bucket, "object", "versionId=null")})
		if a.Header.Get(keyID) != keyARN+"b" || !bytes.Equal(a.Body, plain(parted)) {
			t.Errorf("replaced %t: %d bytes, %v", replaced, len(a.Body), a.Header)
		}
		versions := 0
		for range e.store.Client().ListObjects(t.Context(), e.bucket, minio.ListObjectsOptions{WithVersions: true}) {
			versions++
		}
		if versions != want {
			t.Errorf("replaced %t: %d versions", replaced, versions)
		}
	}
}

// TestUpdateRefusesOldNullVersion: where uploads can replace such a version, it
// is only changed by one, which would make it the current one.
func TestUpdateRefusesOldNullVersion(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.Upstream.Integrity = gateway.IntegrityNone })
	client := e.store.Client()
	e.upload(t, modeNamed(t, "SSE-S3"), "object", parted)
	if err := client.EnableVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	e.Put(t, e.bucket, "object", plain(100))
	if err := client.SuspendVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	e.Expect(t, http.StatusNotImplemented, update(e.bucket, "object", "versionId=null", keyARN+"b"))
	if a := e.Get(t, e.bucket, "object"); !bytes.Equal(a.Body, plain(100)) {
		t.Errorf("the current version has %d bytes", len(a.Body))
	}
}
