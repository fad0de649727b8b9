package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	service    = "s3"
	terminator = "aws4_request"
)

// signingKey signs for one secret, day and region. Safe for concurrent use.
type signingKey struct {
	secret Secret // what the key was derived from
	key    [32]byte
	macs   sync.Pool // of hash.Hash keyed with key
}

// deriveKey computes the signing key (Amazon S3 API Reference, "Deriving the
// signing key"). date is YYYYMMDD.
func deriveKey(secret Secret, date, region string) *signingKey {
	k := &signingKey{secret: secret}
	sum := hmacSHA256([]byte("AWS4"+*secret.value), date)
	sum = hmacSHA256(sum, region)
	sum = hmacSHA256(sum, service)
	copy(k.key[:], hmacSHA256(sum, terminator))
	return k
}

func hmacSHA256(key []byte, msg string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(msg))
	return h.Sum(nil)
}

// newMAC returns a fresh HMAC for the exclusive use of the caller.
func (k *signingKey) newMAC() hash.Hash { return hmac.New(sha256.New, k.key[:]) }

// sign appends the HMAC of msg to dst. The keyed states are pooled: it does
// not allocate once warm.
func (k *signingKey) sign(dst, msg []byte) []byte {
	h, ok := k.macs.Get().(hash.Hash)
	if !ok {
		h = k.newMAC()
	}
	h.Reset()
	h.Write(msg)
	dst = h.Sum(dst)
	k.macs.Put(h)
	return dst
}

// maxCachedKeys bounds a keyCache. One entry is under 1 KiB.
const maxCachedKeys = 4096

// keyScope is what a signing key depends on besides the secret. The empty
// access key stands for the decoy of requests with an unknown one.
type keyScope struct{ accessKey, date, region string }

// keyCache holds signing keys. The zero value is ready to use. Safe for
// concurrent use.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyScope]*signingKey
}

// get returns the cached key, or nil if there is none or it belongs to another
// secret than the current one.
func (c *keyCache) get(scope keyScope, secret Secret) *signingKey {
	c.mu.RLock()
	k := c.keys[scope]
	c.mu.RUnlock()
	if k == nil || !k.secret.Equal(secret) {
		return nil
	}
	return k
}

func (c *keyCache) has(scope keyScope) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.keys[scope] != nil
}

// put files a key. A full cache starts over: it holds one entry a day for each
// access key and region in use, so it fills up only after years or with keys
// that are not used any more.
func (c *keyCache) put(scope keyScope, k *signingKey) {
	// The strings may be pieces of a request's header block.
	scope = keyScope{strings.Clone(scope.accessKey), strings.Clone(scope.date), strings.Clone(scope.region)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = make(map[keyScope]*signingKey)
	}
	c.keys[scope] = k
}
