package rotation

import (
	"context"
	"errors"
	"slices"
	"time"
)

// pageSize is how many versions are worked on before the state is saved. The
// versions of one key are never apart.
const pageSize = 256

// progressEvery is how often progress is reported.
const progressEvery = time.Second

// walker goes through the objects that are meant, in order.
type walker struct {
	*Options
	state *state
	tally *tally

	// page works on objects, of which each is given by all its versions.
	page func(ctx context.Context, bucket string, info Bucket, objects [][]Entry) error
}

// newWalker prepares the job with the given name.
func newWalker(o *Options, name string) (*walker, error) {
	j := job{Name: name, Store: o.StoreName, Buckets: o.Buckets, Prefix: o.Prefix, Active: o.Keys.Active()}
	path := o.State
	if o.DryRun {
		path = ""
	}
	s, err := loadState(path, j)
	if err != nil {
		return nil, err
	}
	return &walker{Options: o, state: s, tally: newTally(s)}, nil
}

// run does the job and reports what has been done of it, also after an error.
func (w *walker) run(ctx context.Context) (*Report, error) {
	stop := w.watch()
	err := w.buckets(ctx)
	stop()
	if err == nil && !w.DryRun {
		err = w.state.remove(w.State)
	}
	return w.tally.report(w.DryRun), err
}

// watch reports progress until the returned function is called.
func (w *walker) watch() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	report := func() {
		w.tally.mu.Lock()
		p := Progress{Bucket: w.state.Bucket, Key: w.state.After}
		w.tally.mu.Unlock()
		p.Count = w.tally.total()
		w.Progress(p)
	}
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				report()
			case <-done:
				report()
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (w *walker) buckets(ctx context.Context) error {
	all, err := w.Store.Buckets(ctx)
	if err != nil {
		return err
	}
	slices.Sort(all)
	found := false
	for _, b := range all {
		if !w.wants(b) {
			continue
		}
		found = true
		if b < w.state.Bucket {
			continue
		}
		if b != w.state.Bucket {
			if err := w.save(b, ""); err != nil {
				return err
			}
		}
		if err := w.bucket(ctx, b); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("there is no bucket of the given names")
	}
	return nil
}

func (w *walker) bucket(ctx context.Context, bucket string) error {
	info, err := w.Store.Bucket(ctx, bucket)
	if err != nil {
		return err
	}
	var (
		objects [][]Entry
		n       int
	)
	flush := func() error {
		if n == 0 {
			return nil
		}
		if err := w.page(ctx, bucket, info, objects); err != nil {
			return err
		}
		last := objects[len(objects)-1][0].Key
		objects, n = nil, 0
		return w.save(bucket, last)
	}
	for e, err := range w.Store.Versions(ctx, bucket, w.Prefix, w.state.After) {
		if err != nil {
			return err
		}
		if i := len(objects) - 1; i >= 0 && objects[i][0].Key == e.Key {
			objects[i] = append(objects[i], e)
		} else {
			if n >= pageSize {
				if err := flush(); err != nil {
					return err
				}
			}
			objects = append(objects, []Entry{e})
		}
		n++
	}
	return flush()
}

// save notes how far the job is.
func (w *walker) save(bucket, after string) error {
	w.tally.mu.Lock()
	w.state.Bucket, w.state.After = bucket, after
	w.tally.mu.Unlock()
	if w.DryRun {
		return nil
	}
	w.tally.into(w.state)
	return w.state.save(w.State)
}
