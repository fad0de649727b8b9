package gateway

import "github.com/maypok86/otter/v2"

// cache is a bounded memory of what had to be asked for. It is safe for
// concurrent use.
type cache[K comparable, V any] struct {
	c *otter.Cache[K, V]
}

func newCache[K comparable, V any](size int) cache[K, V] {
	return cache[K, V]{otter.Must(&otter.Options[K, V]{MaximumSize: size})}
}

func (c cache[K, V]) get(key K) (V, bool) { return c.c.GetIfPresent(key) }

func (c cache[K, V]) put(key K, v V) { c.c.Set(key, v) }

func (c cache[K, V]) close() {
	c.c.InvalidateAll()
	c.c.StopAllGoroutines()
}

// Bounds of the caches. An entry takes some 300 bytes.
const (
	digestCacheSize = 16 << 10
	entryCacheSize  = 64 << 10
)

// digestID names one written object: the commitment to its data key, which is
// fresh with every write and authenticated, unlike anything the store says.
type digestID [32]byte

// entryID names one state of an object as listings show it.
type entryID struct {
	bucket, key, version, etag string
	size                       int64
}
