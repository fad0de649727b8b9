package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// maxPart is the largest part in bytes that a store copies in one request
// (Amazon S3 API Reference, UploadPartCopy).
const maxPart = 5 << 30

// afterwards bounds what is done for an object after the job was stopped.
const afterwards = 30 * time.Second

// rebuild makes the store copy an object as an upload with the metadata h, in
// the parts that it has, so that its ETag stays, and complete that only if the
// object is still the same. Where the store can be told, the result has the
// given time.
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
	return m.keepACL(ctx, current, func() error {
		upload, err := m.Store.BeginUpload(ctx, current, h, false)
		if err != nil {
			return err
		}
		done := http.Header{"If-Match": {quote(o.ETag)}}
		if isMinIO(m.Store) {
			done[mtimeHeader] = []string{when.UTC().Format(time.RFC3339Nano)}
		}
		parts, err := m.copyParts(ctx, n, current, upload, o)
		if err == nil {
			err = m.Store.CompleteUpload(ctx, current, upload, parts, done)
		}
		if err != nil {
			err = m.giveUp(ctx, current, upload, err)
		}
		return err
	})
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

// copyParts copies the parts of an object to an upload, where they are as they
// were.
func (m *mover) copyParts(ctx context.Context, from, to Name, upload string, o *Object) ([]s3api.CompletedPart, error) {
	var parts []s3api.CompletedPart
	for offset := int64(0); offset < o.Size; {
		size := min(o.Size-offset, maxPart)
		if part, err := m.Store.HeadPart(ctx, from, len(parts)+1); err == nil && part.ETag == o.ETag &&
			part.Size > 0 && part.Size <= size && count(part) > 1 {
			size = part.Size
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
