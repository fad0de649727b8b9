package rotation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// Client is a Store that is reached over HTTP. The fields are not changed while
// it is used.
type Client struct {
	Endpoint   *url.URL // scheme and host
	Transport  http.RoundTripper
	Region     string
	Credential sigv4.Credential

	// Plain sends uploads without a checksum, for stores that refuse the header.
	Plain bool

	// Limit bounds the requests. Default: no bound.
	Limit *rate.Limiter

	signer sigv4.Signer
	kind   atomic.Pointer[string]
}

var _ Store = (*Client)(nil)

const (
	// maxAnswer bounds the documents that are read, in bytes.
	maxAnswer = 16 << 20

	// attempts is how often a request is made whose failure may pass.
	attempts   = 6
	firstPause = 200 * time.Millisecond
)

// request is one request to the store.
type request struct {
	method string
	name   Name
	query  s3api.Query
	header http.Header
	body   io.Reader // nil for none, then the request may be repeated
	doc    []byte    // a body that can be sent again
	size   int64     // of body, in bytes
	once   bool      // do not repeat: the first attempt may have worked
}

// do sends a request until the store says something that will not be better
// the next time. An answer that is no success is an *s3api.Error.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		resp, err := c.try(ctx, r)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r.body != nil || r.once || attempt == attempts || !passing(err) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads requests, is no secret
		}
		pause *= 2
	}
}

// passing reports whether trying again may help.
func passing(err error) bool {
	e, ok := errors.AsType[*s3api.Error](err)
	return !ok || e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented ||
		e.Status == http.StatusTooManyRequests
}

func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	if c.Limit != nil {
		if err := c.Limit.Wait(ctx); err != nil {
			return nil, err
		}
	}
	for segment := range strings.SplitSeq(r.name.Key, "/") {
		if segment == "." || segment == ".." { // which somebody on the way may follow elsewhere
			return nil, s3api.ErrInvalidURI
		}
	}
	path := "/" + r.name.Bucket
	if r.name.Key != "" {
		path += "/" + r.name.Key
	}
	h := r.header.Clone()
	if h == nil {
		h = make(http.Header, 8)
	}
	h["Accept-Encoding"] = []string{"identity"}
	h["User-Agent"] = nil
	q := r.query
	if r.name.VersionID != "" {
		q = append(slices.Clip(q), s3api.Param{Name: "versionId", Value: r.name.VersionID, HasValue: true})
	}
	req := (&http.Request{
		Method: r.method,
		URL: &url.URL{
			Scheme: c.Endpoint.Scheme, Host: c.Endpoint.Host,
			Path: path, RawPath: s3api.EscapePath(path), RawQuery: q.Encode(),
		},
		Host: c.Endpoint.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
	}).WithContext(ctx)
	hash := sigv4.EmptySHA256
	switch {
	case r.doc != nil:
		hash = documentHash(req, r.doc)
	case r.body != nil:
		hash = sigv4.UnsignedPayload
		req.Body, req.ContentLength = io.NopCloser(r.body), r.size
	}
	c.signer.Sign(req, c.Credential, c.Region, hash, time.Now())
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("reaching the store: %w", err)
	}
	kind := resp.Header.Get("Server")
	c.kind.Store(&kind)
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	return nil, refusal(r.method, resp)
}

// maxQuoted is how much is repeated of what is no store answer, in bytes.
const maxQuoted = 200

// refusal returns an answer that is no success as an error. It is no
// *s3api.Error if something in the store's place gave the answer, such as a load
// balancer that has lost it: an object would be taken to be gone, or a bucket to
// have no default lock. From 500 up that makes no difference. That there is
// nothing, stores say with a document, except to HEAD.
func refusal(method string, resp *http.Response) error {
	doc, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("reading the store's answer: %w", err)
	}
	says := len(doc) > 0 || resp.StatusCode == http.StatusNotFound && method != http.MethodHead
	if resp.StatusCode < http.StatusInternalServerError && says && !s3api.IsError(doc) {
		return fmt.Errorf("the answer with status %d is not of an S3 store: %q", resp.StatusCode, doc[:min(len(doc), maxQuoted)])
	}
	return s3api.ParseError(resp.StatusCode, doc)
}

// document sends a request and returns the document that answers it.
func (c *Client) document(ctx context.Context, r request) ([]byte, http.Header, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	doc, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the store's answer: %w", err)
	}
	if len(doc) > maxAnswer {
		return nil, nil, fmt.Errorf("the store's answer is longer than %d bytes", maxAnswer)
	}
	return doc, resp.Header, nil
}

// Kind implements Store.
func (c *Client) Kind() string {
	if k := c.kind.Load(); k != nil {
		return *k
	}
	return ""
}

func param(name, value string) s3api.Param {
	return s3api.Param{Name: name, Value: value, HasValue: true}
}

func number(name string, n int) s3api.Param { return param(name, strconv.Itoa(n)) }

func unquote(etag string) string { return strings.Trim(etag, `"`) }

func quote(etag string) string { return `"` + etag + `"` }
