package s3api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// header makes a header of name, value pairs.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestRoute(t *testing.T) {
	copySource := header("x-amz-copy-source", "/b/k")
	tests := []struct {
		method, target string
		h              http.Header
		want           string // an operation or the code of an error
	}{
		{"GET", "/", nil, "ListBuckets"},
		{"GET", "/?x-id=ListBuckets", nil, "ListBuckets"},
		{"GET", "/bucket", nil, "ListObjects"},
		{"GET", "/bucket/", nil, "ListObjects"},
		{"GET", "/bucket?list-type=2&prefix=a&delimiter=%2F", nil, "ListObjectsV2"},
		{"GET", "/bucket/?versions&max-keys=1", nil, "ListObjectVersions"},
		{"GET", "/bucket?acl=", nil, "GetBucketAcl"},
		{"GET", "/bucket/key", nil, "GetObject"},
		{"GET", "/bucket//", nil, "GetObject"},
		{"GET", "/bucket/key?versionId=null&response-content-type=a%2Fb", nil, "GetObject"},
		{"HEAD", "/bucket/key?partNumber=1", nil, "HeadObject"},
		{"PUT", "/bucket/key", nil, "PutObject"},
		{"PUT", "/bucket/key", copySource, "CopyObject"},
		{"PUT", "/bucket/key", header("x-amz-copy-source", ""), "CopyObject"},
		{"PUT", "/bucket/key?uploadId=u&partNumber=1", nil, "UploadPart"},
		{"PUT", "/bucket/key?uploadId=u&partNumber=1", copySource, "UploadPartCopy"},
		{"PUT", "/bucket?encryption", nil, "PutBucketEncryption"},
		{"PUT", "/bucket/key?encryption", nil, "UpdateObjectEncryption"},
		{"POST", "/bucket?delete", nil, "DeleteObjects"},
		{"POST", "/bucket", nil, "PostObject"},
		{"POST", "/bucket", header("x-amz-request-route", "r"), "WriteGetObjectResponse"},
		{"POST", "/bucket/key?uploads", nil, "CreateMultipartUpload"},
		{"POST", "/bucket/key?uploadId=u", nil, "CompleteMultipartUpload"},
		{"DELETE", "/bucket/key?uploadId=u", nil, "AbortMultipartUpload"},
		{"DELETE", "/bucket/key?versionId=v", nil, "DeleteObject"},
		{"GET", "/bucket?analytics", nil, "ListBucketAnalyticsConfigurations"},
		{"GET", "/bucket?analytics&id=1", nil, "GetBucketAnalyticsConfiguration"},

		// Two sub-resources, and parameters that belong elsewhere.
		{"GET", "/bucket?acl&policy", nil, "NotImplemented"},
		{"GET", "/bucket?list-type=2&versions", nil, "NotImplemented"},
		{"PUT", "/bucket/key?tagging&acl", nil, "NotImplemented"},
		{"DELETE", "/bucket/key?uploadId=u&tagging", nil, "NotImplemented"},
		{"PUT", "/bucket/key?partNumber=1", nil, "NotImplemented"},
		{"PUT", "/bucket/key?versionId=v", nil, "NotImplemented"},
		{"PUT", "/bucket/key?uploadId=u", copySource, "MethodNotAllowed"},
		{"GET", "/bucket?uploadId=u", nil, "NotImplemented"},
		{"DELETE", "/bucket?versionId=v", nil, "NotImplemented"},
		{"GET", "/bucket?max-keys=1&policy", nil, "NotImplemented"},
		// Sub-resources with a value they do not have.
		{"GET", "/bucket?list-type=1", nil, "NotImplemented"},
		{"GET", "/bucket?list-type", nil, "NotImplemented"},
		{"GET", "/bucket?acl=1", nil, "NotImplemented"},
		{"GET", "/bucket/key?uploadId=", nil, "NotImplemented"},
		{"POST", "/bucket/key?select", nil, "NotImplemented"},
		{"POST", "/bucket/key?select&select-type=1", nil, "NotImplemented"},
		{"GET", "/bucket?ACL", nil, "NotImplemented"},
		// Extensions of stores.
		{"GET", "/bucket?list-type=2&metadata=true", nil, "NotImplemented"},
		{"GET", "/bucket?versions&metadata=true", nil, "NotImplemented"},
		{"GET", "/bucket?events=s3:ObjectCreated:*", nil, "NotImplemented"},
		{"GET", "/bucket/key?lambdaArn=arn", nil, "NotImplemented"},
		{"GET", "/bucket?replication-metrics", nil, "NotImplemented"},
		{"PUT", "/bucket?replication-reset", nil, "NotImplemented"},
		{"DELETE", "/bucket?force=true", nil, "NotImplemented"},
		{"GET", "/minio/metrics/v3", nil, "InvalidBucketName"},
		{"POST", "/?Action=AssumeRole", nil, "NotImplemented"},
		{"POST", "/WriteGetObjectResponse", header("x-amz-request-route", "r"), "InvalidBucketName"},
		// Parameters of presigned URLs that nobody took away.
		{"GET", "/bucket/key?X-Amz-Signature=1", nil, "NotImplemented"},
		{"PUT", "/bucket/key?x-amz-copy-source=%2Fb%2Fk", nil, "NotImplemented"},

		// Methods.
		{"POST", "/", nil, "MethodNotAllowed"},
		{"PUT", "/", nil, "MethodNotAllowed"},
		{"DELETE", "/", nil, "MethodNotAllowed"},
		{"HEAD", "/", nil, "MethodNotAllowed"},
		{"POST", "/bucket/key", nil, "MethodNotAllowed"},
		{"POST", "/bucket/key?x-id=PostObject", nil, "MethodNotAllowed"},
		{"HEAD", "/bucket?acl", nil, "MethodNotAllowed"},
		{"DELETE", "/bucket/key?acl", nil, "MethodNotAllowed"},
		{"POST", "/bucket?policy", nil, "MethodNotAllowed"},
		{"PATCH", "/bucket/key", nil, "MethodNotAllowed"},
		{"get", "/bucket/key", nil, "MethodNotAllowed"},
		{"", "/bucket/key", nil, "MethodNotAllowed"},
		{"OPTIONS", "/bucket/key", nil, "NotImplemented"},

		// Headers.
		{"PUT", "/bucket/key", header("x-amz-write-offset-bytes", "0"), "NotImplemented"},
		{"PUT", "/bucket/key", header("x-amz-rename-source", "/b/k"), "NotImplemented"},
		{"GET", "/bucket/key", copySource, "InvalidArgument"},
		{"DELETE", "/bucket/key", copySource, "InvalidArgument"},
		{"PUT", "/bucket", copySource, "InvalidArgument"},
		{"PUT", "/bucket/key?acl", copySource, "InvalidArgument"},
		{"POST", "/bucket/key?uploads", copySource, "InvalidArgument"},
		{"PUT", "/bucket/key?partNumber=1", copySource, "NotImplemented"},
		{"GET", "/bucket/key?versionId=a&versionId=b", nil, "InvalidArgument"},
		{"GET", "/bucket?acl&acl", nil, "InvalidArgument"},
		{"GET", "/bucket/key?x-id=a&x-id=b", nil, "InvalidArgument"},
	}
	for _, tt := range tests {
		o, err := routeTarget(tt.method, tt.target, tt.h)
		got := ""
		var e *Error
		switch {
		case errors.As(err, &e):
			got = e.Code
		case err == nil:
			got = o.Name
		}
		if got != tt.want || (o == nil) == (err == nil) {
			t.Errorf("%s %s %v: %s (%v), want %s", tt.method, tt.target, tt.h, got, err, tt.want)
		}
	}
}

func TestRouteStreaming(t *testing.T) {
	for _, o := range Operations() {
		method, target, h := o.Example("bucket", "key")
		for _, value := range []string{
			"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
			"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-INVENTED",
		} {
			h.Set("X-Amz-Content-Sha256", value)
			_, err := routeTarget(method, target, h)
			if o.Streaming && err != nil || !o.Streaming && !errors.Is(err, ErrStreamingNotAllowed) {
				t.Errorf("%s with %s: %v", o.Name, value, err)
			}
		}
		h["X-Amz-Content-Sha256"] = []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
		if _, err := routeTarget(method, target, h); !o.Streaming && err == nil {
			t.Errorf("%s with a second, streaming value is routed", o.Name)
		}
		h.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		if _, err := routeTarget(method, target, h); err != nil {
			t.Errorf("%s with UNSIGNED-PAYLOAD: %v", o.Name, err)
		}
	}
}

// inventedNames are no sub-resources: near misses, other people's extensions,
// and what may become one.
var inventedNames = []string{
	"invented", "x", "a", "0", "-", ".", "/", "acls", "ACL", "Acl", "acl ", " acl", "acl\x00", "ac", "policies", "Policy",
	"tags", "Tagging", "upload", "Uploads", "uploadid", "UploadId", "versionid", "version", "versionID", "List-Type",
	"deletes", "Delete", "delete-all", "deleted", "encrypt", "Encryption", "kms", "sse", "copy", "move", "rename",
	"append", "compose", "concat", "metadata", "meta", "events", "event", "lambdaArn", "replication-metrics",
	"replication-reset", "replication-check", "replicationMetrics", "storageClass", "usage", "quota", "lock",
	"objectLock", "object_lock", "legalhold", "legalHold", "retain", "restoreObject", "selectObject", "torrents",
	"website-config", "publicaccessblock", "ownershipcontrols", "abac2", "sessions", "annotations", "table", "vectors",
	"x-amz-acl", "X-Amz-Expires", "AWSAccessKeyId", "Signature", "Expires", "force", "force-delete", "x-minio-force-delete",
	"extract", "response-x", "prefixes", "Prefix", "x-id2", "X-Id", "é", "\xff",
}

// TestRouteInvented sweeps every method and level with every invented name,
// with and without a value: none of them is an operation, and no known
// operation stays one with such a name beside it.
func TestRouteInvented(t *testing.T) {
	if len(inventedNames) < 50 {
		t.Fatalf("only %d names", len(inventedNames))
	}
	levels := [][2]string{{"", ""}, {"bucket", ""}, {"bucket", "key"}}
	for _, name := range inventedNames {
		for _, p := range []Param{{name, "", false}, {name, "", true}, {name, "true", true}, {name, "2", true}} {
			for _, method := range append(slices.Clone(methods[:]), http.MethodOptions) {
				for _, l := range levels {
					o, err := Route(method, l[0], l[1], Query{p}, nil)
					if !errors.Is(err, ErrNotImplemented) || o != nil {
						t.Errorf("%s %v ?%s: %v, %v", method, l, name, o, err)
					}
				}
			}
			for _, o := range Operations() {
				method, target, h := o.Example("bucket", "key")
				_, raw, _ := strings.Cut(target, "?")
				q, err := ParseQuery(raw)
				if err != nil {
					t.Fatal(err)
				}
				l := levels[o.Level]
				for _, q := range []Query{append(slices.Clone(q), p), append(Query{p}, q...)} {
					if got, err := Route(method, l[0], l[1], q, h); !errors.Is(err, ErrNotImplemented) || got != nil {
						t.Errorf("%s with ?%s: %v, %v", o.Name, name, got, err)
					}
				}
			}
		}
	}
}

func TestRouteManyParameters(t *testing.T) {
	q := slices.Repeat(Query{{"versionId", "v", true}}, 1<<20)
	if _, err := Route(http.MethodGet, "bucket", "key", q, nil); !errors.Is(err, ErrNotImplemented) {
		t.Errorf("a million parameters: %v", err)
	}
}

func FuzzRoute(f *testing.F) {
	for _, o := range Operations() {
		method, target, h := o.Example("bucket", "key")
		f.Add(method, target, h.Get("X-Amz-Copy-Source"), "UNSIGNED-PAYLOAD")
	}
	f.Add("PUT", "/bucket/key?acl&tagging", "", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	f.Fuzz(func(t *testing.T, method, target, source, hash string) {
		h := header("X-Amz-Content-Sha256", hash)
		if source != "" {
			h.Set("X-Amz-Copy-Source", source)
		}
		o, err := routeTarget(method, target, h)
		if (o == nil) == (err == nil) {
			t.Fatalf("%v, %v", o, err)
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		_, raw, _ := strings.Cut(target, "?")
		q, err := ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range q {
			if p.Name != ignoredParam && !slices.Contains(o.Params, p.Name) &&
				!slices.ContainsFunc(o.required, func(r requirement) bool { return r.name == p.Name }) {
				t.Fatalf("%s %s is routed to %s in spite of %q", method, target, o.Name, p.Name)
			}
		}
		if o.Method != method || o.AliasOf != "" || source != "" && o.Header != headerCopySource {
			t.Fatalf("%s %s is routed to %s", method, target, o.Name)
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	h := header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", "X-Amz-Date", "20260101T000000Z", "Authorization", "x")
	id := Query{{"x-id", "GetObject", true}}
	for _, bb := range []struct {
		name, method string
		q            Query
	}{
		{"GetObject", http.MethodGet, nil},
		{"GetObject/x-id", http.MethodGet, id},
		{"HeadObject", http.MethodHead, nil},
		{"PutObject", http.MethodPut, nil},
		{"PutObject/x-id", http.MethodPut, id},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Route(bb.method, "bucket", "key", bb.q, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
