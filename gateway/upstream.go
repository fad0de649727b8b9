package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// storeRequest is a request of the gateway's own to the store. Only what is
// named here goes out: nothing of the client's request is passed on as it is.
type storeRequest struct {
	method      string
	bucket, key string
	query       s3api.Query
	header      http.Header                   // sent and signed; may be nil
	body        io.ReadCloser                 // nil for none
	getBody     func() (io.ReadCloser, error) // the same bytes again, where that is possible
	length      int64
	payloadHash string // value of x-amz-content-sha256; "" when there is no body
	system      bool   // about the system bucket, so never on a client's behalf
	unsigned    bool   // as anybody could send it
}

// versionQuery names a version of an object, "" the latest.
func versionQuery(id string) s3api.Query {
	if id == "" {
		return nil
	}
	return s3api.Query{{Name: "versionId", Value: id, HasValue: true}}
}

// unreachableError is the error of a request to the store that got no answer.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return "reaching the store: " + e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// errDotSegment is for keys that are relative paths in part. Some stores, and
// servers in front of them, follow these to another object, even of another
// bucket, where the client may have no business.
var errDotSegment = s3api.ErrInvalidURI.WithMessage("Object keys with . or .. as a path segment are not supported.")

// checkKey refuses keys of which it is not sure that the store takes them for
// what they say.
func checkKey(key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return errDotSegment
		}
	}
	return nil
}

// send signs the request and sends it to the store. Whatever the store
// answers is a response, not an error; what others answer in its place is one.
func (c *call) send(ctx context.Context, sr *storeRequest) (*http.Response, error) {
	if err := checkKey(sr.key); err != nil {
		return nil, err
	}
	u := &c.g.cfg.Upstream
	path := "/" + sr.bucket
	if sr.key != "" {
		path += "/" + sr.key
	}
	h := sr.header
	if h == nil {
		h = make(http.Header, 6)
	}
	// Go's transport would ask for gzip and unpack it: an object that was
	// stored with Content-Encoding: gzip is ciphertext and must arrive as it is.
	h["Accept-Encoding"] = []string{"identity"}
	h["User-Agent"] = nil
	origin := c.header["Origin"]
	if len(origin) > 0 && !sr.system {
		h["Origin"] = origin
	}
	req := (&http.Request{
		Method: sr.method,
		URL: &url.URL{
			Scheme:   u.Endpoint.Scheme,
			Host:     u.Endpoint.Host,
			Path:     path,
			RawPath:  s3api.EscapePath(path),
			RawQuery: sr.query.Encode(),
		},
		Host:       u.Endpoint.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     h,
	}).WithContext(ctx)
	if sr.body != nil {
		req.Body, req.GetBody, req.ContentLength = sr.body, sr.getBody, sr.length
		if sr.length == 0 {
			req.Body, req.GetBody = http.NoBody, nil
		}
	}
	if !sr.unsigned {
		c.sign(req, sr)
	}
	resp, err := c.via.RoundTrip(req)
	if err != nil {
		return nil, &unreachableError{err}
	}
	if err := notStranger(req.Method, resp); err != nil {
		return nil, &unreachableError{err}
	}
	if req.Method == http.MethodHead {
		if err := c.confirm(ctx, sr, h, resp); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	c.g.saw(resp.Header)
	if len(origin) > 0 && !sr.system {
		c.cors.Do(func() { c.crossOrigin(resp.Header) })
	}
	return resp, nil
}

// minIO is what MinIO calls itself in the Server header of its answers.
const minIO = "MinIO"

// saw takes note of what the store calls itself.
func (g *Gateway) saw(h http.Header) {
	name := h.Get("Server")
	if known := g.kind.Load(); known == nil || *known != name {
		g.kind.Store(&name)
	}
}

// onMinIO reports whether the store is known to be MinIO.
func (g *Gateway) onMinIO() bool {
	name := g.kind.Load()
	return name != nil && *name == minIO
}

func (c *call) sign(req *http.Request, sr *storeRequest) {
	u := &c.g.cfg.Upstream
	payloadHash := sr.payloadHash
	if payloadHash == "" {
		payloadHash = sigv4.EmptySHA256
	}
	cred := u.Credential
	if u.Identity == IdentityClient && !sr.system {
		if c.cred == nil {
			return
		}
		cred = sigv4.Credential{AccessKey: c.cred.AccessKey, Secret: c.cred.Secret}
	}
	c.g.signer.Sign(req, cred, u.Region, payloadHash, c.g.cfg.Now())
}

// maxErrorDocument bounds what is read of a store's error answer.
const maxErrorDocument = 64 << 10

// storeError reads a response that is not a success as an error. It closes
// the body.
func (c *call) storeError(resp *http.Response) error {
	defer resp.Body.Close()
	doc, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorDocument))
	if err != nil {
		return &unreachableError{err}
	}
	e := s3api.ParseError(resp.StatusCode, doc)
	if code := resp.Header.Get("X-Minio-Error-Code"); len(doc) == 0 && ourFault[code] {
		e = &s3api.Error{Code: code, Status: resp.StatusCode} // what MinIO says where HEAD leaves no body for it
	}
	c.errorHeader = resp.Header
	if ourFault[e.Code] && c.g.cfg.Upstream.Identity == IdentityService {
		// About the gateway's own request, so it must not reach the client as
		// if it were about the client's.
		return fmt.Errorf("the store refused the gateway's request: %w", &hiddenError{e})
	}
	return e
}

// hiddenError keeps a store's error out of reach of errors.As.
type hiddenError struct{ e *s3api.Error }

func (h *hiddenError) Error() string { return h.e.Error() }

// ourFault are the codes of errors in how the gateway authenticates to the
// store or sends a body.
var ourFault = map[string]bool{
	"AuthorizationHeaderMalformed": true,
	"BadDigest":                    true,
	"InvalidAccessKeyId":           true,
	"InvalidDigest":                true,
	"MissingContentLength":         true,
	"MissingSecurityHeader":        true,
	"RequestTimeTooSkewed":         true,
	"SignatureDoesNotMatch":        true,
	"XAdminUserNotFound":           true, // VersityGW's InvalidAccessKeyId
	"XAmzContentChecksumMismatch":  true,
	"XAmzContentSHA256Mismatch":    true,
}

// littleLeft is how much of a body is rather read than given up together with
// its connection, in bytes.
const littleLeft = 256 << 10

// drain reads what little is left of a response body, so that the connection
// can be used again, and closes it.
func drain(body io.ReadCloser) {
	if body == http.NoBody {
		return
	}
	_, _ = io.CopyN(io.Discard, body, littleLeft) // a connection that breaks here is simply not used again
	_ = body.Close()
}

// discard is drain for a body of which much may be left.
func discard(resp *http.Response) {
	if resp.ContentLength > littleLeft {
		_ = resp.Body.Close()
		return
	}
	drain(resp.Body)
}
