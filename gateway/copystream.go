package gateway

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag
	"errors"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// copyStream decrypts the object and stores it as a new one, with new data
// keys, as it passes through.
func (c *call) copyStream(ctx context.Context, req *copyRequest, o *object, from, h http.Header) (*copied, error) {
	if o.size > maxPlaintextPut {
		return nil, s3api.ErrCopySourceTooLarge
	}
	if err := c.copyTags(ctx, req, o, from, h); err != nil {
		return nil, err
	}
	if req.self && !req.condition.IsZero() {
		// A store that checks the condition under a lock on the object does not
		// let it be read meanwhile.
		if err := c.checkSelfCondition(ctx, req, o); err != nil {
			return nil, err
		}
		c.header = c.header.Clone()
		c.header.Del("If-Match")
		c.header.Del("If-None-Match")
	}
	if !req.self || o.query.Has("versionId") {
		return c.reencrypt(ctx, req, o, h, nil)
	}
	// An upload that came in between would be lost.
	if from.Get("Server") == minIO && o.size < c.g.cfg.BufferLimit {
		done, err := c.reencryptSelf(ctx, req, o, h)
		if !errors.Is(err, errElsewhere) {
			return done, err
		}
	}
	at := *c // the transport may read while the handler goes on
	return c.reencrypt(ctx, req, o, h, func() error { return at.checkSame(ctx, o) })
}

// reencryptSelf is reencrypt for an object that is copied onto itself, on the
// condition that it replaces o. All of o has been read when the request is sent,
// for the reason above.
func (c *call) reencryptSelf(ctx context.Context, req *copyRequest, o *object, h http.Header) (*copied, error) {
	h = h.Clone()
	h["If-Match"] = []string{quote(o.storeETag)}
	done, err := c.reencrypt(ctx, req, o, h, nil)
	return done, c.checkReplaced(ctx, o, replacedIn(err))
}

// reencrypt stores what o holds as a new object with the headers h. last, if it
// is not nil, may refuse the end of the body, without which the store keeps
// nothing.
func (c *call) reencrypt(ctx context.Context, req *copyRequest, o *object, h http.Header, last func() error) (*copied, error) {
	body, err := c.openCopy(ctx, o, 0, o.size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	body.last = last
	in := c.copyIntake(req, o, body)
	put, err := c.put(&req.enc, in, o.size, h)
	if err != nil {
		return nil, body.failure(err)
	}
	return &copied{
		env: put.env, etag: put.etag(), checksum: objectChecksum(&object{digests: put.digests}),
		modified: c.writtenAt(put.from), from: put.from,
	}, nil
}

// copyIntake computes what the copy has of digests: the checksum that the
// request names, else of the source's kind, and the MD5 where the source has
// one or an upload of that size would.
func (c *call) copyIntake(req *copyRequest, o *object, body verifiedBody) *intake {
	in := &intake{body: body, algo: req.Checksum}
	if in.algo == 0 {
		in.algo = s3api.Algorithm(o.digests.Checksum.Algorithm)
	}
	if !in.algo.Valid() {
		in.algo = s3api.CRC64NVME
	}
	in.sum = in.algo.New()
	if in.etag = c.etagIsMD5(req.enc.mode, o.size, isMD5(o.digests.ETag)); in.etag {
		in.md5 = md5.New() //nolint:gosec // S3's ETag
	}
	return in
}
