package kms

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// fill puts n KEKs into the cache and returns them as it holds them; nil if it has
// dropped one already.
func fill(c *cache, n int) []*cached {
	values := make([]*cached, n)
	for i := range values {
		id := newCacheID(fmt.Append(nil, i))
		c.put(id, secret{KEK: KEK{Key: encryptor.NewKey()}})
		values[i], _ = c.c.GetIfPresent(id)
	}
	return values
}

// wiped counts the values that hold no key any more.
func wiped(values []*cached) int {
	n := 0
	for _, v := range values {
		if v == nil {
			n++
			continue
		}
		v.mu.Lock()
		if v.wiped != v.secret.Key.IsZero() {
			panic("wiped and not zero, or zero and not wiped")
		}
		if v.wiped {
			n++
		}
		v.mu.Unlock()
	}
	return n
}

func TestCacheWipes(t *testing.T) {
	t.Run("when it is full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(10, time.Hour, time.Now)
			defer c.close()
			values := fill(c, 1000)
			c.c.CleanUp()
			synctest.Wait()
			if n := len(values) - wiped(values); n > 10 {
				t.Errorf("%d keys are left", n)
			}
		})
	})
	t.Run("by the hour", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(10, time.Minute, time.Now)
			defer c.close()
			values := fill(c, 5)
			time.Sleep(time.Minute - time.Second)
			if n := wiped(values); n != 0 {
				t.Errorf("%d keys are wiped too early", n)
			}
			time.Sleep(5 * time.Second) // nobody uses the cache
			synctest.Wait()
			if n := wiped(values); n != len(values) {
				t.Errorf("%d of %d keys are wiped", n, len(values))
			}
		})
	})
	t.Run("when it is closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(10, time.Hour, time.Now)
			values := fill(c, 5)
			c.close()
			synctest.Wait()
			if n := wiped(values); n != len(values) {
				t.Errorf("%d of %d keys are wiped", n, len(values))
			}
			late := newCacheID([]byte("late"))
			c.put(late, secret{KEK: KEK{Key: encryptor.NewKey()}})
			if _, ok := c.get(late); ok {
				t.Error("it takes keys after it is closed")
			}
		})
	})
}

// A key that is wiped while it is being read is none.
func TestWipedIsMissing(t *testing.T) {
	c := newCache(10, time.Hour, time.Now)
	defer c.close()
	fill(c, 1)[0].wipe()
	if s, ok := c.get(newCacheID([]byte("0"))); ok || !s.Key.IsZero() {
		t.Error("a wiped key was found")
	}
}

func TestCacheID(t *testing.T) {
	seen := make(map[cacheID]string)
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"a", "b", ""}, {"a\x00b"}} {
		b := make([][]byte, len(parts))
		for i, p := range parts {
			b[i] = []byte(p)
		}
		id := newCacheID(b...)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %s are alike", parts, other)
		}
		seen[id] = fmt.Sprintf("%q", parts)
	}
}

func TestCachedDoesNotShowItself(t *testing.T) {
	c := newCache(10, time.Hour, time.Now)
	defer c.close()
	v := fill(c, 1)[0]
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		if s := fmt.Sprintf(verb, v); s != "kms.cached" {
			t.Errorf("%s: %s", verb, s)
		}
		first := fmt.Sprintf("%d %d", v.secret.Key[0], v.secret.Key[1])
		if s := fmt.Sprintf(verb, v.secret); strings.Contains(s, first) {
			t.Errorf("%s: %s", verb, s)
		}
	}
}
