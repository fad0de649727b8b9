package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// passHeader are the request headers that operations passed on to the store
// may have.
var passHeader = []string{
	"X-Amz-Acl",
	"X-Amz-Bucket-Object-Lock-Enabled",
	"X-Amz-Bucket-Object-Lock-Token",
	"X-Amz-Bypass-Governance-Retention",
	"X-Amz-Confirm-Remove-Self-Bucket-Access",
	"X-Amz-Expected-Bucket-Owner",
	"X-Amz-Grant-Full-Control",
	"X-Amz-Grant-Read",
	"X-Amz-Grant-Read-Acp",
	"X-Amz-Grant-Write",
	"X-Amz-Grant-Write-Acp",
	"X-Amz-Mfa",
	"X-Amz-Object-Ownership",
	"X-Amz-Request-Payer",
	"X-Amz-Skip-Destination-Validation",
	"X-Amz-Transition-Default-Minimum-Object-Size",
}

// maxDocument is the largest configuration document in bytes.
const maxDocument = 1 << 20

// pass sends the operation to the store under the gateway's own signature and
// gives the answer back. Nothing of an object's content is in it.
func (c *call) pass() error {
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	sr := &storeRequest{method: c.r.Method, bucket: c.bucket, key: c.key, query: c.query, header: make(http.Header, 12)}
	copyHeaders(sr.header, c.header, passHeader)
	if err := c.passDocument(sr); err != nil {
		return err
	}
	resp, err := c.send(c.r.Context(), sr)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return c.storeError(resp)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	h := c.w.Header()
	for name, values := range resp.Header {
		if passesBack(name) {
			h[name] = values
		}
	}
	c.start(resp.StatusCode)
	if _, err := io.Copy(c.w, resp.Body); err != nil {
		return err
	}
	return nil
}

// passDocument reads and verifies the body, if the operation has one.
func (c *call) passDocument(sr *storeRequest) error {
	if !c.op.Document {
		return nil
	}
	read := c.verifiedDocument
	if required := c.op.DigestRequired && !digestForgotten[c.op.Name]; !required && !c.digestDeclared() {
		read = func(limit int64) ([]byte, error) { return c.document(c.auth.Body(c.r.Body), limit) }
	}
	doc, err := read(maxDocument)
	if err != nil {
		return err
	}
	if check := documentChecks[c.op.Name]; check != nil {
		if err := check(doc); err != nil {
			return err
		}
	}
	contentType := c.header.Get("Content-Type")
	if contentType == "" {
		contentType = "application/xml"
	}
	sr.setDocument(doc, contentType)
	return nil
}

// documentChecks refuse documents that would have the store do what it cannot
// do rightly with ciphertext, or what the gateway does not show it.
var documentChecks = map[string]func([]byte) error{
	"CreateBucket":    checkCreateBucket,
	"PutBucketPolicy": checkPolicy,
	"RestoreObject":   checkRestore,
}

// digestForgotten are operations whose documents come without a digest from
// widespread clients (minio-go, s3cmd), and S3 takes them.
var digestForgotten = map[string]bool{"PutBucketPolicy": true, "PutBucketAcl": true, "PutObjectAcl": true}

// digestDeclared reports whether the client says what the digest of the
// document is.
func (c *call) digestDeclared() bool {
	if c.header["Content-Md5"] != nil || c.auth.TrailerName != "" {
		return true
	}
	for name := range c.header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-") {
			return true
		}
	}
	return false
}

var errMalformedPolicy = &s3api.Error{
	Code: "MalformedPolicy", Status: http.StatusBadRequest, Message: "Policies must be valid JSON and the first byte must be '{'",
}

// checkPolicy refuses a bucket policy with conditions on how objects are
// encrypted: the store never sees the headers that these are about, so they
// would come to mean something else.
func checkPolicy(doc []byte) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errMalformedPolicy
		}
		// Strings come decoded: a name can be written with escapes, too.
		if s, ok := token.(string); ok && strings.Contains(strings.ToLower(s), "s3:x-amz-server-side-encryption") {
			return s3api.ErrNotImplemented.WithMessage("Bucket policies with conditions on s3:x-amz-server-side-encryption are not supported.")
		}
	}
}

// passesBack reports whether a response header of the store is given to the
// client by operations that are passed on.
func passesBack(name string) bool {
	switch name {
	case "Content-Type", "Content-Length", "Etag", "Last-Modified", "Location":
		return true
	case "X-Amz-Request-Id", "X-Amz-Id-2":
		return false
	}
	return strings.HasPrefix(name, "X-Amz-") && !metadata.Private(name) && !strings.HasPrefix(name, "X-Amz-Server-Side-Encryption")
}
