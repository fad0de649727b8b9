package gateway

import "sync/atomic"

// listings remembers how listings of a bucket are best asked for. MinIO takes
// several times as long for a listing with metadata as for one without, so that
// it pays to ask without where most entries are remembered. It is safe for
// concurrent use.
type listings struct {
	buckets cache[string, bool] // whether the entries were known the last time
	bare    atomic.Bool         // the store does not list metadata
}

const (
	// A listing of fewer entries than this says nothing of the bucket.
	tellingEntries = 32
	// One of this many entries may be unknown in a bucket that is remembered.
	unknownShare = 8

	listingsCacheSize = 1 << 12
)

// warm reports whether to ask for a listing without metadata.
func (l *listings) warm(bucket string) bool {
	warm, _ := l.buckets.get(bucket)
	return warm || l.bare.Load()
}

// saw takes note of a listing that was asked for with metadata or without, and
// was answered so, and in which so many of the entries were unknown. It reports
// whether to ask again, with metadata.
func (l *listings) saw(bucket string, entries, unknown int, asked, answered bool) bool {
	if asked {
		l.bare.Store(!answered)
	}
	known := unknown <= entries/unknownShare
	if entries >= tellingEntries {
		l.buckets.put(bucket, known)
	}
	return !asked && !known && unknown > 1 && !l.bare.Load()
}

func (l *listings) close() { l.buckets.close() }
