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

// performed are the operations that are more than passing a request on, with
// the document of those that have one. Every other one that is not of class
// Pass is refused.
var performed = map[string]string{
	"PutObject": "", "GetObject": "", "HeadObject": "", "DeleteObject": "", "ListObjects": "", "ListObjectsV2": "", "ListObjectVersions": "",
	"DeleteObjects": "<Delete><Object><Key>other</Key></Object></Delete>",

	"CopyObject": "", "GetObjectAttributes": "", "UploadPartCopy": "", "PostObject": "",
	"RestoreObject":          "<RestoreRequest><Days>1</Days></RestoreRequest>",
	"UpdateObjectEncryption": "<ObjectEncryption><SSE-KMS><KMSKeyArn>arn:aws:kms:us-east-1:000000000000:key/k</KMSKeyArn></SSE-KMS></ObjectEncryption>",

	"CreateMultipartUpload": "", "UploadPart": "", "AbortMultipartUpload": "", "ListParts": "", "ListMultipartUploads": "",
	"CompleteMultipartUpload": `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"1"</ETag></Part></CompleteMultipartUpload>`,

	"PutBucketEncryption": "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>" +
		"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
	"GetBucketEncryption": "", "DeleteBucketEncryption": "",
	"DeleteBucket": "", // of class Pass, too: that the bucket is not empty, the store says
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

// TestOperations sends every operation of the S3 API with everything that a
// client could add to it: what is not performed never reaches the store, what
// is passed on reaches it once and bare, and what is performed reaches nothing
// but the object, its bucket and what the gateway keeps, with nothing of the
// client's own that it does not need.
func TestOperations(t *testing.T) {
	eachWay(t, site.Options{}, func(t *testing.T, e *endpoint) {
		content := body(1000, 1)
		e.Put(t, e.bucket, "dir/k", content)
		for _, op := range s3api.Operations() {
			t.Run(op.Name, func(t *testing.T) {
				r := e.example(t, op, "dir/k")
				_, own := performed[op.Name]
				if own {
					r.Header.Del("X-Amz-Meta-Snowball-Auto-Extract") // or uploads would be refused for it
				}
				e.proxy.Reset()
				a := e.Do(t, r)
				got := slices.DeleteFunc(e.proxy.Exchanges(), isSweep)
				switch {
				case own && op.Name != "RestoreObject":
					e.checkPerformed(t, op, a, got)
				case own, op.Class == s3api.Pass:
					e.checkPassed(t, op, a, got)
				default:
					checkError(t, a, http.StatusNotImplemented, "NotImplemented")
					if len(got) > 0 {
						t.Errorf("the store got %s %s", got[0].Method, got[0].Target)
					}
				}
				if op.Name == "DeleteObject" || op.Name == "PutObject" || op.Name == "CopyObject" {
					e.Put(t, e.bucket, "dir/k", content)
				}
			})
		}
		e.checkObject(t, "dir/k", content)
	})
}

// describing are headers of stray that an upload may have: they describe the
// object.
var describing = []string{"X-Amz-Meta-Stray", "X-Amz-Storage-Class", "X-Amz-Tagging"}

// systemPath is where the store keeps what the gateway must remember.
const systemPath = "/caddy-s3-sse-system"

// isSweep reports whether a request is the gateway's look for what uploads have
// left, which it takes behind the answer to one that begins another.
func isSweep(x store.Exchange) bool {
	prefix, ok := strings.CutPrefix(x.Target, systemPath+"?list-type=2&max-keys=1000&prefix=uploads%2F")
	return ok && len(prefix) == 2
}

func (e *endpoint) checkPerformed(t *testing.T, op *s3api.Operation, a wire.Answer, got []store.Exchange) {
	t.Helper()
	switch {
	case a.Status/100 == 2:
	case a.Status == http.StatusInternalServerError || a.Err != nil || op.Name != "PostObject" && a.Status == http.StatusNotImplemented && op.Name != "UpdateObjectEncryption":
		t.Errorf("status %d, %v\n%.500s", a.Status, a.Err, a.Body)
	case op.Method != http.MethodHead:
		checkError(t, a, a.Status, a.Code())
	}
	uploads := slices.Contains([]string{"PutObject", "CopyObject", "CreateMultipartUpload", "PostObject"}, op.Name)
	for _, x := range got {
		path, query, _ := strings.Cut(x.Target, "?")
		if path != "/"+e.bucket && path != "/"+e.bucket+"/dir/k" && path != systemPath && !strings.HasPrefix(path, systemPath+"/") {
			t.Errorf("the store got %s %s", x.Method, x.Target)
		}
		if !op.Write && x.Method != http.MethodGet && x.Method != http.MethodHead {
			t.Errorf("to read, the store got %s %s", x.Method, x.Target)
		}
		for name := range stray {
			describes := uploads && slices.Contains(describing, name) && !strings.HasPrefix(path, systemPath)
			if name == "X-Minio-Source-Etag" { // which the gateway tells MinIO, too
				describes = x.Header.Get(name) != stray.Get(name)
			}
			if v := x.Header[name]; v != nil && !describes {
				t.Errorf("%s %s: the store got %s: %s", x.Method, x.Target, name, v)
			}
		}
		for _, name := range []string{"x-id", "X-Amz-Signature", "X-Amz-Credential", "attributes", "encryption"} {
			if strings.Contains(query, name) {
				t.Errorf("the store got %s %s", x.Method, x.Target)
			}
		}
		e.checkSigner(t, x)
	}
}

// example returns a request of the operation with everything a client could
// add to it.
func (e *endpoint) example(t *testing.T, op *s3api.Operation, key string) wire.Request {
	t.Helper()
	method, target, h := op.Example(e.bucket, key)
	r := wire.Request{Method: method, Target: target, Header: stray.Clone()}
	maps.Copy(r.Header, h)
	if op.Name == "PostObject" {
		r.Body = e.form(t, e.bucket, key).request().Body
	}
	if op.Document {
		r.Body = []byte("<nothing/>")
		if doc := performed[op.Name]; doc != "" {
			r.Body = []byte(doc)
		}
		switch op.Name { // of these the gateway looks at the form
		case "PutBucketPolicy":
			r.Body = []byte("{}")
		case "CreateBucket":
			r.Body = []byte("<CreateBucketConfiguration/>")
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
