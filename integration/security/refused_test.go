package security_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// TestStoreInterfaces asks for what stores serve besides objects.
func TestStoreInterfaces(t *testing.T) {
	e := start(t, store.MinIO(t), site.Options{Handler: "plaintext_reads *\npublic_buckets *"})
	for _, path := range []string{
		"/minio/admin/v3/info", "/minio/admin/v3/tier/T", "/minio/health/live", "/minio/v2/metrics/cluster", "/minio", "/%6dinio/admin/v3/info",
		"/.minio.sys/config/config.json", "/.minio.sys", "//minio/admin/v3/info", "/./minio/admin/v3/info", "/../minio/admin/v3/info",
		"/" + e.bucket + "%2f..%2fminio/admin/v3/info", "/minio%2Fadmin/v3/info",
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
			for _, anonymous := range []bool{false, true} {
				a := e.Do(t, wire.Request{Method: method, Target: path, Anonymous: anonymous})
				if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
					t.Errorf("%s %s: status %d %.300s", method, path, a.Status, a.Body)
				}
			}
		}
	}
	if got := e.proxy.Lines(); len(got) > 0 {
		t.Errorf("the store got %q", got)
	}
}

// TestRefusedUploads are uploads that mean more than storing an object.
func TestRefusedUploads(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(1000, 3)
		e.Put(t, e.bucket, "k", content)
		e.proxy.Reset()
		for _, tc := range []struct {
			header       []string
			status       int
			code, target string
		}{
			{[]string{"X-Amz-Copy-Source", e.bucket}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Copy-Source", ""}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Copy-Source", "/" + e.bucket + "/k"}, http.StatusBadRequest, "InvalidArgument", "?tagging"},
			{[]string{"X-Amz-Copy-Source", "/" + e.bucket + "/k", "X-Amz-Write-Offset-Bytes", "0"}, http.StatusNotImplemented, "NotImplemented", ""},
			{[]string{"X-Amz-Write-Offset-Bytes", "1000"}, http.StatusNotImplemented, "NotImplemented", ""},
			{[]string{"X-Amz-Write-Offset-Bytes", "0"}, http.StatusNotImplemented, "NotImplemented", ""},
			{[]string{"X-Amz-Rename-Source", "/" + e.bucket + "/other"}, http.StatusNotImplemented, "NotImplemented", ""},
			{[]string{"X-Amz-Meta-Snowball-Auto-Extract", "true"}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Meta-Minio-Snowball-Prefix", "x"}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Meta-S3sse", "x"}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Meta-S3SSE-Redirect", "x"}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Server-Side-Encryption", "aws:kms"}, http.StatusBadRequest, "InvalidArgument", ""},
			{[]string{"X-Amz-Server-Side-Encryption", "none"}, http.StatusBadRequest, "InvalidArgument", ""},
			{nil, http.StatusNotImplemented, "NotImplemented", "?partNumber=1"},
			{nil, http.StatusNotImplemented, "NotImplemented", "?partNumber=1&uploadId=1&versionId=null"},
			{nil, http.StatusBadRequest, "InvalidRequest", "?encryption"},
		} {
			t.Run(fmt.Sprint(tc.header, tc.target), func(t *testing.T) {
				a := e.Do(t, wire.Request{
					Method: http.MethodPut, Target: "/" + e.bucket + "/k" + tc.target, Body: content[:10], Header: wire.Header(tc.header...),
				})
				checkError(t, a, tc.status, tc.code)
			})
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %q", got)
		}
		e.checkObject(t, "k", content)
	})
}

// TestStrayHeaders sends ordinary requests with headers that stores take for
// commands: they are done without them.
func TestStrayHeaders(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(1000, 4)
		h := stray.Clone()
		for name := range h {
			if strings.HasPrefix(name, "X-Amz-Meta-") || name == "X-Amz-Tagging" || name == "X-Amz-Storage-Class" {
				delete(h, name) // these are for uploads
			}
		}
		target := "/" + e.bucket + "/dir/k"
		doc := []byte("<Delete><Object><Key>other</Key></Object></Delete>")
		deleteHeader := h.Clone()
		deleteHeader.Set("Content-Md5", wire.MD5(doc))
		for _, r := range []wire.Request{
			{Method: "PUT", Target: target, Body: content, Header: h},
			{Method: "GET", Target: target, Header: h},
			{Method: "HEAD", Target: target, Header: h},
			{Method: "GET", Target: "/" + e.bucket, Header: h},
			{Method: "GET", Target: "/" + e.bucket + "?list-type=2", Header: h},
			{Method: "GET", Target: "/" + e.bucket + "?versions", Header: h},
			{Method: "POST", Target: "/" + e.bucket + "?delete", Body: doc, Header: deleteHeader},
			{Method: "DELETE", Target: "/" + e.bucket + "/dir", Header: h}, // a prefix, which must not be deleted
		} {
			e.proxy.Reset()
			if a := e.Do(t, r); a.Status/100 != 2 {
				t.Errorf("%s %s: status %d %.300s", r.Method, r.Target, a.Status, a.Body)
			}
			for _, x := range e.proxy.Exchanges() {
				for name := range h {
					if _, ok := x.Header[name]; ok {
						t.Errorf("%s %s: the store got %s", x.Method, x.Target, name)
					}
				}
			}
		}
		e.checkObject(t, "dir/k", content)
	})
}
