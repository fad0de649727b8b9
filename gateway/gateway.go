package gateway

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// Gateway answers S3 requests from an encrypted view of a plain store. It is
// safe for concurrent use.
type Gateway struct {
	cfg      Config
	verifier *sigv4.Verifier
	signer   *sigv4.Signer
	records  cache[recordID, *encryptor.Record]
	entries  cache[entryID, s3api.Rewritten]
	listings listings
	settings settingsCache
	uploads  cache[uploadID, *uploadState]
	sweeper  sweeper
	kind     atomic.Pointer[string] // what the store calls itself, nil before its first answer
}

// New returns a gateway with the given configuration. It contacts nothing.
func New(cfg Config) (*Gateway, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	encryptor.Reserve()
	g := &Gateway{
		cfg:      cfg,
		signer:   new(sigv4.Signer),
		records:  newWeighted(recordCacheWeight, weighRecord),
		entries:  newCache[entryID, s3api.Rewritten](entryCacheSize),
		listings: listings{buckets: newCache[string, bool](listingsCacheSize)},
		uploads:  newCache[uploadID, *uploadState](uploadCacheSize),
	}
	g.verifier = &sigv4.Verifier{
		Lookup: func(accessKey string) (sigv4.Secret, bool) {
			cred, ok := cfg.Credentials.Lookup(accessKey)
			if !ok {
				return sigv4.Secret{}, false
			}
			return cred.Secret, true
		},
		Region: cfg.Region,
		Now:    cfg.Now,
	}
	return g, nil
}

// Serve answers r. It always writes the whole answer itself, errors included,
// unless what the store sends turns out to be bad after the response header
// is out: then it panics with http.ErrAbortHandler, so that the server cuts
// the connection and no client takes a short body for a complete one.
func (g *Gateway) Serve(w http.ResponseWriter, r *http.Request, in Inbound) {
	c := &call{g: g, w: w, r: r, header: in.Header, via: in.Via, secure: in.Secure, out: in.Outcome, id: newRequestID(), cors: new(sync.Once)}
	if c.header == nil {
		c.header = r.Header
	}
	if c.out == nil {
		c.out = new(Outcome)
	}
	if t := g.cfg.Upstream.Transport; t != nil {
		c.via = t
	}
	w.Header().Set("X-Amz-Request-Id", c.id)
	defer func() {
		if c.early != nil {
			c.early.stop()
		}
	}()
	if err := c.serve(in.Target); err != nil {
		c.fail(err)
	}
}

// serve is the life of a request: who asks, what for, may they, do it.
func (c *call) serve(target string) error {
	if err := c.parse(target); err != nil {
		return err
	}
	if c.isPreflight() {
		return c.preflight()
	}
	if err := c.authenticate(target); err != nil {
		return err
	}
	if err := c.route(); err != nil {
		return err
	}
	if err := c.authorize(); err != nil {
		return err
	}
	handle := c.handler()
	if handle == nil {
		return s3api.ErrNotImplemented.WithMessage("%s is not supported by this gateway.", c.op.Name)
	}
	c.proceed()
	return handle(c)
}

// proceed tells a client that wants to be told to go on although it has no
// body to send. Servers need not (RFC 9110, section 10.1.1) and Go's does not,
// but S3 does, and botocore mistakes the next answer on the connection without.
func (c *call) proceed() {
	if c.r.ContentLength == 0 && c.r.ProtoAtLeast(1, 1) && c.r.ProtoMajor == 1 && strings.EqualFold(c.r.Header.Get("Expect"), "100-continue") {
		c.w.WriteHeader(http.StatusContinue)
	}
}

// authenticate is the only way to a client's identity. What it leaves in
// c.auth includes the verifier that a body must be read through.
func (c *call) authenticate(target string) (err error) {
	c.auth, err = c.g.verifier.Verify(c.r, target, c.header)
	if err != nil {
		return err
	}
	c.query = c.auth.Query
	if len(c.auth.Hoisted) > 0 {
		merged := c.header.Clone()
		maps.Copy(merged, c.auth.Hoisted)
		c.header = merged
	}
	accessKey := c.auth.AccessKey
	if c.isForm() {
		if accessKey, err = c.authenticateForm(); err != nil {
			return err
		}
	}
	if accessKey == "" {
		return nil
	}
	cred, ok := c.g.cfg.Credentials.Lookup(accessKey)
	if !ok { // removed since the signature was checked
		return s3api.ErrInvalidAccessKeyID
	}
	c.cred = cred
	c.out.AccessKey = cred.AccessKey
	return nil
}

// route names the operation. Anything not known is refused here.
func (c *call) route() (err error) {
	c.op, err = s3api.Route(c.r.Method, c.bucket, c.key, c.query, c.header)
	if err != nil {
		return err
	}
	c.query = c.query.Del("x-id") // the operation's name again, which SDKs add
	c.out.Operation, c.out.Bucket = c.op.Name, c.bucket
	return nil
}

// authorize checks what the client may do. Anonymous requests may read
// objects of public buckets and nothing else.
func (c *call) authorize() error {
	if c.cred == nil {
		if c.isSystem(c.bucket) {
			return s3api.ErrAccessDenied
		}
		if (c.op.Name == "GetObject" || c.op.Name == "HeadObject") && matchAny(c.g.cfg.PublicBuckets, c.bucket) {
			return nil
		}
		return s3api.ErrAccessDenied
	}
	if c.cred.ReadOnly && c.op.Write {
		return s3api.ErrAccessDenied.WithMessage("The access key is read-only.")
	}
	if c.bucket != "" && (c.isSystem(c.bucket) || !c.cred.mayUse(c.bucket)) {
		return s3api.ErrAccessDenied
	}
	return nil
}

func (cr *Credential) mayUse(bucket string) bool {
	return len(cr.Buckets) == 0 || matchAny(cr.Buckets, bucket)
}

// handler returns what performs the operation, or nil if nothing does.
func (c *call) handler() func(*call) error {
	if h, ok := handlers[c.op.Name]; ok {
		return h
	}
	if c.op.Class == s3api.Pass {
		return (*call).pass
	}
	return nil
}

// handlers perform the operations that are more than passing the request on.
var handlers = map[string]func(*call) error{
	"PutObject":          (*call).putObject,
	"PostObject":         (*call).postObject,
	"GetObject":          (*call).getObject,
	"HeadObject":         (*call).headObject,
	"DeleteObject":       (*call).deleteObject,
	"DeleteObjects":      (*call).deleteObjects,
	"ListBuckets":        (*call).listBuckets,
	"ListObjects":        (*call).listObjects,
	"ListObjectsV2":      (*call).listObjectsV2,
	"ListObjectVersions": (*call).listObjectVersions,

	"CopyObject":             (*call).copyObject,
	"GetObjectAttributes":    (*call).getObjectAttributes,
	"RestoreObject":          (*call).pass,
	"UpdateObjectEncryption": (*call).updateObjectEncryption,
	"UploadPartCopy":         (*call).uploadPartCopy,

	"CreateMultipartUpload":   (*call).createMultipartUpload,
	"UploadPart":              (*call).uploadPart,
	"CompleteMultipartUpload": (*call).completeMultipartUpload,
	"AbortMultipartUpload":    (*call).abortMultipartUpload,
	"ListParts":               (*call).listParts,
	"ListMultipartUploads":    (*call).listMultipartUploads,

	"PutBucketEncryption":    (*call).putBucketEncryption,
	"GetBucketEncryption":    (*call).getBucketEncryption,
	"DeleteBucketEncryption": (*call).deleteBucketEncryption,
	"DeleteBucket":           (*call).deleteBucket,
}

// Close releases what the gateway holds. Requests in flight are not affected.
func (g *Gateway) Close() {
	g.records.close()
	g.entries.close()
	g.listings.close()
	g.uploads.close()
}

// newRequestID returns 16 upper-case hexadecimal digits, as S3's request ids.
func newRequestID() string {
	return fmt.Sprintf("%016X", rand.Uint64()) //nolint:gosec // not a secret
}
