package gateway

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5, which stores ask for
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// verifiedDocument reads the document of an operation for which the client
// must send Content-MD5 or a checksum.
func (c *call) verifiedDocument(limit int64) ([]byte, error) {
	body := c.auth.Body(c.r.Body)
	doc, err := c.document(body, limit)
	if err != nil {
		return nil, err
	}
	return doc, s3api.VerifyDocument(c.header, c.auth.TrailerName, body.Trailer(), doc)
}

// setDocument makes doc the body of the request, with the digests by which
// the store checks it.
func (sr *storeRequest) setDocument(doc []byte, contentType string) {
	sum := sha256.Sum256(doc)
	sr.payloadHash = hex.EncodeToString(sum[:])
	md := md5.Sum(doc) //nolint:gosec // Content-MD5
	sr.header["Content-Md5"] = []string{base64.StdEncoding.EncodeToString(md[:])}
	if contentType != "" {
		sr.header["Content-Type"] = []string{contentType}
	}
	sr.length = int64(len(doc))
	sr.getBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(doc)), nil }
	sr.body = io.NopCloser(bytes.NewReader(doc))
}

// readDocument reads a store's answer of at most limit bytes and closes it.
func readDocument(resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close() //nolint:errcheck // read only
	doc, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, &unreachableError{err}
	}
	if int64(len(doc)) > limit {
		return nil, errors.New("the store's answer is too large")
	}
	return doc, nil
}

// readLarge is readDocument into a buffer that the caller releases.
func readLarge(resp *http.Response, limit int64) (*buffer, error) {
	if resp.ContentLength < 0 || resp.ContentLength > limit {
		doc, err := readDocument(resp, limit)
		return &buffer{b: doc, class: -1}, err
	}
	doc := getBuffer(int(resp.ContentLength))
	if _, err := io.ReadFull(resp.Body, doc.b); err != nil {
		_ = resp.Body.Close()
		doc.release()
		return nil, &unreachableError{err}
	}
	drain(resp.Body) // of its end, for the connection to be used again
	return doc, nil
}

// sendDocument answers with an XML document.
func (c *call) sendDocument(doc []byte) error {
	h := c.w.Header()
	h["Content-Type"] = []string{"application/xml"}
	h["Content-Length"] = []string{strconv.Itoa(len(doc))}
	c.start(http.StatusOK)
	if _, err := c.w.Write(doc); err != nil {
		return context.Canceled
	}
	return nil
}
