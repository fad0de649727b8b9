package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const mib5 = encryptor.MinPartSize

// TestMultipart uploads objects in parts of all shapes, in every mode, over two
// gateways that know nothing of each other.
func TestMultipart(t *testing.T) {
	oneAtATime(t)
	for _, mode := range testModes {
		t.Run(mode.name, func(t *testing.T) {
			m := newMultiBench(t, 2, nil)
			for name, parts := range map[string]map[int]int{
				"one-small":      {1: 100},
				"one-empty":      {1: 0},
				"one-large":      {1: mib5 + 1},
				"exactly-5-MiB":  {1: mib5, 2: mib5},
				"small-last":     {1: mib5, 2: mib5 + 70000, 3: 1},
				"empty-last":     {1: mib5, 2: 0},
				"gaps":           {2: mib5, 7: mib5 + 1, 9999: mib5, 10000: 10},
				"last-number":    {9999: mib5, 10000: mib5 + 3},
				"last-number-at": {10000: 5},
			} {
				u := m.create(name, mode)
				for _, n := range sortedKeys(parts) {
					u.mustPut(n, bytesOf(parts[n], n))
				}
				u.mustComplete()
				u.check()
			}
		})
	}
}

// TestMultipartLargePart uploads a part of a size that is a multiple of nothing.
func TestMultipartLargePart(t *testing.T) {
	oneAtATime(t)
	m := newMultiBench(t, 1, nil)
	u := m.create("large", testModes[0])
	u.mustPut(1, bytes.Repeat(bytesOf(1000, 1), 100_000))
	u.mustPut(2, bytesOf(mib5+1, 2))
	u.mustPut(3, bytesOf(1, 3))
	u.mustComplete()
	u.check()
	if r := u.get("Range", "bytes=99999998-100000001"); !bytes.Equal(r.body, u.plain()[99999998:100000002]) {
		t.Errorf("%d %q", r.status, r.body)
	}
}

// TestMultipartParallel uploads the parts of one object in any order at the
// same time.
func TestMultipartParallel(t *testing.T) {
	m := newMultiBench(t, 3, nil)
	u := m.create("parallel", testModes[0])
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := 5; n >= 1; n-- {
		wg.Go(func() {
			size := mib5
			if n == 5 {
				size = 17
			}
			body := bytesOf(size, n)
			r := m.do(http.MethodPut, u.target(fmt.Sprintf("partNumber=%d&", n)), body)
			mu.Lock()
			defer mu.Unlock()
			if !r.ok() {
				t.Errorf("part %d: %s", n, r.body)
			}
			u.parts[n], u.listed[n] = body, s3api.CompletedPart{Number: n, ETag: unquote(r.header.Get("Etag"))}
		})
	}
	wg.Wait()
	u.mustComplete()
	u.check()
}

// TestResentPart sends parts again with the same and with other content: what
// was sent last counts, and no two attempts share key material.
func TestResentPart(t *testing.T) {
	for name, sizes := range map[string][2]int{
		"large": {mib5, mib5}, "small": {10, 10}, "large then small": {mib5, 10}, "small then large": {10, mib5},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMultiBench(t, 2, nil)
			u := m.create("resent", testModes[0])
			u.mustPut(1, bytesOf(sizes[0], 1))
			earlier := u.list()
			u.mustPut(1, bytesOf(sizes[1], 2))
			if u.listed[1].ETag == earlier[0].ETag {
				t.Error("two attempts have the same ETag")
			}
			if r := u.complete(earlier); r.code() != "InvalidPart" {
				t.Errorf("completing with what was replaced: %d %s", r.status, r.body)
			}
			u.mustComplete()
			u.check()
		})
	}
}

// TestResentPartSharesNothing compares the ciphertexts of the same part sent
// twice: no salt, commitment, nonce or block of one occurs in the other.
func TestResentPartSharesNothing(t *testing.T) {
	for _, mode := range testModes {
		for _, size := range []int{1000, mib5} {
			m := newMultiBench(t, 1, nil)
			var sent [][]byte
			u := m.create("twice", mode)
			for range 2 {
				u.mustPut(1, make([]byte, size))
				sent = append(sent, bytes.Clone(m.stored(u, 1)))
			}
			seen := make(map[[12]byte]bool)
			for _, secret := range secrets(sent[0]) {
				seen[secret] = true
			}
			for i, secret := range secrets(sent[1]) {
				if seen[secret] {
					t.Errorf("%s, %d bytes: two attempts share number %d", mode.name, size, i)
				}
			}
		}
	}
}

// secrets returns what must be different in every segment: beginnings of its
// salt, of its commitment and of every sealed chunk, which is the nonce.
func secrets(segment []byte) [][12]byte {
	all := [][12]byte{[12]byte(segment[32:]), [12]byte(segment[64:])}
	for at := 96; at < len(segment)-4; at += encryptor.ChunkSize + 28 {
		all = append(all, [12]byte(segment[at:]))
	}
	return all
}

// stored returns the ciphertext of a part that was uploaded last.
func (m *multiBench) stored(u *multiUpload, number int) []byte {
	m.t.Helper()
	if p := m.store.uploads[u.id].parts[number]; p != nil {
		return p.body
	}
	var newest *fakeObject
	for name, o := range m.store.buckets[defaultSystem] {
		if strings.HasPrefix(name, fmt.Sprintf("%sstash/%05d-", uploadID{"bucket", u.key, u.id}.dir(), number)) &&
			(newest == nil || o.at.After(newest.at)) {
			newest = o
		}
	}
	if newest == nil {
		m.t.Fatalf("part %d is not in the store", number)
	}
	return newest.body
}

// TestResentSameETag sends a part again with the same content and a
// Content-MD5, so that both attempts have the same ETag. The store has one of
// them, and the records may have come in another order.
func TestResentSameETag(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("same", testModes[0])
	body := bytesOf(mib5, 0)
	names := map[string]bool{}
	var records []string
	for range 2 {
		u.mustPut(1, body, "Content-MD5", contentMD5(body))
		for _, name := range m.store.names(defaultSystem) {
			if strings.Contains(name, "/parts/") && !names[name] {
				names[name] = true
				records = append(records, name)
			}
		}
	}
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	system := m.store.buckets[defaultSystem]
	system[records[0]].at, system[records[1]].at = system[records[1]].at, system[records[0]].at
	u.mustComplete()
	u.check()
}

// TestMultipartRequests counts what the store is asked.
func TestMultipartRequests(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("counted", testModes[0])
	m.store.requests()
	expect := func(what string, want int) {
		t.Helper()
		if got := m.store.requests(); len(got) != want {
			t.Errorf("%s: want %d requests, got %q", what, want, got)
		}
	}
	u.mustPut(1, bytesOf(mib5, 1))
	expect("a part, the upload known", 2)
	m.gateways[0].uploads.drop(uploadID{"bucket", u.key, u.id})
	u.mustPut(2, bytesOf(mib5, 2))
	expect("a part, the upload not known", 3)
	u.mustPut(3, bytesOf(10, 3))
	expect("a small part", 3)
	m.must(http.MethodGet, u.target(""), nil)
	expect("listing parts", 2)
	u.mustComplete()
	// The list of parts, the small part, the end, the completion, and the
	// removal of what is left.
	expect("completing", 5)
	u.get()
	expect("reading, cold", 2)
	u.get("Range", "bytes=5242870-5242900")
	expect("a range, warm", 1)
	m.do(http.MethodGet, "/bucket/counted?partNumber=3", nil)
	expect("a part by its number, warm", 2)
	u.check()
}

// TestSwappedAttempt puts an earlier attempt at a part in the place of the
// accepted one, authentic in itself: not a byte of it may come out.
func TestSwappedAttempt(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("swapped", testModes[0])
	u.mustPut(1, bytesOf(mib5, 1))
	u.mustPut(2, bytesOf(mib5, 2))
	earlier := bytes.Clone(m.stored(u, 2))
	u.mustPut(2, bytesOf(mib5, 3))
	u.mustComplete()
	u.check()
	object := m.store.buckets["bucket"]["swapped"]
	copy(object.body[encryptor.PartSize(mib5):], earlier)
	if r := u.get(); r.status != -1 || !bytes.HasPrefix(bytesOf(mib5, 1), r.body) {
		t.Errorf("the whole object: status %d, %d bytes", r.status, len(r.body))
	}
	for _, rng := range []string{"bytes=5242880-", "bytes=5242880-5242880", "bytes=-1", "bytes=10000000-10000001"} {
		if r := u.get("Range", rng); r.ok() || len(r.body) > 0 && r.code() != "InvalidObjectState" {
			t.Errorf("%s: status %d, %q", rng, r.status, r.body[:min(len(r.body), 200)])
		}
	}
	if r := u.get("Range", "bytes=0-100"); !bytes.Equal(r.body, bytesOf(101, 1)) {
		t.Errorf("what was not swapped: status %d", r.status)
	}
}
