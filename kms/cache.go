package kms

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// secret is an unwrapped KEK and where it came from. Copies share uses.
type secret struct {
	KEK
	requestID string
	uses      *atomic.Int64 // of a bucket key: how many objects it has served
}

// take counts one more object that a bucket key serves. It reports false when
// it has served as many as it may.
func (s *secret) take(limit int64) bool { return s.uses.Add(1) <= limit }

// cacheID is what a KEK is found by: a hash of all that it depends on.
type cacheID [sha256.Size]byte

// newCacheID hashes the parts so that no two lists of parts are alike.
func newCacheID(parts ...[]byte) cacheID {
	h := sha256.New()
	for _, p := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write(p)
	}
	return cacheID(h.Sum(nil))
}

// cache remembers KEKs, a bounded number for a bounded time from when they were
// put there. It wipes those that it forgets. A nil cache remembers nothing.
type cache struct {
	c *otter.Cache[cacheID, *cached]

	mu     sync.RWMutex // guards closed against put
	closed bool
}

// cached is a KEK in a cache. The cache may wipe it while somebody reads it.
type cached struct {
	mu     sync.Mutex
	secret secret
	wiped  bool
}

// Format shows nothing: package fmt would print what is behind unexported fields.
func (*cached) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "kms.cached") }

// clock makes a cache use the service's clock.
type clock struct {
	now   func() time.Time
	start time.Time
}

// NowNano returns the nanoseconds since the clock was made, by the monotonic
// clock if there is one, so that setting the time of day prolongs nothing.
func (c clock) NowNano() int64 { return int64(c.now().Sub(c.start)) }

// Tick returns the ticks at which the cache looks for what has expired.
func (clock) Tick(d time.Duration) <-chan time.Time { return time.Tick(d) }

func newCache(size int, ttl time.Duration, now func() time.Time) *cache {
	return &cache{c: otter.Must(&otter.Options[cacheID, *cached]{
		MaximumSize:      size,
		ExpiryCalculator: otter.ExpiryWriting[cacheID, *cached](ttl),
		OnAtomicDeletion: func(e otter.DeletionEvent[cacheID, *cached]) { e.Value.wipe() },
		Clock:            clock{now, now()},
	})}
}

// get returns the KEK with the given id.
func (c *cache) get(id cacheID) (secret, bool) {
	if c == nil {
		return secret{}, false
	}
	v, ok := c.c.GetIfPresent(id)
	if !ok {
		return secret{}, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.secret, !v.wiped
}

// put remembers a KEK, unless the cache is closed.
func (c *cache) put(id cacheID, s secret) {
	if c == nil {
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed {
		c.c.Set(id, &cached{secret: s})
	}
}

// close wipes everything and ends the cache's goroutines.
func (c *cache) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.c.InvalidateAll()
	c.c.StopAllGoroutines()
}

// wipe overwrites the KEK.
func (v *cached) wipe() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secret.Key = encryptor.Key{}
	v.wiped = true
}
