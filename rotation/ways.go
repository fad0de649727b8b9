package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// A way is how the metadata of an object are changed.
//
//   - In place: MinIO changes the metadata of that very version if the copy
//     names it as its destination, too. The modification time must be said, or the
//     version would become the newest. That is for versions that no upload can
//     replace: an object without versions can be replaced between the moment when
//     MinIO looks at it and that when it writes.
//   - Rebuilt: the object is written again, on the condition that it is still the one
//     that was looked at. One of some size the store copies, as the parts of an
//     upload.
//   - Copied: elsewhere a copy onto itself is a new object, in a bucket with
//     versions a new version. What comes in between is lost, unless the
//     store heeds the condition for the destination.
type way int

const (
	inPlace way = iota + 1
	rebuilt
	copied
)

const (
	// maxCopy is the largest object in bytes that a store copies in one request
	// (Amazon S3 API Reference, CopyObject). MinIO has no such limit.
	maxCopy = 5 << 30

	nullVersion = "null"
)

// mutable reports whether an upload can replace this very version.
func mutable(versionID string) bool {
	return versionID == "" || versionID == nullVersion
}

// wayOf chooses the way for an object, or says why there is none.
func (m *mover) wayOf(it item, o *Object) (way, error) {
	if isMinIO(m.Store) {
		if !mutable(it.VersionID) && !it.bucket.Versioned {
			return 0, cannot("the versioning of its bucket is suspended, and the store changes such versions only while it is enabled")
		}
		if it.entry.tied {
			return 0, cannot("the next version was made in the same millisecond, and their order could change")
		}
		if c := o.Header.Get(classHeader); c != "" && c != "STANDARD" && c != "REDUCED_REDUNDANCY" {
			return 0, cannot("its data are in the tier %s", c)
		}
		if held(o) {
			return 0, cannot("it is under legal hold")
		}
		if mode, until := retained(o); mode == "COMPLIANCE" && until.After(m.Now()) {
			return 0, cannot("it is locked until %s", until.UTC().Format(time.RFC3339))
		}
		if it.fixed {
			return inPlace, nil
		}
		if !it.entry.Latest {
			return 0, cannot("it is an old version that an upload could replace at the same time, or that the store would have to write again")
		}
		if isFolder(it.Key) && o.Size > gateway.MaxRewriteWhole {
			return 0, cannot("its key ends in a slash, and the store takes no parts for such an object")
		}
		return rebuilt, nil
	}
	switch {
	case !it.entry.Latest:
		return 0, cannot("the store cannot change a version that is not the current one")
	case o.Header.Get(classHeader) == "GLACIER" || o.Header.Get(classHeader) == "DEEP_ARCHIVE":
		return 0, cannot("it is archived")
	case o.Size > maxCopy:
		return rebuilt, nil
	case !m.Exclusive && m.Store.Kind() != "AmazonS3":
		return 0, cannot("the store cannot change it without the risk that an upload at the same time is lost")
	default:
		return copied, nil
	}
}

// isFolder reports whether a key ends in a slash. MinIO keeps such objects in
// another way, and does not take everything for them that it takes for others.
func isFolder(key string) bool { return strings.HasSuffix(key, "/") }

// write gives the object o another envelope.
func (m *mover) write(ctx context.Context, w way, it item, o *Object, env *metadata.Envelope) error {
	h, err := metadataHeaders(o, env)
	if err != nil {
		return err
	}
	n := it.Name
	switch w {
	case rebuilt:
		if isMinIO(m.Store) && !isFolder(n.Key) {
			h[etagHeader] = []string{o.ETag}
		}
		err := m.rebuild(ctx, n, modified(it.entry, o), o, h)
		if m.Exclusive && errors.Is(err, errElsewhere) {
			return m.write(ctx, inPlace, it, o, env)
		}
		return err
	case inPlace:
		if it.bucket.LockDefault {
			maps.Copy(h, explicitLock(o, m.Now()))
		}
		h[mtimeHeader] = []string{modified(it.entry, o).UTC().Format(time.RFC3339Nano)}
		_, err := m.Store.Copy(ctx, Change{Name: n, Source: n.VersionID, ETag: o.ETag, Header: h})
		return err
	case copied:
		maps.Copy(h, locks(o, m.Now()))
		h["If-Match"] = []string{quote(o.ETag)}
		return m.keepACL(ctx, n, func() error {
			_, err := m.Store.Copy(ctx, Change{Name: n, Source: o.VersionID, ETag: o.ETag, Header: h})
			return err
		})
	default:
		return fmt.Errorf("unknown way %d", w)
	}
}

// explicitLock keeps MinIO from locking a version anew, as it does where the
// bucket has a default: it must be told the lock, or that there is none.
func explicitLock(o *Object, now time.Time) http.Header {
	h := locks(o, now)
	if h[modeHeader] == nil && h[holdHeader] == nil {
		h[holdHeader] = []string{"OFF"}
	}
	return h
}

// modified is the modification time that an object is given: what the listing
// leads to, or for one that was replaced since then, about what the object says,
// which is to the second.
func modified(e Entry, o *Object) time.Time {
	if e.ETag == o.ETag && e.Modified.Truncate(time.Second).Equal(o.Modified) {
		return e.when
	}
	return o.Modified.Add(time.Second - time.Millisecond)
}

// keepACL does what takes an object's ACL away, and gives it back. MinIO has no
// ACLs.
func (m *mover) keepACL(ctx context.Context, n Name, do func() error) error {
	if isMinIO(m.Store) {
		return do()
	}
	acl, err := m.Store.ACL(ctx, n)
	if err != nil {
		return err
	}
	if err := do(); err != nil || acl == nil {
		return err
	}
	// Also when the job is stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	return m.Store.PutACL(ctx, n, acl)
}

// replaced reports whether an error means that the object is no longer the one
// that was looked at.
func replaced(err error) bool {
	return errors.Is(err, s3api.ErrPreconditionFailed)
}

// gone reports whether an error means that the object is not there any more.
func gone(err error) bool {
	e, ok := errors.AsType[*s3api.Error](err)
	return ok && e.Status == http.StatusNotFound || ok && e.Status == http.StatusMethodNotAllowed // a delete marker
}
