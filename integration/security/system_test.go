package security_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestSystemBucket asks in every way for what the gateway keeps in the store.
// No request of a client gets there, under whatever name.
func TestSystemBucket(t *testing.T) {
	const system = "caddy-s3-sse-system"
	each(t, site.Options{Handler: "public_buckets *\nplaintext_reads *"}, func(t *testing.T, e *endpoint) {
		e.begin(t, "key") // so that there is something
		record := ""
		for o := range e.store.Client().ListObjects(t.Context(), system, minio.ListObjectsOptions{Recursive: true, Prefix: "uploads/"}) {
			record = o.Key
		}
		if record == "" {
			t.Fatal("there is no record")
		}
		e.Put(t, e.bucket, "k", []byte("content"))
		e.proxy.Reset()

		for _, op := range s3api.Operations() {
			if op.Level == s3api.ServiceLevel {
				continue
			}
			for _, anonymous := range []bool{false, true} {
				at := *e
				at.bucket = system
				r := at.example(t, op, record)
				r.Anonymous = anonymous || op.Name == "PostObject"
				a := e.Do(t, r)
				if op.Method == http.MethodHead {
					if a.Status != http.StatusForbidden {
						t.Errorf("%s: status %d", op.Name, a.Status)
					}
					continue
				}
				checkError(t, a, http.StatusForbidden, "AccessDenied")
			}
		}
		for _, path := range []string{"/" + system, "/" + system + "/" + record, "/caddy%2ds3-sse-system/" + record, "/" + e.bucket + "/../" + system} {
			a := e.Do(t, wire.Request{Method: http.MethodOptions, Target: path, Anonymous: true, Header: wire.Header(
				"Origin", "https://page.example.com", "Access-Control-Request-Method", "GET")})
			if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
				t.Errorf("OPTIONS %s: status %d", path, a.Status)
			}
		}
		for _, path := range []string{
			"/caddy%2ds3-sse-system/" + record, "/%63addy-s3-sse-system/" + record, "/caddy-s3-sse-system%2f" + record,
			"/caddy-s3-sse-system./" + record, "/CADDY-S3-SSE-SYSTEM/" + record, "//caddy-s3-sse-system/" + record, "/./caddy-s3-sse-system/" + record,
			"/" + e.bucket + "/../caddy-s3-sse-system/" + record, "/" + e.bucket + "/%2e%2e/caddy-s3-sse-system/" + record,
			"/" + e.bucket + "/..%2fcaddy-s3-sse-system%2f" + record, "/" + e.bucket + "%2f..%2fcaddy-s3-sse-system/" + record,
			"/caddy-s3-sse-system%00/" + record, "/caddy-s3-sse-system%20/" + record, "/caddy-s3-sse-system;x=y/" + record,
		} {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				a := e.Do(t, wire.Request{Method: method, Target: path})
				if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
					t.Errorf("%s %s: status %d\n%.300s", method, path, a.Status, a.Body)
				}
			}
		}
		for _, source := range []string{
			system + "/" + record, "/" + system + "/" + record, "/" + system + "%2F" + record, "%2Fcaddy%2Ds3-sse-system/" + record,
			system + "/" + record + "?versionId=null", "/" + e.bucket + "/../" + system + "/" + record, "/" + e.bucket + "%2F..%2F" + system + "%2F" + record,
			"/" + e.bucket + "/%2e%2e/" + system + "/" + record, "//" + system + "/" + record, "/./" + system + "/" + record, "../" + system + "/" + record,
			"arn:aws:s3:::" + system + "/" + record, "/" + system + "./" + record, "/" + strings.ToUpper(system) + "/" + record,
			"https://" + system + "/" + record, system + "/" + record + "?versionId=", system + "/" + record + "?x=y", "%25%32%46" + system + "/" + record,
		} {
			for _, target := range []string{wire.Target(e.bucket, "copy", ""), wire.Target(e.bucket, "key", "partNumber=1&uploadId=1")} {
				a := e.Do(t, wire.Request{Method: http.MethodPut, Target: target, Header: wire.Header("X-Amz-Copy-Source", source)})
				if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
					t.Errorf("copying from %s: status %d\n%.300s", source, a.Status, a.Body)
				}
			}
		}
		two := wire.Header("X-Amz-Copy-Source", "/"+e.bucket+"/k", "X-Amz-Copy-Source", "/"+system+"/"+record)
		if a := e.Do(t, wire.Request{Method: http.MethodPut, Target: wire.Target(e.bucket, "copy", ""), Header: two}); a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
			t.Errorf("two sources: status %d", a.Status)
		}
		doc := fmt.Appendf(nil, "<Delete><Object><Key>../%s/%s</Key></Object></Delete>", system, record)
		a := e.Do(t, wire.Request{Method: http.MethodPost, Target: "/" + e.bucket + "?delete", Body: doc, Header: wire.Header("Content-Md5", wire.MD5(doc))})
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "<Code>InvalidURI</Code>") {
			t.Errorf("DeleteObjects: status %d %s", a.Status, a.Body)
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %q", got)
		}

		a = e.Expect(t, http.StatusOK, wire.Request{Method: http.MethodGet, Target: "/"})
		if strings.Contains(string(a.Body), system) || !strings.Contains(string(a.Body), e.bucket) {
			t.Errorf("ListBuckets: %s", a.Body)
		}
		if _, err := e.store.Client().StatObject(t.Context(), system, record, minio.StatObjectOptions{}); err != nil {
			t.Errorf("the record: %v", err)
		}
	})
}

// TestCopySources names sources in ways that two readers could understand
// differently. What is copied is what the client may read, or nothing.
func TestCopySources(t *testing.T) {
	each(t, several, func(t *testing.T, e *endpoint) {
		own := "other-" + e.bucket[5:]
		if err := e.store.Client().MakeBucket(t.Context(), own, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Put(t, e.bucket, "secret", []byte("secret"))
		e.Put(t, own, "mine", []byte("mine"))
		other := e.As("other", otherSecret)
		e.proxy.Reset()
		for _, source := range []string{
			e.bucket + "/secret", "/" + e.bucket + "/secret", "/" + e.bucket + "%2Fsecret", "%2F" + e.bucket + "/secret?versionId=null",
			own + "/../" + e.bucket + "/secret", own + "/%2e%2e/" + e.bucket + "/secret", own + "%2F..%2F" + e.bucket + "%2Fsecret",
			own + "/./mine", own + "/mine/..", "/" + own + "/%2e", own + "?/../" + e.bucket + "/secret", own + "/mine?versionId=null?/../../" + e.bucket + "/secret&uploads",
			"//" + e.bucket + "/secret", "/" + own + "//../" + e.bucket + "/secret", "arn:aws:s3:us-east-1:1:accesspoint/a/object/secret",
			own + "/mine\x00", own + "/%00", own + "/%ff", own + "/%", own + "/%zz", own + "/", own, "", "/", "?versionId=1",
		} {
			a := other.Do(t, wire.Request{Method: http.MethodPut, Target: wire.Target(own, "copy", ""), Header: wire.Header("X-Amz-Copy-Source", source)})
			// The version of one's own object, which is none, the store is asked about.
			if strings.HasPrefix(source, own+"/mine?versionId=") {
				if a.Status < http.StatusBadRequest {
					t.Errorf("%q: status %d", source, a.Status)
				}
				e.proxy.Reset()
				continue
			}
			if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden && a.Err == nil {
				t.Errorf("%q: status %d\n%.300s", source, a.Status, a.Body)
			}
			if got := e.proxy.Lines(); len(got) > 0 {
				t.Errorf("%q: the store got %q", source, got)
				e.proxy.Reset()
			}
		}
		if a := other.Head(t, own, "copy"); a.Status != http.StatusNotFound {
			t.Errorf("there is a copy: status %d", a.Status)
		}
	})
}
