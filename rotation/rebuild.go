package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxPart is the largest part in bytes that a store copies in one request
// (Amazon S3 API Reference, UploadPartCopy).
const maxPart = 5 << 30

// afterwards bounds what is done for an object after the job was stopped.
const afterwards = 30 * time.Second

// rebuild writes an object again, with the metadata h, if it is still the same.
// Where the store can be told, the result has the given time.
func (m *mover) rebuild(ctx context.Context, n Name, when time.Time, o *Object, h http.Header) error {
	tags, err := m.tags(ctx, n, o)
	if err != nil {
		return err
	}
	if tags != "" {
		h["X-Amz-Tagging"] = []string{tags}
	}
	if !isMinIO(m.Store) { // of which only versions can be locked, and those are not rebuilt
		maps.Copy(h, locks(o, m.Now()))
	}
	current := Name{Bucket: n.Bucket, Key: n.Key} // no upload is one of a version
	done := http.Header{"If-Match": {quote(o.ETag)}}
	if isMinIO(m.Store) {
		done[mtimeHeader] = []string{when.UTC().Format(time.RFC3339Nano)}
		if body, err := m.small(ctx, n, o); err != nil {
			return err
		} else if body != nil {
			maps.Copy(h, done)
			return m.checkReplaced(ctx, current, o, m.Store.Put(ctx, current, h, *body))
		}
	}
	if etag := h.Get(etagHeader); etag != "" {
		h[etagHeader] = []string{gateway.PartsETag(etag)}
	}
	return m.keepACL(ctx, current, func() error {
		upload, err := m.Store.BeginUpload(ctx, current, h, false)
		if err != nil {
			return err
		}
		parts, err := m.copyParts(ctx, n, current, upload, o)
		if err == nil {
			err = m.checkReplaced(ctx, current, o, m.Store.CompleteUpload(ctx, current, upload, parts, done))
		}
		if err != nil {
			err = m.giveUp(ctx, current, upload, err)
		}
		return err
	})
}

// errElsewhere means that MinIO looks for the object that is to be replaced where
// it is not. A MinIO of several pools writes to one that has room, and looks only
// there whether the condition holds.
var errElsewhere = cannot("the store, if it is a MinIO of several pools, does not find it where it would replace it: --exclusive changes it in place")

// checkReplaced returns errElsewhere for the err of a request that was to replace
// the object o, by which that is not there any more, if it still is.
func (m *mover) checkReplaced(ctx context.Context, n Name, o *Object, err error) error {
	if !replaced(err) && !errors.Is(err, s3api.ErrNoSuchKey) {
		return err
	}
	if now, herr := m.Store.Head(ctx, n); herr == nil && now.ETag == o.ETag {
		return errElsewhere
	}
	return err
}

// small returns the body of an object that is rather sent to MinIO again than
// made of parts, if it is seen to be as it was sealed; else nil.
func (m *mover) small(ctx context.Context, n Name, o *Object) (*Body, error) {
	length, ok := encryptor.PlaintextSize(o.Size)
	if !ok || o.Size > gateway.MaxRewriteWhole {
		return nil, nil
	}
	r, err := m.Store.Get(ctx, n, o.ETag, 0, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(r, o.Size))
	if err != nil {
		return nil, fmt.Errorf("reading the object: %w", err)
	}
	if int64(len(b)) != o.Size || !encryptor.IntactObject(b) {
		return nil, nil
	}
	return &Body{bytes.NewReader(b), o.Size, encryptor.ObjectCRC32C(length)}, nil
}

// giveUp throws the parts of an upload away that failed with err.
func (o *Options) giveUp(ctx context.Context, n Name, upload string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if aerr := o.Store.AbortUpload(ctx, n, upload); aerr != nil && !gone(aerr) {
		return errors.Join(err, fmt.Errorf("an upload is left over: %w", aerr))
	}
	return err
}

// copyParts copies an object to an upload. The parts are as they were, so that
// the ETag stays, unless the store is told that.
func (m *mover) copyParts(ctx context.Context, from, to Name, upload string, o *Object) ([]s3api.CompletedPart, error) {
	var parts []s3api.CompletedPart
	for offset := int64(0); offset < o.Size; {
		size := min(o.Size-offset, maxPart)
		if !isMinIO(m.Store) {
			size = m.partSize(ctx, from, len(parts)+1, o.ETag, size)
		}
		p, err := m.Store.CopyPart(ctx, to, upload, len(parts)+1, from, o.ETag, offset, offset+size-1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		offset += size
	}
	return parts, nil
}

// partSize returns the size of a part of an object, at most the given size, and
// that if the object has no parts.
func (m *mover) partSize(ctx context.Context, n Name, number int, etag string, most int64) int64 {
	part, err := m.Store.HeadPart(ctx, n, number)
	if err != nil || part.ETag != etag || part.Size <= 0 || count(part) <= 1 {
		return most
	}
	return min(part.Size, most)
}

// count returns how many parts an object has.
func count(part *Object) int {
	n, _ := strconv.Atoi(part.Header.Get("X-Amz-Mp-Parts-Count")) // zero: it does not say
	return n
}

// tags returns the tags of an object.
func (m *mover) tags(ctx context.Context, n Name, o *Object) (string, error) {
	if c := o.Header.Get("X-Amz-Tagging-Count"); c == "" || c == "0" {
		return "", nil
	}
	return m.Store.Tags(ctx, n)
}
