package gateway

import (
	"net/http"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// preflightHeader are the request headers with which a browser asks whether a
// page of another origin may make a request (Fetch, section 3.3.3).
var preflightHeader = []string{"Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"}

// isPreflight reports whether the request is such a question.
func (c *call) isPreflight() bool {
	return c.r.Method == http.MethodOptions && c.header.Get("Origin") != "" && c.header.Get("Access-Control-Request-Method") != ""
}

// preflight passes a browser's question on: which origins may do what, the
// store knows. Browsers do not sign it, and the answer holds nothing else.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
func (c *call) preflight() error {
	c.out.Operation, c.out.Bucket = "Preflight", c.bucket
	if c.bucket == "" || c.isSystem(c.bucket) {
		return s3api.ErrAccessDenied
	}
	sr := &storeRequest{method: http.MethodOptions, bucket: c.bucket, key: c.key, header: make(http.Header, 8), unsigned: true}
	copyHeaders(sr.header, c.header, preflightHeader)
	resp, err := c.send(c.r.Context(), sr)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return c.storeError(resp)
	}
	drain(resp.Body)
	c.w.Header()["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// crossOrigin puts what the store's first answer says about requests from pages
// of other origins into the response, whatever comes of the request.
func (c *call) crossOrigin(from http.Header) {
	h := c.w.Header()
	for name, values := range from {
		if isCrossOrigin(name) {
			h[name] = values
		}
	}
	if vary := from["Vary"]; len(vary) > 0 {
		h["Vary"] = vary
	}
}

func isCrossOrigin(name string) bool { return strings.HasPrefix(name, "Access-Control-") }
