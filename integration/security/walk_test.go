package security_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// performed are the operations that are more than passing a request on. Every
// other one that is not of class Pass is refused.
var performed = []string{
	"PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjects", "ListObjectsV2", "ListObjectVersions",
}

// stray are headers of a client that no operation may hand on.
var stray = wire.Header(
	"Cookie", "session=of-the-client",
	"Forwarded", "for=192.0.2.1",
	"X-Amz-Meta-Stray", "1",
	"X-Amz-Meta-Snowball-Auto-Extract", "true",
	"X-Amz-Object-Attributes", "ObjectSize",
	"X-Amz-Optional-Header", "1",
	"X-Amz-Storage-Class", "STANDARD",
	"X-Amz-Tagging", "a=b",
	"X-Auth-Token", "of-the-client",
	"X-Minio-Extract", "true",
	"X-Minio-Force-Delete", "true",
	"X-Minio-Source-Etag", "00000000000000000000000000000000",
	"X-Minio-Source-Replication-Request", "true",
	"X-Stray", "1",
)

// TestOperations sends every operation of the S3 API: what is not performed
// never reaches the store, what is passed on reaches it once and bare.
func TestOperations(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(1000, 1)
		e.Put(t, e.bucket, "dir/k", content)
		for _, op := range s3api.Operations() {
			if slices.Contains(performed, op.Name) {
				continue
			}
			t.Run(op.Name, func(t *testing.T) {
				e.proxy.Reset()
				a := e.Do(t, e.example(op, "dir/k"))
				got := e.proxy.Exchanges()
				if op.Class == s3api.Pass {
					e.checkPassed(t, op, a, got)
					return
				}
				checkError(t, a, http.StatusNotImplemented, "NotImplemented")
				if len(got) > 0 {
					t.Errorf("the store got %s %s", got[0].Method, got[0].Target)
				}
			})
		}
		e.checkObject(t, "dir/k", content)
	})
}

// example returns a request of the operation with everything a client could
// add to it.
func (e *endpoint) example(op *s3api.Operation, key string) wire.Request {
	method, target, h := op.Example(e.bucket, key)
	r := wire.Request{Method: method, Target: target, Header: stray.Clone()}
	maps.Copy(r.Header, h)
	if op.Document {
		r.Body = []byte("<nothing/>")
		if op.Name == "PutBucketPolicy" {
			r.Body = []byte("{}")
		}
		r.Header.Set("Content-Md5", wire.MD5(r.Body))
	}
	return r
}

// ownHeaders are those that the gateway's requests to the store may have
// without the client's doing.
var ownHeaders = []string{
	"Accept-Encoding", "Authorization", "Content-Length", "Content-Md5", "Content-Type", "X-Amz-Content-Sha256", "X-Amz-Date",
	"Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", // reverse_proxy's
}

func (e *endpoint) checkPassed(t *testing.T, op *s3api.Operation, a wire.Answer, got []store.Exchange) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d requests to the store, answer %d %.300s", len(got), a.Status, a.Body)
	}
	if got[0].Method != op.Method || !strings.HasPrefix(got[0].Target, "/") {
		t.Errorf("the store got %s %s", got[0].Method, got[0].Target)
	}
	e.checkBare(t, got[0])
	switch {
	case a.Status/100 == 2:
	case a.Status == http.StatusNotModified || a.Err != nil:
		t.Errorf("status %d, %v", a.Status, a.Err)
	case op.Method != http.MethodHead:
		checkError(t, a, a.Status, a.Code())
	}
}

// checkBare fails the test if anything of the client's own is in a request to
// the store.
func (e *endpoint) checkBare(t *testing.T, x store.Exchange) {
	t.Helper()
	for name := range x.Header {
		if !slices.Contains(ownHeaders, name) {
			t.Errorf("%s %s: the store got the header %s: %s", x.Method, x.Target, name, x.Header.Get(name))
		}
	}
	e.checkSigner(t, x)
	for _, name := range []string{"x-id", "X-Amz-Signature", "X-Amz-Credential", "metadata"} {
		if strings.Contains(x.Target, name) {
			t.Errorf("the store got %s %s", x.Method, x.Target)
		}
	}
}

// invented are queries that no operation has. Stores know some of them all the
// same.
var invented = []string{
	"Action=AssumeRole", "append", "append&position=0", "appendObject", "archive", "backup", "batch", "clone", "comp=block",
	"composeObject", "copy", "driveInfo", "encrypt", "encryptionContext", "events", "events=s3:ObjectCreated:*", "extract", "fan-out",
	"force", "force-delete", "force-delete=true", "healing", "heal", "imageInfo", "import", "internal-read", "key-id=1", "kms",
	"lambdaArn=arn:minio:s3-object-lambda::f:webhook", "legal-hold&retention", "list-type=3", "metadata", "metadata=true", "metrics",
	"move", "newer-noncurrent", "nothing", "position=0", "prefetch", "presign", "qos", "quota", "rebalance", "rename", "replication-metrics",
	"replication-metrics=2", "replication-reset", "replication-check", "rewrap", "seal", "sse", "statistics", "symlink", "sync",
	"uploadId", "uploads&uploadId=1", "version-Id=null", "wormExtend", "x-oss-process=style", "zip",
	// Known ones that do not go together.
	"acl&policy", "acl&tagging", "encryption&acl", "list-type=2&metadata=true", "tagging&encryption", "tagging&versionId=null&uploadId=1",
	"versioning&cors", "versions&metadata=true", "versions&list-type=2", "delete&quiet", "versionId=null&force", "acl=1", "X-Minio-Extract=true",
}

// checkSigner fails the test unless the request is signed with the store's own
// credential.
func (e *endpoint) checkSigner(t *testing.T, x store.Exchange) {
	t.Helper()
	if auth := x.Header["Authorization"]; len(auth) != 1 || !strings.Contains(auth[0], "Credential="+e.store.AccessKey+"/") {
		t.Errorf("%s %s: signed as %q", x.Method, x.Target, auth)
	}
}

// TestInventedRequests sends what is no operation. Nothing of it may reach the
// store, whoever knows better there.
func TestInventedRequests(t *testing.T) {
	each(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(1000, 2)
		e.Put(t, e.bucket, "dir/k", content)
		e.proxy.Reset()
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "COPY", "LOCK"} {
			for _, path := range []string{"/", "/" + e.bucket, "/" + e.bucket + "/", "/" + e.bucket + "/dir/k"} {
				for _, query := range invented {
					r := wire.Request{Method: method, Target: path + "?" + query}
					a := e.Do(t, r)
					switch {
					case a.Status == http.StatusNotImplemented, a.Status == http.StatusMethodNotAllowed:
					case a.Status == http.StatusBadRequest && strings.Contains(query, "&"):
					default:
						t.Errorf("%s %s: status %d %.300s", method, r.Target, a.Status, a.Body)
					}
					if method != "HEAD" {
						checkError(t, a, a.Status, a.Code())
					}
				}
			}
		}
		if got := e.proxy.Lines(); len(got) > 0 {
			t.Errorf("the store got %d requests: %.10q", len(got), got)
		}
		e.checkObject(t, "dir/k", content)
	})
}
