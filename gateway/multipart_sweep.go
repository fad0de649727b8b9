package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const (
	// sweepEvery is how often an instance looks for what uploads have left.
	// Each time it looks at one of sweepShares of all there are.
	sweepEvery  = 5 * time.Minute
	sweepShares = 256

	// sweepAge is how old everything of an upload must be before it is looked at.
	sweepAge = 24 * time.Hour

	// sweepEntries and sweepUploads bound the work: objects that are listed, and
	// uploads that the store is asked about.
	sweepEntries = 5000
	sweepUploads = 20

	// sweepTime bounds it once more, since a client's connection waits for it.
	sweepTime = 10 * time.Second
)

// sweeper says when an instance sweeps, and what. It is safe for concurrent use.
type sweeper struct {
	mu    sync.Mutex
	next  time.Time
	share int
}

// due reports whether it is time to sweep, and which share.
func (s *sweeper) due(now time.Time) (share int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		return 0, false
	}
	if s.next.IsZero() {
		s.share = rand.IntN(sweepShares) //nolint:gosec // so that instances begin at different places
	}
	s.next = now.Add(sweepEvery)
	s.share = (s.share + 1) % sweepShares
	return s.share, true
}

// sweep removes the state of uploads that the store has no more: aborted by its
// lifecycle rules, or by somebody who went round the gateway. It runs now and
// then, behind the answer to a request that began an upload, and does not much
// at a time. An upload that the store still has is never touched, however old.
func (c *call) sweep(ctx context.Context) {
	now := c.g.cfg.Now()
	share, due := c.g.sweeper.due(now)
	if !due {
		return
	}
	_ = http.NewResponseController(c.w).Flush() // the client need not wait
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	if err := c.sweepShare(ctx, fmt.Sprintf("%s%02x", uploadsPrefix, share), now.Add(-sweepAge)); err != nil {
		c.logFailure("looking for the state of uploads that have ended", err)
	}
}

// leftUpload is what was found of one upload.
type leftUpload struct {
	dir    string
	names  []string
	record bool
	newest time.Time
}

func (c *call) sweepShare(ctx context.Context, prefix string, before time.Time) error {
	var found []*leftUpload
	entries := 0
	err := c.listSystem(ctx, prefix, func(page []systemEntry) bool {
		for _, e := range page {
			found = gather(found, e)
		}
		entries += len(page)
		return entries < sweepEntries
	})
	if err != nil {
		return err
	}
	if entries >= sweepEntries && len(found) > 0 {
		found = found[:len(found)-1] // of which not all may have been seen
	}
	asked := 0
	for _, u := range found {
		if !u.newest.Before(before) || asked == sweepUploads {
			continue
		}
		asked++
		if ended, err := c.hasEnded(ctx, u); err != nil {
			return err
		} else if !ended {
			continue
		}
		if err := c.deleteRecords(ctx, u.names); err != nil {
			return err
		}
		c.g.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "removed what was left of an upload",
			slog.String("upload", u.dir), slog.Int("objects", len(u.names)))
	}
	return nil
}

// gather adds an entry of a listing, which is in order, to what was found.
func gather(found []*leftUpload, e systemEntry) []*leftUpload {
	hash, name, _ := strings.Cut(strings.TrimPrefix(e.Key, uploadsPrefix), "/")
	dir := uploadsPrefix + hash + "/"
	if len(found) == 0 || found[len(found)-1].dir != dir {
		found = append(found, &leftUpload{dir: dir})
	}
	u := found[len(found)-1]
	u.names = append(u.names, e.Key)
	u.record = u.record || name == uploadRecordName
	at, err := time.Parse(time.RFC3339Nano, e.LastModified)
	if err != nil {
		at = time.Unix(1<<40, 0) // never old enough
	}
	if at.After(u.newest) {
		u.newest = at
	}
	return found
}

// hasEnded reports whether nobody can do anything with the upload any more.
func (c *call) hasEnded(ctx context.Context, u *leftUpload) (bool, error) {
	if !u.record {
		return true, nil // it was removed first
	}
	rec, err := c.getRecord(ctx, u.dir+uploadRecordName)
	if errors.Is(err, errNoRecord) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer clear(rec.data)
	id, err := peekUpload(rec.data)
	if err != nil {
		return false, err
	}
	_, err = c.partsAnswer(ctx, &storeRequest{
		method: http.MethodGet, bucket: id.bucket, key: id.key, system: true, // on nobody's behalf
		query: append(uploadQuery(id), s3api.Param{Name: "max-parts", Value: "1", HasValue: true}),
	})
	switch {
	case errors.Is(err, s3api.ErrNoSuchUpload), errors.Is(err, s3api.ErrNoSuchBucket):
		return true, nil
	case errors.As(err, new(*s3api.Error)):
		return false, nil // the gateway's own account may not ask
	}
	return false, err
}
