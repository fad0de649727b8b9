package gateway

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

var (
	errOldVersion = s3api.ErrNotImplemented.WithMessage(
		"The store cannot change the metadata of a version that is not the current one.")
	errSuspended = s3api.ErrNotImplemented.WithMessage(
		"The store cannot change the metadata of a version while the versioning of its bucket is suspended.")
)

// replaceEnvelope gives the object o another envelope for the same body. from
// is what the store said of the object. It is errReplaced if there is another
// object by now.
//
// S3 changes metadata by copying an object onto itself, which makes a new
// version of an object that has versions, with a Last-Modified of its own; an
// old version would become the current one and is refused. MinIO can change
// the very version, and is asked to, where no upload can replace that.
func (c *call) replaceEnvelope(ctx context.Context, o *object, from http.Header, env *metadata.Envelope) error {
	h := make(http.Header, 24)
	keepHeaders(h, from)
	if from.Get("Server") == minIO {
		return c.replaceOnMinIO(ctx, o, from, env, h)
	}
	if err := c.checkCurrent(ctx, o); err != nil {
		return err
	}
	h["If-Match"] = []string{quote(o.storeETag)} // of what is replaced, too
	return c.changeByCopy(ctx, o, env, h)
}

// replaceOnMinIO is replaceEnvelope on MinIO.
func (c *call) replaceOnMinIO(ctx context.Context, o *object, from http.Header, env *metadata.Envelope, h http.Header) error {
	modified, err := c.modifiedTime(ctx, o)
	if err != nil {
		return err
	}
	// Later than it was, so that a disk of MinIO's that misses the change is
	// seen to have missed it, but not later than another version.
	modified = modified.Add(time.Millisecond)
	fixed, err := c.fixed(ctx, o)
	if err != nil {
		return err
	}
	if !fixed {
		return c.replaceByRewriting(ctx, o, from, env, h, modified)
	}
	if locks, err := c.locksByDefault(ctx, o.bucket); err != nil {
		return err
	} else if locks {
		h["X-Amz-Object-Lock-Legal-Hold"] = []string{"OFF"} // as it is: or it would be locked now
	}
	h["X-Amz-Tagging-Directive"] = []string{"COPY"}
	h[mtimeHeader] = []string{modified.Format(time.RFC3339Nano)}
	_, _, err = c.storeCopy(ctx, o, env, versionQuery(o.versionID), h)
	if errors.Is(err, s3api.ErrInvalidArgument) {
		if versions, verr := c.makesVersions(ctx, o.bucket); verr == nil && !versions {
			return errSuspended
		}
	}
	return err
}

// replaceByRewriting is replaceOnMinIO for an object that an upload can replace.
// It is changed in place only where MinIO does not find what it would replace.
func (c *call) replaceByRewriting(ctx context.Context, o *object, from http.Header, env *metadata.Envelope, h http.Header, modified time.Time) error {
	again := h.Clone()
	if err := c.keepTags(ctx, again, o, from); err != nil {
		return err
	}
	if _, _, err := c.rewrite(ctx, o, env, again, modified); !errors.Is(err, errElsewhere) {
		return err
	}
	h[mtimeHeader] = []string{modified.Format(time.RFC3339Nano)}
	return c.changeByCopy(ctx, o, env, h)
}

// changeByCopy gives o another envelope by a copy onto itself, which keeps its
// tags.
func (c *call) changeByCopy(ctx context.Context, o *object, env *metadata.Envelope, h http.Header) error {
	h["X-Amz-Tagging-Directive"] = []string{"COPY"}
	after := *o
	after.env = env
	_, _, err := c.copyOntoItself(ctx, o, &after, h)
	return err
}

// fixed reports whether no upload can replace the very version o. One that is
// not the current one must be.
func (c *call) fixed(ctx context.Context, o *object) (bool, error) {
	if !o.replaceable() {
		return true, nil
	}
	if o.versionID == "" {
		return false, nil
	}
	if versions, err := c.makesVersions(ctx, o.bucket); err != nil || versions {
		return versions, err
	}
	return false, c.checkCurrent(ctx, o)
}

// makesVersions reports whether versioning is enabled for the bucket.
func (c *call) makesVersions(ctx context.Context, bucket string) (bool, error) {
	doc, _, err := c.ask(ctx, &storeRequest{method: http.MethodGet, bucket: bucket, query: s3api.Query{{Name: "versioning"}}})
	if err != nil {
		return false, err
	}
	var config struct{ Status string }
	if err := xml.Unmarshal(doc, &config); err != nil {
		return false, fmt.Errorf("the versioning of a bucket: %w", err)
	}
	return config.Status == "Enabled", nil
}

// locksByDefault reports whether the bucket locks objects that do not say
// otherwise.
func (c *call) locksByDefault(ctx context.Context, bucket string) (bool, error) {
	resp, err := c.send(ctx, &storeRequest{method: http.MethodGet, bucket: bucket, query: s3api.Query{{Name: "object-lock"}}})
	if err != nil {
		return false, err
	}
	if resp.StatusCode == http.StatusNotFound {
		drain(resp.Body)
		return false, nil
	}
	if resp.StatusCode != http.StatusOK {
		return false, c.storeError(resp)
	}
	doc, err := readDocument(resp, maxDocument)
	return bytes.Contains(doc, []byte("<DefaultRetention>")), err
}

// replaceable reports whether an upload can replace the very version o.
func (o *object) replaceable() bool { return o.versionID == "" || o.versionID == nullVersion }

// nullVersion is the id of versions from times without versioning. It is the
// only one that another upload can have too.
const nullVersion = "null"

// checkCurrent refuses an object that is not the current version.
func (c *call) checkCurrent(ctx context.Context, o *object) error {
	if o.versionID == "" || !o.query.Has("versionId") {
		return nil
	}
	current, err := c.headVersion(ctx, o.key, "")
	if err != nil {
		return err
	}
	id := current.header.Get("X-Amz-Version-Id")
	if id == "" {
		id = nullVersion // MinIO does not always call it so
	}
	if current.status != http.StatusOK || id != o.versionID {
		return errOldVersion
	}
	return nil
}

// modifiedTime returns when the object was last modified, to the millisecond,
// as only listings tell it.
func (c *call) modifiedTime(ctx context.Context, o *object) (time.Time, error) {
	id := o.versionID
	if id == "" {
		id = nullVersion
	}
	q := s3api.Query{{Name: "versions"}, {Name: "encoding-type", Value: "url", HasValue: true}, {Name: "prefix", Value: o.key, HasValue: true}}
	for {
		resp, err := c.send(ctx, &storeRequest{method: http.MethodGet, bucket: o.bucket, query: q})
		if err != nil {
			return time.Time{}, err
		}
		if resp.StatusCode != http.StatusOK {
			return time.Time{}, c.storeError(resp)
		}
		doc, err := readDocument(resp, s3api.MaxListing)
		if err != nil {
			return time.Time{}, err
		}
		var page struct {
			Versions []struct {
				Key, VersionId string //nolint:revive // the names of the elements
				LastModified   time.Time
			} `xml:"Version"`
			IsTruncated                        bool
			NextKeyMarker, NextVersionIdMarker string //nolint:revive // the names of the elements
		}
		if err := xml.Unmarshal(doc, &page); err != nil {
			return time.Time{}, fmt.Errorf("listing the versions of an object: %w", err)
		}
		for _, v := range page.Versions {
			if key, err := url.QueryUnescape(v.Key); err == nil && key == o.key && v.VersionId == id {
				return v.LastModified, nil
			}
		}
		if next, err := url.QueryUnescape(page.NextKeyMarker); err != nil || !page.IsTruncated || next != o.key {
			return time.Time{}, errReplaced
		}
		q = append(q[:3:3],
			s3api.Param{Name: "key-marker", Value: o.key, HasValue: true},
			s3api.Param{Name: "version-id-marker", Value: page.NextVersionIdMarker, HasValue: true})
	}
}
