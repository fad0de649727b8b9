package gateway

import (
	"github.com/maypok86/otter/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// cache is a bounded memory of what had to be asked for. It is safe for
// concurrent use.
type cache[K comparable, V any] struct {
	c *otter.Cache[K, V]
}

func newCache[K comparable, V any](size int) cache[K, V] {
	return cache[K, V]{otter.Must(&otter.Options[K, V]{MaximumSize: size})}
}

// newWeighted returns a cache bounded by the sum of what weigh says.
func newWeighted[K comparable, V any](most uint64, weigh func(K, V) uint32) cache[K, V] {
	return cache[K, V]{otter.Must(&otter.Options[K, V]{MaximumWeight: most, Weigher: weigh})}
}

func (c cache[K, V]) get(key K) (V, bool) { return c.c.GetIfPresent(key) }

func (c cache[K, V]) put(key K, v V) { c.c.Set(key, v) }

func (c cache[K, V]) drop(key K) { c.c.Invalidate(key) }

func (c cache[K, V]) close() {
	c.c.InvalidateAll()
	c.c.StopAllGoroutines()
}

// Bounds of the caches: records in bytes, about, entries of listings, of
// which one takes some 300 bytes, and uploads in progress, of 2 KiB.
const (
	recordCacheWeight = 16 << 20
	entryCacheSize    = 64 << 10
	uploadCacheSize   = 1 << 10
)

// recordID names the footer of one written object: by the commitment to its
// data key, which is fresh with every write and authenticated, and by what the
// store says, since an upload that was completed twice has two footers.
type recordID struct {
	commitment [32]byte
	etag       string
	stored     int64
}

func weighRecord(_ recordID, r *encryptor.Record) uint32 {
	return uint32(400 + 160*len(r.Parts)) //nolint:gosec // at most 10,000 parts
}

// entryID names one state of an object as listings show it. A change of its
// encryption alone may leave its ETag as it is, so that the time counts too.
type entryID struct {
	bucket, key, version, etag, modified string
	size                                 int64
}
