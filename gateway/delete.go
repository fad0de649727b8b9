package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

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
	sr := &storeRequest{method: http.MethodDelete, bucket: c.bucket, key: c.key, query: c.query, header: make(http.Header, 8)}
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
	var more s3api.DeleteResult
	if err := c.translateConditions(ctx, del, &more); err != nil {
		return err
	}
	if err := c.deleteOneByOne(ctx, takeUnwritable(del), &more); err != nil {
		return err
	}
	var answer []byte
	if len(del.Objects) > 0 {
		sr := &storeRequest{method: http.MethodPost, bucket: c.bucket, query: c.query, header: make(http.Header, 12)}
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
	if del.Quiet {
		// Not every store leaves out what it deleted.
		if answer, err = quieten(answer, &more); err != nil {
			return err
		}
	}
	if answer == nil || len(more.Deleted) > 0 || len(more.Errors) > 0 {
		if answer, err = s3api.MergeDeleteResult(nil, answer, more); err != nil {
			return err
		}
	}
	return c.sendDocument(answer)
}

// quieten takes what was deleted out of the store's answer, if there is one,
// and out of more. The errors of both are in more then.
func quieten(answer []byte, more *s3api.DeleteResult) ([]byte, error) {
	more.Deleted = nil
	if answer == nil {
		return nil, nil
	}
	result, err := s3api.ParseDeleteResult(answer)
	if err != nil {
		return nil, err
	}
	if len(result.Deleted) == 0 {
		return answer, nil
	}
	more.Errors = append(result.Errors, more.Errors...)
	return nil, nil
}

// translateConditions replaces the ETags of del by the store's and takes out
// the objects that must not be deleted: their condition does not hold, or it is
// not sure what a store takes their key for.
func (c *call) translateConditions(ctx context.Context, del *s3api.DeleteRequest, more *s3api.DeleteResult) error {
	kept := del.Objects[:0]
	for _, o := range del.Objects {
		err := checkKey(o.Key)
		if err == nil && o.ETag != "" {
			var etag string
			etag, err = c.storeCondition(ctx, o.Key, o.VersionID, s3api.WriteCondition{ETag: unquote(o.ETag)})
			o.ETag = quote(etag)
		}
		if e, ok := errors.AsType[*s3api.Error](err); ok {
			more.Errors = append(more.Errors, s3api.DeleteError{Key: o.Key, VersionID: o.VersionID, Code: e.Code, Message: e.Message})
			continue
		}
		if err != nil {
			return err
		}
		kept = append(kept, o)
	}
	del.Objects = kept
	return nil
}

// takeUnwritable takes the objects out of del whose keys have characters that
// XML 1.0 cannot express, even as references. Stores refuse a whole document
// for one of them.
func takeUnwritable(del *s3api.DeleteRequest) (taken []s3api.DeleteObject) {
	kept := del.Objects[:0]
	for _, o := range del.Objects {
		if strings.ContainsFunc(o.Key, unwritable) {
			taken = append(taken, o)
		} else {
			kept = append(kept, o)
		}
	}
	del.Objects = kept
	return taken
}

// unwritable reports whether r is not a Char of XML 1.0 (section 2.2).
func unwritable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

// deleteOneByOne deletes objects with a request each and adds to more what
// became of them.
func (c *call) deleteOneByOne(ctx context.Context, objects []s3api.DeleteObject, more *s3api.DeleteResult) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for _, o := range objects {
		g.Go(func() error {
			at := *c // which remembers the store's errors
			deleted, err := at.deleteOne(gctx, o)
			mu.Lock()
			defer mu.Unlock()
			if e, ok := errors.AsType[*s3api.Error](err); ok {
				more.Errors = append(more.Errors, s3api.DeleteError{Key: o.Key, VersionID: o.VersionID, Code: e.Code, Message: e.Message})
				return nil
			}
			more.Deleted = append(more.Deleted, deleted)
			return err
		})
	}
	return g.Wait()
}

func (c *call) deleteOne(ctx context.Context, o s3api.DeleteObject) (s3api.Deleted, error) {
	sr := &storeRequest{method: http.MethodDelete, bucket: c.bucket, key: o.Key, query: versionQuery(o.VersionID), header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, deleteHeader)
	if o.ETag != "" {
		sr.header["If-Match"] = []string{o.ETag}
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return s3api.Deleted{}, err
	}
	if resp.StatusCode/100 != 2 {
		return s3api.Deleted{}, c.storeError(resp)
	}
	drain(resp.Body)
	d := s3api.Deleted{Key: o.Key, VersionID: o.VersionID, DeleteMarker: resp.Header.Get("X-Amz-Delete-Marker") == "true"}
	if d.DeleteMarker {
		d.DeleteMarkerVersionID = resp.Header.Get("X-Amz-Version-Id")
	}
	return d, nil
}
