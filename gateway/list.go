package gateway

import (
	"context"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// listObjects, listObjectsV2 and listObjectVersions give the store's listing
// with the sizes and ETags of the plaintexts.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
func (c *call) listObjects() error {
	q, v1 := s3api.V1Query(c.query)
	return c.list(q, s3api.ListOptions{V1: v1})
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (c *call) listObjectsV2() error { return c.list(c.query, s3api.ListOptions{}) }

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (c *call) listObjectVersions() error { return c.list(c.query, s3api.ListOptions{}) }

func (c *call) list(q s3api.Query, opts s3api.ListOptions) error {
	ctx := c.r.Context()
	if err := metadata.RefuseSSE(c.header); err != nil {
		return err
	}
	asked, sent := c.sizesNeedMetadata() && !c.g.listings.warm(c.bucket), q
	if asked {
		sent = withMetadata(q)
	}
	doc, from, err := c.storeListing(ctx, sent)
	if err != nil {
		return err
	}
	defer doc.release()
	opts.MetadataName = metadata.Header
	room := getBuffer(len(doc.b) + len(doc.b)/2) // for checksums
	defer room.release()
	out, err := s3api.RewriteListing(room.b[:0], doc.b, opts, func(entries []s3api.Entry) ([]s3api.Rewritten, error) {
		return c.describe(ctx, q, entries, asked)
	})
	if err != nil {
		return err
	}
	copyHeaders(c.w.Header(), from, []string{"X-Amz-Bucket-Region", "X-Amz-Request-Charged"})
	return c.sendDocument(out)
}

// storeListing asks the store for a listing of the bucket.
//
// The caller releases the document.
func (c *call) storeListing(ctx context.Context, q s3api.Query) (doc *buffer, from http.Header, err error) {
	sr := &storeRequest{method: http.MethodGet, bucket: c.bucket, query: q, header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Optional-Object-Attributes", "X-Amz-Request-Payer"})
	resp, err := c.send(ctx, sr)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, c.storeError(resp)
	}
	doc, err = readLarge(resp, s3api.MaxListing)
	return doc, resp.Header, err
}

// sizesNeedMetadata reports whether arithmetic is not enough to tell sizes and
// ETags: objects may have an MD5 for an ETag, or may not be encrypted.
func (c *call) sizesNeedMetadata() bool {
	return c.g.cfg.ETag != ETagOpaque || matchAny(c.g.cfg.PlaintextReads, c.bucket)
}

// lookups is how many objects of a listing are asked about at a time, where
// the store does not list their metadata.
const lookups = 16

// describe finds out what clients shall see of the entries of the listing that
// q asks for, which has been asked for with metadata or without. What is not
// remembered may cost more requests.
func (c *call) describe(ctx context.Context, q s3api.Query, entries []s3api.Entry, asked bool) ([]s3api.Rewritten, error) {
	out := make([]s3api.Rewritten, len(entries))
	if !c.sizesNeedMetadata() {
		for i := range entries {
			out[i] = byArithmetic(&entries[i])
		}
		return out, nil
	}
	var unknown []int
	for i := range entries {
		var ok bool
		if out[i], ok = c.g.entries.get(c.entryID(&entries[i])); !ok {
			unknown = append(unknown, i)
		}
	}
	if c.g.listings.saw(c.bucket, len(entries), len(unknown), asked, entries[0].MetadataKnown) {
		if err := c.addMetadata(ctx, q, entries, unknown); err != nil {
			return nil, err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for _, i := range unknown {
		find := func() error {
			r, certain, err := c.describeEntry(gctx, &entries[i])
			if certain {
				c.g.entries.put(c.entryID(&entries[i]), r)
			}
			out[i] = r
			return err
		}
		if tellsAll(&entries[i]) {
			_ = find() // asks the store for nothing, so that it cannot fail
		} else {
			g.Go(find)
		}
	}
	return out, g.Wait()
}

func (c *call) entryID(e *s3api.Entry) entryID {
	return entryID{c.bucket, e.Key, e.VersionID, e.ETag, e.Modified, e.Size}
}

// withMetadata asks for a listing with metadata. That is MinIO's extension;
// other stores do not know the parameter.
func withMetadata(q s3api.Query) s3api.Query {
	return append(slices.Clone(q), s3api.Param{Name: "metadata", Value: "true", HasValue: true})
}

// addMetadata asks for the same listing with metadata and adds them to the
// unknown entries.
func (c *call) addMetadata(ctx context.Context, q s3api.Query, entries []s3api.Entry, unknown []int) error {
	doc, _, err := c.storeListing(ctx, withMetadata(q))
	if err != nil {
		return err
	}
	defer doc.release()
	known := make(map[entryID]string, len(entries))
	_, err = s3api.RewriteListing(nil, doc.b, s3api.ListOptions{MetadataName: metadata.Header}, func(again []s3api.Entry) ([]s3api.Rewritten, error) {
		for i := range again {
			if again[i].MetadataKnown {
				known[c.entryID(&again[i])] = again[i].Metadata
			}
		}
		return make([]s3api.Rewritten, len(again)), nil
	})
	if err != nil {
		return err
	}
	for _, i := range unknown {
		e := &entries[i]
		e.Metadata, e.MetadataKnown = known[c.entryID(e)]
	}
	return nil
}

// tellsAll reports whether the metadata of an entry say all that there is to say.
func tellsAll(e *s3api.Entry) bool {
	if !e.MetadataKnown {
		return false
	}
	env, err := metadata.Decode(e.Metadata)
	return err != nil || !env.ETagInFooter
}

// describeEntry finds out about one entry. What it returns is certain if it
// cannot be otherwise as long as the object is the same.
func (c *call) describeEntry(ctx context.Context, e *s3api.Entry) (r s3api.Rewritten, certain bool, err error) {
	if e.MetadataKnown {
		r, certain = c.describeKnown(ctx, e)
		return r, certain, nil
	}
	return c.lookUp(ctx, e)
}

// byArithmetic is what the size alone tells of an object, taking it to be
// encrypted if it can be.
func byArithmetic(e *s3api.Entry) s3api.Rewritten {
	if n, ok := encryptor.PlaintextSize(e.Size); ok {
		return s3api.Rewritten{Size: n, ETag: opaqueETag(e.ETag)}
	}
	return s3api.Rewritten{Size: e.Size, ETag: e.ETag}
}

// describeKnown works from the metadata in the listing. An object that cannot
// be opened is listed all the same; reading it gives the error.
func (c *call) describeKnown(ctx context.Context, e *s3api.Entry) (r s3api.Rewritten, certain bool) {
	if e.Metadata == "" {
		return s3api.Rewritten{Size: e.Size, ETag: e.ETag}, true
	}
	env, err := metadata.Decode(e.Metadata)
	if err != nil {
		return byArithmetic(e), false
	}
	if r, err = c.describeObject(ctx, e, env); err != nil {
		return byArithmetic(e), false
	}
	return r, true
}

func (c *call) describeObject(ctx context.Context, e *s3api.Entry, env *metadata.Envelope) (s3api.Rewritten, error) {
	at := *c // whose outcome is not about this object
	at.out = new(Outcome)
	o := &object{
		source: source{bucket: c.bucket, key: e.Key, query: versionQuery(e.VersionID)},
		stored: e.Size, storeETag: e.ETag, versionID: e.VersionID,
	}
	if err := at.accept(ctx, o, env); err != nil {
		return s3api.Rewritten{}, err
	}
	etag, err := at.etag(ctx, o)
	if err != nil {
		return s3api.Rewritten{}, err
	}
	sum := o.digests.Checksum
	return s3api.Rewritten{Size: o.size, ETag: etag, Checksum: s3api.Algorithm(sum.Algorithm), Composite: sum.Composite}, nil
}

// version is what the store says about a version of an object.
type version struct {
	status int
	header http.Header
	stored int64
	err    error // what the status means if it is an error
}

// headVersion asks the store about a version of an object of the call's
// bucket, or about the latest.
func (c *call) headVersion(ctx context.Context, key, versionID string) (version, error) {
	resp, err := c.send(ctx, &storeRequest{method: http.MethodHead, bucket: c.bucket, key: key, query: versionQuery(versionID)})
	if err != nil {
		return version{}, err
	}
	v := version{status: resp.StatusCode, header: resp.Header, stored: resp.ContentLength}
	if v.status != http.StatusOK {
		at := *c // which remembers the store's errors
		v.err = at.storeError(resp)
		return v, nil
	}
	_ = resp.Body.Close() // empty
	return v, nil
}

// lookUp asks the store about one object of a listing.
func (c *call) lookUp(ctx context.Context, e *s3api.Entry) (r s3api.Rewritten, certain bool, err error) {
	v, err := c.headVersion(ctx, e.Key, e.VersionID)
	if err == nil && v.status == http.StatusNotFound && e.VersionID == "null" {
		// Some stores know that version only where versioning is on. Whether
		// this is the same one, the ETag tells.
		v, err = c.headVersion(ctx, e.Key, "")
	}
	if err != nil {
		return s3api.Rewritten{}, false, err
	}
	if v.status >= http.StatusInternalServerError {
		return s3api.Rewritten{}, false, v.err
	}
	if v.status != http.StatusOK || unquote(v.header.Get("Etag")) != e.ETag {
		return byArithmetic(e), false, nil // deleted or replaced since it was listed
	}
	env, err := metadata.FromHeader(v.header)
	if err != nil {
		return byArithmetic(e), false, nil
	}
	if env == nil {
		return s3api.Rewritten{Size: e.Size, ETag: e.ETag}, true, nil
	}
	if r, err = c.describeObject(ctx, e, env); err != nil {
		return byArithmetic(e), false, nil
	}
	return r, true, nil
}
