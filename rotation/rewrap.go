package rotation

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// Rewrap moves all objects to the active master key and to the latest versions
// of their KMS keys. Their data keys stay, and so do their bodies.
//
// The report is there also after an error, which is that of the job as a whole.
// After an error, or when the context ends, the same call goes on where it was
// if there is a file for the state.
func Rewrap(ctx context.Context, o Options) (*Report, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	w, err := newWalker(&o, "rewrap")
	if err != nil {
		return nil, err
	}
	m := &mover{judge: judge{Options: &o, tally: w.tally, keys: make(map[string]*latest)}, wraps: wraps{kms: o.KMS}}
	if err := m.sameVersions(ctx, w.state.Latest); err != nil {
		return nil, err
	}
	// Before anything else: what is completed later may come too late for the job.
	if w.state.Uploads == nil {
		if w.state.Uploads, err = uploads(ctx, &o); err != nil {
			return nil, err
		}
	}
	w.page = m.page
	report, err := w.run(ctx)
	report.Uploads = w.state.Uploads
	if err != nil {
		return report, err
	}
	report.Settings, err = settingsKey(ctx, &o)
	return report, err
}

// page moves the objects of a page.
func (m *mover) page(ctx context.Context, bucket string, info Bucket, objects [][]Entry) error {
	due := make([][]Entry, len(objects))
	var (
		mu  sync.Mutex
		old []*metadata.Envelope // under older versions of KMS keys
	)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(m.Concurrency)
	for i, versions := range objects {
		keepOrder(versions)
		group.Go(func() error {
			for _, e := range versions {
				env, move, err := m.look(gctx, bucket, e)
				if err != nil {
					return err
				}
				if !move {
					continue
				}
				due[i] = append(due[i], e)
				if env != nil && len(env.WrappedKEK) > 0 {
					mu.Lock()
					old = append(old, env)
					mu.Unlock()
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if !m.DryRun && len(old) > 0 {
		if err := m.wraps.prepare(ctx, old); err != nil {
			return err
		}
	}
	group, gctx = errgroup.WithContext(ctx)
	group.SetLimit(m.Concurrency)
	for _, versions := range due {
		group.Go(func() error {
			for _, e := range versions {
				if err := m.move(gctx, item{Name: m.name(bucket, e), entry: e, bucket: info}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// look counts a version for which nothing has to be done. Otherwise it says that
// it has to be moved, with its envelope where a KMS key has a newer version. Nothing
// is decided here that is not decided again before anything is changed.
func (m *mover) look(ctx context.Context, bucket string, e Entry) (env *metadata.Envelope, move bool, err error) {
	if e.DeleteMarker {
		return nil, false, nil
	}
	if e.EnvelopeKnown && e.Envelope != "" {
		env, err = metadata.Decode(e.Envelope)
	} else if !e.EnvelopeKnown {
		var o *Object
		if o, err = m.Store.Head(ctx, m.name(bucket, e)); err == nil {
			env, err = metadata.FromHeader(o.Header)
		}
	}
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if err != nil {
		return nil, true, nil //nolint:nilerr // move meets it again, and counts it
	}
	v, err := m.judge.judge(ctx, env)
	if err == nil && v.current() {
		m.tally.add(m.root(env), Current, 0)
		return nil, false, nil
	}
	if !v.wrap {
		env = nil
	}
	return env, true, nil
}

// name is how requests name a version.
func (m *mover) name(bucket string, e Entry) Name {
	n := Name{Bucket: bucket, Key: e.Key, VersionID: e.VersionID}
	if e.Latest && !isMinIO(m.Store) {
		n.VersionID = ""
	}
	return n
}

// keepOrder decides about the times that the versions of one key, which come
// from the newest to the oldest, are given when they are changed in place. Each
// is a little later than it was, so that a disk of MinIO's that misses the
// change is seen to have missed it, and earlier than the next version. MinIO
// orders versions by times more exact than the milliseconds of the listing.
func keepOrder(versions []Entry) {
	for i := range versions {
		e := &versions[i]
		e.when = e.Modified.Add(time.Millisecond)
		if i == 0 {
			continue
		}
		switch gap := versions[i-1].Modified.Sub(e.Modified); {
		case gap < time.Millisecond:
			e.tied = true
		case gap < 2*time.Millisecond:
			e.when = e.when.Add(-time.Nanosecond)
		}
	}
}
