package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// Target is how objects are encrypted.
type Target struct {
	Mode      metadata.Mode // SSE-S3, SSE-KMS or DSSE-KMS
	KMSKey    string        // name of the key, for the KMS modes
	BucketKey bool          // SSE-KMS only
}

// MigrateOptions are the options of Migrate.
type MigrateOptions struct {
	Options

	// Target returns how the objects of a bucket are encrypted. Required.
	Target func(bucket string) (Target, error)

	// Versions are encrypted too that are not the current ones, where the store
	// can replace them.
	Versions bool

	// OpaqueETags gives objects of SSE-S3 no MD5 as their ETag.
	OpaqueETags bool
}

// Migrate encrypts the objects that are not encrypted, in place. Where the store
// can, versions stay what they are; elsewhere the encrypted object is a new version,
// and the one before is reported.
//
// The report is there also after an error, as that of Rewrap is.
func Migrate(ctx context.Context, o MigrateOptions) (*Report, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if o.Target == nil {
		return nil, errors.New("rotation: no target")
	}
	name := "migrate"
	if o.Versions {
		name = "migrate versions"
	}
	w, err := newWalker(&o.Options, name)
	if err != nil {
		return nil, err
	}
	m := &migrator{
		MigrateOptions: &o,
		mover:          mover{judge: judge{Options: &o.Options, tally: w.tally}},
		targets:        make(map[string]Target),
	}
	w.page = m.page
	return w.run(ctx)
}

// migrator encrypts objects.
type migrator struct {
	*MigrateOptions
	mover   mover
	targets map[string]Target // by bucket; not changed while a page is worked on
}

// page encrypts the objects of a page.
func (m *migrator) page(ctx context.Context, bucket string, info Bucket, objects [][]Entry) error {
	target, ok := m.targets[bucket]
	if !ok {
		var err error
		if target, err = m.Target(bucket); err != nil {
			return fmt.Errorf("the encryption of the bucket %s: %w", bucket, err)
		}
		m.targets[bucket] = target
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(m.Concurrency)
	for _, versions := range objects {
		keepOrder(versions)
		group.Go(func() error {
			for _, e := range versions {
				if e.DeleteMarker {
					continue
				}
				it := item{Name: m.mover.name(bucket, e), entry: e, bucket: info}
				if err := m.object(ctx, it, target); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// object encrypts a version of an object if it is not, and counts it.
func (m *migrator) object(ctx context.Context, it item, target Target) error {
	if env, err := metadata.Decode(it.entry.Envelope); err == nil { // as the listing says
		m.mover.tally.add(m.mover.root(env), Current, 0)
		return nil
	}
	return m.mover.repeat(ctx, it.Name, func() (Root, Outcome, int64, error) { return m.attempt(ctx, it, target) })
}

// attempt encrypts an object as it is found.
func (m *migrator) attempt(ctx context.Context, it item, target Target) (Root, Outcome, int64, error) {
	o, err := m.Store.Head(ctx, it.Name)
	if err != nil {
		return Root{}, "", 0, err
	}
	env, err := metadata.FromHeader(o.Header)
	switch {
	case err != nil:
		return Root{Key: unreadable}, "", 0, err
	case env != nil:
		return m.mover.root(env), Current, 0, nil
	}
	if err := m.possible(it, o); err != nil {
		return Root{}, "", 0, err
	}
	if m.DryRun {
		return Root{}, Moved, o.Size, nil
	}
	next, err := m.encrypt(ctx, it, o, target)
	if replaced(err) || gone(err) {
		return Root{}, "", 0, errAgain
	}
	return Root{}, Moved, o.Size, m.verify(ctx, it, o, next, err)
}

// possible says why an object cannot be encrypted.
func (m *migrator) possible(it item, o *Object) error {
	if !it.entry.Latest {
		switch {
		case !m.Versions:
			return cannot("it is an old version")
		case !isMinIO(m.Store):
			return cannot("the store cannot replace an old version")
		}
	}
	if isMinIO(m.Store) {
		switch {
		case it.entry.Latest:
		case m.fresh(it, o):
			return cannot("the store cannot replace an old version of more than 5 GiB")
		case m.locked(o) && mutable(it.VersionID) && !it.bucket.Versioned:
			return cannot("the store cannot replace an old version that an upload can replace")
		}
		it.fixed = true
		_, err := m.mover.wayOf(it, o)
		return err
	}
	if c := o.Header.Get(classHeader); c == "GLACIER" || c == "DEEP_ARCHIVE" {
		return cannot("it is archived")
	}
	if k := m.Store.Kind(); !m.Exclusive && k != "AmazonS3" && k != "VERSITYGW" {
		return cannot("the store is not known to replace objects only if they are still the same")
	}
	return nil
}

// fresh reports whether the encrypted object is a new one, in a bucket with
// versions a new version: MinIO can replace the very version, except by an upload
// in parts.
func (m *migrator) fresh(it item, o *Object) bool {
	return !isMinIO(m.Store) || o.Size > maxPlaintextPut && it.bucket.Versioned
}

// verify looks whether an object is now encrypted.
func (m *migrator) verify(ctx context.Context, it item, before *Object, next *metadata.Envelope, writeErr error) error {
	if next == nil {
		return writeErr
	}
	n := it.Name
	if m.fresh(it, before) {
		n.VersionID = ""
	}
	now, err := m.Store.Head(ctx, n)
	if err != nil {
		return errors.Join(writeErr, err)
	}
	env, err := metadata.FromHeader(now.Header)
	if err != nil || env == nil || !same(env, next) {
		if writeErr != nil {
			return writeErr
		}
		return errAgain
	}
	if mustKeepLock(before, m.Now()) && !sameLock(before, now) {
		return errors.New("its lock has changed")
	}
	if m.fresh(it, before) && !mutable(before.VersionID) {
		old := n
		old.VersionID = before.VersionID
		m.mover.failed(old, Root{}, cannot("the store keeps it as an old version that is not encrypted"))
	}
	m.Logger.LogAttrs(ctx, slog.LevelDebug, "encrypted", slog.String("bucket", n.Bucket), slog.String("key", n.Key))
	return nil
}
