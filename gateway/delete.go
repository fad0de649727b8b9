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

// deleteHeader are the request headers of deletions that go to the store.
var deleteHeader = []string{
	"X-Amz-Bypass-Governance-Retention",
	"X-Amz-Expected-Bucket-Owner",
	"X-Amz-Mfa",
	"X-Amz-Request-Payer",
}

// deleteObject deletes the object or one version of it.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func (c *call) deleteObject() error {
	ctx := c.r.Context()
	cond, err := s3api.ParseDeleteCondition(c.header)
	if err != nil {
		return err
	}
	sr := &storeRequest{method: http.MethodDelete, bucket: c.bucket, key: c.key, query: c.query.Del("x-id"), header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, deleteHeader)
	if !cond.IsZero() {
		etag, err := c.storeCondition(ctx, c.key, c.query.Get("versionId"), cond)
		if err != nil {
			return err
		}
		sr.header["If-Match"] = []string{quote(etag)}
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return c.storeError(resp)
	}
	drain(resp.Body)
	copyHeaders(c.w.Header(), resp.Header, []string{"X-Amz-Delete-Marker", "X-Amz-Version-Id", "X-Amz-Request-Charged"})
	c.start(http.StatusNoContent)
	return nil
}

// deleteObjects deletes up to a thousand objects named in a document.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
func (c *call) deleteObjects() error {
	ctx := c.r.Context()
	doc, err := c.verifiedDocument(s3api.MaxDeleteBody)
	if err != nil {
		return err
	}
	del, err := s3api.ParseDelete(doc)
	if err != nil {
		return err
	}
	refused, err := c.translateConditions(ctx, del)
	if err != nil {
		return err
	}
	var answer []byte
	if len(del.Objects) > 0 {
		sr := &storeRequest{method: http.MethodPost, bucket: c.bucket, query: c.query.Del("x-id"), header: make(http.Header, 12)}
		copyHeaders(sr.header, c.header, deleteHeader)
		sr.setDocument(del.AppendXML(nil), "application/xml")
		resp, err := c.send(ctx, sr)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return c.storeError(resp)
		}
		if answer, err = readDocument(resp, s3api.MaxListing); err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		if answer, err = s3api.MergeDeleteResult(nil, answer, refused); err != nil {
			return err
		}
	}
	return c.sendDocument(answer)
}

// translateConditions replaces the ETags of del by the store's and takes out
// the objects whose condition does not hold.
func (c *call) translateConditions(ctx context.Context, del *s3api.DeleteRequest) ([]s3api.DeleteError, error) {
	var refused []s3api.DeleteError
	kept := del.Objects[:0]
	for _, o := range del.Objects {
		if o.ETag != "" {
			etag, err := c.storeCondition(ctx, o.Key, o.VersionID, s3api.WriteCondition{ETag: unquote(o.ETag)})
			if e, ok := errors.AsType[*s3api.Error](err); ok {
				refused = append(refused, s3api.DeleteError{Key: o.Key, VersionID: o.VersionID, Code: e.Code, Message: e.Message})
				continue
			}
			if err != nil {
				return nil, err
			}
			o.ETag = quote(etag)
		}
		kept = append(kept, o)
	}
	del.Objects = kept
	return refused, nil
}

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
