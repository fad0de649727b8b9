package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Headers that tell MinIO what an object that is written again is to have of
// the one before.
const (
	mtimeHeader = "X-Minio-Source-Mtime"
	etagHeader  = "X-Minio-Source-Etag"
)

// MaxRewriteWhole is the size in the store, in bytes, up to which an object
// that is written again is sent to MinIO, as it is stored. MinIO keeps one that
// small in a file together with its metadata, but parts in their own.
const MaxRewriteWhole = 128 << 10

// errElsewhere means that MinIO looks for the object that is to be replaced where
// it is not. A MinIO of several pools writes to one that has room, and looks only
// there whether the condition holds.
var errElsewhere = errors.New("the store does not find the object where it would replace it")

var errLargeFolder = s3api.ErrNotImplemented.WithMessage(
	"The store cannot change the metadata of an object of this size whose key ends in a slash.")

// inPlace reports whether MinIO would change the metadata of o where they are.
// It looks only before it takes its lock whether the object is still the one that
// is meant, so that the metadata may end up on an upload that came in between.
func (o *object) inPlace(from http.Header) bool {
	return from.Get("Server") == minIO && o.versionID == ""
}

// rewrite gives the object o on MinIO other metadata by writing its body again,
// on the condition that it replaces o, which MinIO checks when it does so. h are
// all metadata but the envelope, and the tags.
//
// With a modification time the object stays what it is to clients, ETag included.
// For the zero time it is another one, of the present time and, unless it is one of
// SSE-S3, with an ETag of its own, as on Amazon S3. Whoever changes the object that
// was, at the same time, is then told, and does not put back the metadata of that.
func (c *call) rewrite(ctx context.Context, o *object, env *metadata.Envelope, h http.Header, modified time.Time) (*s3api.CopyResult, http.Header, error) {
	value, err := env.Encode()
	if err != nil {
		return nil, nil, err
	}
	h[metadata.Header] = []string{value}
	last := http.Header{"If-Match": {quote(o.storeETag)}}
	tag := o.storeETag
	if o.strayed || modified.IsZero() && env.Mode != metadata.SSES3 { // a stray's is another body's
		tag = anotherETag(tag)
	}
	if !modified.IsZero() {
		last[mtimeHeader] = []string{modified.Format(time.RFC3339Nano)}
	}
	folder := strings.HasSuffix(o.key, "/")
	if !folder { // for which it is not taken
		h[etagHeader] = []string{tag}
	}
	write := c.rewriteParts
	if o.stored <= MaxRewriteWhole {
		write = c.rewriteWhole
	} else if folder {
		return nil, nil, errLargeFolder
	}
	etag, answer, err := write(ctx, o, h, last)
	if err != nil {
		return nil, nil, err
	}
	if modified.IsZero() {
		modified = c.writtenAt(answer)
	}
	return &s3api.CopyResult{ETag: etag, Modified: modified}, answer, nil
}

// anotherETag returns an ETag of MinIO's of the same form that nothing else has.
func anotherETag(etag string) string {
	_, parts, multi := strings.Cut(etag, "-")
	random := encryptor.NewKey()
	etag = hex.EncodeToString(random[:16])
	if multi {
		etag += "-" + parts
	}
	return etag
}

// rewriteWhole sends the body back that the store returns, if that is seen to
// be as it was sealed.
func (c *call) rewriteWhole(ctx context.Context, o *object, h, last http.Header) (string, http.Header, error) {
	body, err := c.readRange(ctx, o, "", o.stored)
	if err != nil {
		return "", nil, err
	}
	if !encryptor.IntactObject(body) {
		return c.rewriteParts(ctx, o, h, last)
	}
	maps.Copy(h, last)
	up := &upload{
		buffered: &buffer{b: body, class: -1}, length: o.stored,
		crc32c: encryptor.ObjectCRC32C(o.size), compare: c.compares(),
	}
	sr := &storeRequest{method: http.MethodPut, bucket: o.bucket, key: o.key, header: h}
	up.attach(sr)
	defer up.release()
	_, answer, err := c.ask(ctx, sr)
	return unquote(answer.Get("Etag")), answer, c.checkReplaced(ctx, o, err)
}

// checkReplaced returns errElsewhere for the errReplaced of a request that was to
// replace o, if o is still what the store has: no other body has its ETag.
func (c *call) checkReplaced(ctx context.Context, o *object, err error) error {
	if errors.Is(err, errReplaced) && c.checkSame(ctx, o) == nil {
		return errElsewhere
	}
	return err
}

// checkSame returns errReplaced if o is no longer what the store has.
func (c *call) checkSame(ctx context.Context, o *object) error {
	now, err := c.headVersion(ctx, o.key, "")
	switch {
	case err != nil:
		return err
	case now.status != http.StatusOK:
		return replacedIn(now.err)
	case unquote(now.header.Get("Etag")) != o.storeETag:
		return errReplaced
	}
	return nil
}

// writtenAt returns when an object was written by a request that the store
// answered with h: it does not say so in any other way.
func (c *call) writtenAt(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return c.g.cfg.Now()
	}
	return t
}
