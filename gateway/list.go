package gateway

import (
	"context"
	"net/http"

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
	sr := &storeRequest{method: http.MethodGet, bucket: c.bucket, query: q.Del("x-id"), header: make(http.Header, 8)}
	copyHeaders(sr.header, c.header, []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Optional-Object-Attributes", "X-Amz-Request-Payer"})
	if c.sizesNeedMetadata() {
		// MinIO's extension; other stores do not know the parameter.
		sr.query = append(sr.query, s3api.Param{Name: "metadata", Value: "true", HasValue: true})
	}
	resp, err := c.send(ctx, sr)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.storeError(resp)
	}
	doc, err := readDocument(resp, s3api.MaxListing)
	if err != nil {
		return err
	}
	opts.MetadataName = metadata.Header
	out, err := s3api.RewriteListing(make([]byte, 0, len(doc)), doc, opts, func(entries []s3api.Entry) ([]s3api.Rewritten, error) {
		return c.describe(ctx, entries)
	})
	if err != nil {
		return err
	}
	copyHeaders(c.w.Header(), resp.Header, []string{"X-Amz-Bucket-Region", "X-Amz-Request-Charged"})
	return c.sendDocument(out)
}

// sizesNeedMetadata reports whether arithmetic is not enough to tell sizes and
// ETags: objects may have an MD5 for an ETag, or may not be encrypted.
func (c *call) sizesNeedMetadata() bool {
	return c.g.cfg.ETag != ETagOpaque || matchAny(c.g.cfg.PlaintextReads, c.bucket)
}

// lookups is how many objects of a listing are asked about at a time, where
// the store does not list their metadata.
const lookups = 16

// describe finds out what clients shall see of the entries of a listing.
func (c *call) describe(ctx context.Context, entries []s3api.Entry) ([]s3api.Rewritten, error) {
	out := make([]s3api.Rewritten, len(entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookups)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.MetadataKnown:
			out[i] = c.describeKnown(gctx, e)
		case !c.sizesNeedMetadata():
			out[i] = byArithmetic(e)
		default:
			id := entryID{c.bucket, e.Key, e.VersionID, e.ETag, e.Size}
			if r, ok := c.g.entries.get(id); ok {
				out[i] = r
				continue
			}
			g.Go(func() error {
				r, err := c.lookUp(gctx, e)
				if err == nil {
					c.g.entries.put(id, r)
				}
				out[i] = r
				return err
			})
		}
	}
	return out, g.Wait()
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
func (c *call) describeKnown(ctx context.Context, e *s3api.Entry) s3api.Rewritten {
	if e.Metadata == "" {
		return s3api.Rewritten{Size: e.Size, ETag: e.ETag}
	}
	env, err := metadata.Decode(e.Metadata)
	if err != nil {
		return byArithmetic(e)
	}
	r, err := c.describeObject(ctx, e, env)
	if err != nil {
		return byArithmetic(e)
	}
	return r
}

func (c *call) describeObject(ctx context.Context, e *s3api.Entry, env *metadata.Envelope) (s3api.Rewritten, error) {
	at := *c
	at.key, at.out = e.Key, new(Outcome)
	o := &object{stored: e.Size, storeETag: e.ETag, versionID: e.VersionID}
	if err := at.open(o, env); err != nil {
		return s3api.Rewritten{}, err
	}
	etag, err := at.etag(ctx, o)
	if err != nil {
		return s3api.Rewritten{}, err
	}
	return s3api.Rewritten{Size: o.size, ETag: etag, Checksum: s3api.Algorithm(o.digests.Checksum.Algorithm)}, nil
}

// lookUp asks the store about one object of a listing.
func (c *call) lookUp(ctx context.Context, e *s3api.Entry) (s3api.Rewritten, error) {
	var q s3api.Query
	if e.VersionID != "" {
		q = s3api.Query{{Name: "versionId", Value: e.VersionID, HasValue: true}}
	}
	resp, err := c.send(ctx, &storeRequest{method: http.MethodHead, bucket: c.bucket, key: e.Key, query: q})
	if err != nil {
		return s3api.Rewritten{}, err
	}
	defer func() { _ = resp.Body.Close() }() // of HEAD: empty
	if resp.StatusCode != http.StatusOK || unquote(resp.Header.Get("Etag")) != e.ETag {
		return byArithmetic(e), nil // deleted or replaced since it was listed
	}
	env, err := metadata.FromHeader(resp.Header)
	if err != nil {
		return byArithmetic(e), nil
	}
	if env == nil {
		return s3api.Rewritten{Size: e.Size, ETag: e.ETag}, nil
	}
	r, err := c.describeObject(ctx, e, env)
	if err != nil {
		return byArithmetic(e), nil
	}
	return r, nil
}
