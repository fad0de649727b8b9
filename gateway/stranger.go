package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxQuoted is how much of what a stranger says is repeated in the log, in
// bytes.
const maxQuoted = 200

// notStranger returns an error if the answer is not the store's but that of
// something in its place, such as a load balancer that has lost the store, or
// a server that wants HTTPS. Its status would be misunderstood: 404 would mean
// that an object does not exist, or that a bucket has no settings.
//
// Stores explain what they refuse in a document of their own, except to HEAD
// (see confirm) and to browsers that ask before a request. That too many
// requests came, that a method is not for this resource, and everything from 500
// up means the same whoever says it. What they say without a word is taken for
// theirs, except that there is nothing: so do load balancers without a route.
func notStranger(method string, resp *http.Response) error {
	switch status := resp.StatusCode; {
	case method == http.MethodHead, method == http.MethodOptions, resp.Body == http.NoBody && status != http.StatusNotFound,
		status < http.StatusMultipleChoices, status == http.StatusNotModified, status == http.StatusMethodNotAllowed,
		status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return nil
	}
	doc, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorDocument))
	if err != nil {
		_ = resp.Body.Close()
		return err
	}
	if (len(doc) > 0 || resp.StatusCode == http.StatusNotFound) && !s3api.IsError(doc) {
		_ = resp.Body.Close()
		return fmt.Errorf("the answer with status %d is not of an S3 store: %q", resp.StatusCode, doc[:min(len(doc), maxQuoted)])
	}
	resp.Body = &readAgain{bytes.NewReader(doc), resp.Body}
	return nil
}

// confirm returns an error if the answer to sr, a HEAD with the header h, is
// that there is nothing and may be a stranger's: stores do not explain it, but
// give their answers ids. Who answers without one is asked for the same with GET,
// to which stores do explain it.
func (c *call) confirm(ctx context.Context, sr *storeRequest, h http.Header, resp *http.Response) error {
	if resp.StatusCode != http.StatusNotFound || resp.Header["X-Amz-Request-Id"] != nil {
		return nil
	}
	get := *sr
	get.method, get.header = http.MethodGet, h.Clone()
	if sr.key == "" {
		get.query = s3api.Query{{Name: "list-type", Value: "2", HasValue: true}, {Name: "max-keys", Value: "0", HasValue: true}}
	} else {
		get.header["Range"] = []string{"bytes=0-0"}
	}
	again, err := c.send(ctx, &get)
	if err != nil {
		return err
	}
	discard(again)
	if again.StatusCode != http.StatusNotFound {
		return &unreachableError{errors.New("there is nothing by the answer to HEAD, and something by that to GET")}
	}
	return nil
}

// readAgain is a response body of which the beginning has been read.
type readAgain struct {
	io.Reader
	io.Closer
}
