package rotation

import (
	"context"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// MinIO locks an object while it is read, and for the whole of an upload that has
// a condition: what such an upload sends must not come from the object itself.

// maxBuffered is the largest object in bytes that is read before it is written.
var maxBuffered = int64(1 << 20)

// locked reports whether an object is read while it is written, and locked by that.
func (m *migrator) locked(o *Object) bool { return isMinIO(m.Store) && o.Size > maxBuffered }

// putLate is Put on the condition that the object is still o, which the store looks
// at when it has the body: that is the only part of an upload.
func (m *migrator) putLate(ctx context.Context, n Name, o *Object, h http.Header, body Body) error {
	n.VersionID = "" // no upload in parts is one of a version
	done := http.Header{"If-Match": {quote(o.ETag)}, mtimeHeader: h[mtimeHeader]}
	delete(h, mtimeHeader)
	upload, err := m.Store.BeginUpload(ctx, n, h, true)
	if err != nil {
		return err
	}
	part, err := m.Store.PutPart(ctx, n, upload, 1, body)
	if err == nil {
		err = m.Store.CompleteUpload(ctx, n, upload, []s3api.CompletedPart{part}, done)
	}
	if err != nil {
		err = m.mover.giveUp(ctx, n, upload, err)
	}
	return err
}
