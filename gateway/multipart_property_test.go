package gateway

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// TestMultipartRanges reads random ranges and parts of objects of parts of
// random sizes and compares them with the plaintext.
func TestMultipartRanges(t *testing.T) {
	oneAtATime(t)
	for i := range 6 {
		mode := testModes[i%len(testModes)]
		m := newMultiBench(t, 2, nil)
		u := m.create("ranges", mode)
		sizes := make([]int, 1+i%4)
		for n := range sizes {
			sizes[n] = mib5 + rand.IntN(5)*encryptor.ChunkSize + rand.IntN(3)*rand.IntN(encryptor.ChunkSize)
		}
		sizes[len(sizes)-1] -= rand.IntN(sizes[len(sizes)-1])
		at := make([]int64, len(sizes)+1)
		for n, size := range sizes {
			u.mustPut(n*3+1, bytesOf(size, n))
			at[n+1] = at[n] + int64(size)
		}
		u.mustComplete()
		u.check()
		plain := u.plain()
		size := int64(len(plain))
		check := func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
				n := rapid.IntRange(0, len(sizes)-1).Draw(t, "part")
				r := m.do(http.MethodGet, fmt.Sprintf("/bucket/ranges?partNumber=%d", n*3+1), nil, mode.access...)
				if !r.ok() || !bytes.Equal(r.body, plain[at[n]:at[n+1]]) || r.header.Get("X-Amz-Mp-Parts-Count") != fmt.Sprint(len(sizes)) {
					t.Fatalf("%v, part %d: %d, %d bytes, %v", sizes, n, r.status, len(r.body), r.header)
				}
				return
			}
			edge := rapid.SampledFrom(at).Draw(t, "edge") + rapid.Int64Range(-2, 2).Draw(t, "off")*rapid.SampledFrom([]int64{1, encryptor.ChunkSize}).Draw(t, "by")
			if rapid.Bool().Draw(t, "anywhere") {
				edge = rapid.Int64Range(0, size).Draw(t, "first")
			}
			first := min(max(edge, 0), size-1)
			n := 1 + rapid.SampledFrom([]int64{0, 1, 100, encryptor.ChunkSize, 2*encryptor.ChunkSize + 1}).Draw(t, "length")
			if rapid.IntRange(0, 200).Draw(t, "rest") == 0 {
				n = size
			}
			rng, want := fmt.Sprintf("bytes=%d-%d", first, first+n-1), plain[first:min(first+n, size)]
			if rapid.Bool().Draw(t, "suffix") {
				rng, want = fmt.Sprintf("bytes=-%d", n), plain[max(0, size-n):]
			}
			r := u.get("Range", rng)
			if r.status != http.StatusPartialContent || !bytes.Equal(r.body, want) {
				t.Fatalf("%v, %s: %d, %d bytes, want %d", sizes, rng, r.status, len(r.body), len(want))
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			for range 5 {
				check(t)
			}
		})
	}
}

// TestMultipartKilled runs clients that do not give up against gateways whose
// connections to the store break at random, before or after the store has done
// what it was asked: as if an instance was killed between any two requests. In
// the end every object is whole, and in time nothing is left of any upload.
func TestMultipartKilled(t *testing.T) {
	m := newMultiBench(t, 3, nil)
	var mu sync.Mutex
	chance := 0.0
	cut := func(*http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if rand.Float64() < chance {
			return errCut
		}
		return nil
	}
	m.store.before, m.store.after = cut, cut
	retry := func(what string, f func() reply) reply {
		for range 200 {
			if r := f(); r.ok() || r.status < 500 && r.status > 0 {
				return r
			}
		}
		t.Fatalf("%s: never", what)
		return reply{}
	}
	for i := range 12 {
		mode := testModes[i%len(testModes)]
		chance = 0
		u := m.create(fmt.Sprintf("killed-%d", i), mode)
		chance = 0.25
		for n, size := range map[int]int{1: mib5, 2: mib5 + 100, 3: rand.IntN(100)} {
			for range 1 + rand.IntN(2) { // with other content each time
				body := bytesOf(size, rand.IntN(1000))
				r := retry("a part", func() reply { return u.put(n, body) })
				if !r.ok() {
					t.Fatalf("part %d: %d %s", n, r.status, r.body)
				}
			}
		}
		r := retry("the completion", func() reply { return u.complete(nil) })
		chance = 0
		if !r.ok() {
			t.Fatalf("%s: completing: %d %s", mode.name, r.status, r.body)
		}
		if get := u.get(); !get.ok() || !bytes.Equal(get.body, u.plain()) {
			t.Fatalf("%s: GET gives %d and %d bytes", mode.name, get.status, len(get.body))
		}
	}
	if len(m.store.uploads) != 0 {
		t.Errorf("%d uploads are left in the store", len(m.store.uploads))
	}
	c := &call{g: m.gateways[0], via: m.store, out: new(Outcome), header: http.Header{}}
	for share := range sweepShares {
		if err := c.sweepShare(t.Context(), fmt.Sprintf("%s%02x", uploadsPrefix, share), m.store.clock.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range m.store.names(defaultSystem) {
		if strings.HasPrefix(name, uploadsPrefix) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestMultipartManyParts completes an upload of 10,000 parts, 50 GB, of which
// the store keeps names and ETags only. A list of a thousand records is one
// request.
func TestMultipartManyParts(t *testing.T) {
	oneAtATime(t)
	for _, mode := range testModes {
		m := newMultiBench(t, 1, nil)
		u := m.create("many", mode)
		c := &call{g: m.gateways[0], via: m.store, out: new(Outcome), header: http.Header{}, bucket: "bucket", key: "many", r: new(http.Request)}
		up, err := c.loadUpload(t.Context(), uploadID{"bucket", "many", u.id}, false)
		if err != nil {
			t.Fatal(err)
		}
		last := bytesOf(1234, 1)
		for n := 1; n < s3api.MaxParts; n++ {
			p := partRecord{number: n, length: mib5, at: m.now, storeETag: fmt.Sprintf("%032x", n), checksum: make([]byte, 8)}
			p.salt = [32]byte(encryptor.NewKey())
			name, err := up.partName(&p)
			if err != nil {
				t.Fatal(err)
			}
			m.store.buckets[defaultSystem][name] = m.store.object(nil, nil)
			m.store.uploads[u.id].parts[n] = &fakeObject{etag: p.storeETag, body: hollow, at: m.store.clock}
			u.listed[n] = s3api.CompletedPart{Number: n, ETag: p.etag()}
		}
		u.mustPut(s3api.MaxParts, last)
		m.store.requests()
		m.store.hollow = true
		u.mustComplete()
		lines := m.store.requests()
		// The record, 10 lists, the part that waited, the end, the completion, 11
		// lists and as many deletions.
		if len(lines) > 1+10+1+1+1+11+11 {
			t.Errorf("%s: %d requests: %q", mode.name, len(lines), lines)
		}
		u.checkGone()
	}
}
