package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// call is one request while it is handled.
type call struct {
	g      *Gateway
	w      http.ResponseWriter
	r      *http.Request
	header http.Header // of the request, with what a presigned URL carried in its query
	via    http.RoundTripper
	secure bool
	out    *Outcome
	id     string

	auth  *sigv4.Auth
	form  *s3api.PostForm // of a browser upload, read up to its file
	cred  *Credential     // nil when anonymous
	op    *s3api.Operation
	query s3api.Query

	bucket, key string
	virtual     bool // the bucket is named by the host

	early       *earlyWriter // nil unless w is one
	started     bool         // the response header is out
	errorHeader http.Header  // what the store said besides an error
	retryAfter  time.Duration
	cors        *sync.Once // the store's word on other origins is in the response
}

// start sends the response header.
func (c *call) start(status int) {
	c.started = true
	c.out.Status = status
	c.w.WriteHeader(status)
}

// fail ends the request with an error: as an S3 error document while that is
// possible, by cutting the connection afterwards.
func (c *call) fail(err error) {
	if errors.Is(err, encryptor.ErrNotAuthentic) {
		c.out.Tampered = true
	}
	if c.started || c.early.spoilt(c.out.Operation) {
		c.out.Aborted = true
		c.logFailure("response aborted", err)
		panic(http.ErrAbortHandler)
	}
	if c.r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		c.out.Aborted = true
		panic(http.ErrAbortHandler) // the client is gone
	}
	e := c.asS3Error(err)
	c.out.ErrorCode = e.Code
	if c.out.Tampered || e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented {
		c.logFailure("request failed", err)
	}
	c.writeError(e)
}

// asS3Error turns any error into the one the client sees. What is not an S3
// error already stays inside.
func (c *call) asS3Error(err error) *s3api.Error {
	if e, ok := errors.AsType[*s3api.Error](err); ok {
		return e
	}
	if errors.Is(err, encryptor.ErrNotAuthentic) {
		return errTampered
	}
	if _, ok := errors.AsType[*unreachableError](err); ok {
		return s3api.ErrServiceUnavailable.WithMessage("The object store cannot be reached. Please try again.")
	}
	return s3api.ErrInternalError
}

func (c *call) writeError(e *s3api.Error) {
	c.clearHeader()
	h := c.w.Header()
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(seconds(c.retryAfter)))
	}
	if size := e.Field("ActualObjectSize"); size != "" && e.Status == http.StatusRequestedRangeNotSatisfiable {
		h.Set("Content-Range", "bytes */"+size)
	}
	if c.unreadBody() {
		// What is left of the body must not be taken for the next request.
		h.Set("Connection", "close")
	}
	copyHeaders(h, c.errorHeader, []string{"X-Amz-Delete-Marker", "X-Amz-Version-Id"})
	h.Set("Content-Type", "application/xml")
	resource := c.r.URL.Path
	if c.bucket != "" {
		resource = "/" + c.bucket
		if c.key != "" {
			resource += "/" + c.key
		}
	}
	body := e.XML(resource, c.id, "")
	if c.r.Method == http.MethodHead {
		h.Del("Content-Type")
		c.start(e.Status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.start(e.Status)
	_, _ = c.w.Write(body) // the client is gone: nobody to tell
}

// clearHeader takes everything about the outcome out of the response header.
func (c *call) clearHeader() {
	h := c.w.Header()
	for name := range h {
		if name != "X-Amz-Request-Id" && !serverHeader[name] && !isCrossOrigin(name) {
			delete(h, name) // not all are in canonical form
		}
	}
}

// unreadBody reports whether the client may still be sending a body over a
// connection that could be used again. HTTP/2 streams end by themselves.
func (c *call) unreadBody() bool {
	return c.r.ProtoMajor == 1 && c.r.ContentLength != 0 && c.r.Body != nil && c.r.Body != http.NoBody
}

func (c *call) logFailure(msg string, err error) {
	level := slog.LevelError
	if errors.Is(err, context.Canceled) {
		level = slog.LevelDebug
	} else if _, ok := errors.AsType[*unreachableError](err); ok || errors.Is(err, kms.ErrUnavailable) || errors.Is(err, kms.ErrThrottled) {
		level = slog.LevelWarn // an outage, of which there is one entry a request
	}
	c.g.cfg.Logger.LogAttrs(c.r.Context(), level, msg,
		slog.String("request_id", c.id),
		slog.String("operation", c.out.Operation),
		slog.String("bucket", c.bucket),
		slog.String("key", c.key),
		slog.String("error", err.Error()))
}

// document reads the body of an operation that takes an XML or JSON document
// of at most limit bytes. When it returns without an error, the signature over
// the body has been verified.
func (c *call) document(body io.Reader, limit int64) ([]byte, error) {
	if n := c.auth.DecodedLength; n > limit {
		return nil, s3api.ErrMaxMessageLengthExceeded.With("MaxMessageLengthBytes", strconv.FormatInt(limit, 10))
	}
	doc, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if int64(len(doc)) > limit {
		return nil, s3api.ErrMaxMessageLengthExceeded.With("MaxMessageLengthBytes", strconv.FormatInt(limit, 10))
	}
	return doc, nil
}

// serverHeader are response headers that the server around the gateway set
// and that stay on errors.
var serverHeader = map[string]bool{"Server": true, "Alt-Svc": true, "Strict-Transport-Security": true, "Via": true, "Vary": true}
