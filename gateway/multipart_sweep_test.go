package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSweep lets time pass over uploads that are in progress, aborted at the
// store, and half removed.
func TestSweep(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	live, gone, half := m.create("live", testModes[0]), m.create("gone", testModes[1]), m.create("half", testModes[0])
	for _, u := range []*multiUpload{live, gone, half} {
		u.mustPut(1, bytesOf(mib5, 1))
		u.mustPut(2, bytesOf(10, 1))
	}
	delete(m.store.uploads, gone.id)
	delete(m.store.uploads, half.id)
	delete(m.store.buckets[defaultSystem], uploadID{"bucket", "half", half.id}.dir()+uploadRecordName)
	kept := func(u *multiUpload) (n int) {
		for _, name := range m.store.names(defaultSystem) {
			if strings.HasPrefix(name, uploadID{"bucket", u.key, u.id}.dir()) {
				n++
			}
		}
		return n
	}
	// A whole round, of which every step is behind an upload that begins.
	round := func() (lists int) {
		for range sweepShares {
			m.now = m.now.Add(sweepEvery)
			m.store.clock = m.store.clock.Add(sweepEvery)
			m.store.requests()
			u := m.create("trigger", testModes[0])
			for _, line := range m.store.requests() {
				if strings.Contains(line, "list-type=2") {
					lists++
				}
			}
			m.must(http.MethodDelete, u.target(""), nil)
		}
		return lists
	}
	if lists := round(); lists != sweepShares {
		t.Errorf("%d lists in %d sweeps", lists, sweepShares)
	}
	if kept(live) != 4 {
		t.Errorf("an upload in progress: %d objects are left", kept(live))
	}
	m.now, m.store.clock = m.now.Add(sweepAge), m.store.clock.Add(sweepAge)
	round()
	if kept(live) != 4 || kept(gone) != 0 || kept(half) != 0 {
		t.Errorf("kept %d, %d, %d", kept(live), kept(gone), kept(half))
	}
	live.mustComplete()
	live.check()
}

// TestSweepYoung checks that nothing is removed before its time.
func TestSweepYoung(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("young", testModes[0])
	delete(m.store.uploads, u.id)
	c := &call{g: m.gateways[0], via: m.store, out: new(Outcome), header: http.Header{}}
	share := uploadID{"bucket", u.key, u.id}.dir()[:len(uploadsPrefix)+2]
	for _, age := range []time.Duration{-time.Hour, 0} {
		if err := c.sweepShare(t.Context(), share, m.store.clock.Add(age)); err != nil {
			t.Fatal(err)
		}
		if len(m.store.names(defaultSystem)) != 1 {
			t.Fatalf("removed %s after it was written", age)
		}
	}
	if err := c.sweepShare(t.Context(), share, m.store.clock.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if names := m.store.names(defaultSystem); len(names) != 0 {
		t.Errorf("left %q", names)
	}
}

// TestSweepBounded checks that one sweep does not ask about everything there is.
func TestSweepBounded(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.create("first", testModes[0]) // makes the bucket
	for i := range 3 * sweepUploads {
		name := fmt.Sprintf("%s00%062x/parts/00001-x", uploadsPrefix, i)
		m.store.buckets[defaultSystem][name] = m.store.object(http.Header{}, nil)
	}
	c := &call{g: m.gateways[0], via: m.store, out: new(Outcome), header: http.Header{}}
	if err := c.sweepShare(t.Context(), uploadsPrefix+"00", m.store.clock.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, name := range m.store.names(defaultSystem) {
		if strings.HasPrefix(name, uploadsPrefix+"00000") {
			left++
		}
	}
	if left != 2*sweepUploads {
		t.Errorf("%d are left", left)
	}
}

// TestCreateFails checks that an upload that could not be completed later is
// not left in the store.
func TestCreateFails(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	m.store.before = func(r *http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/"+uploadRecordName) {
			return errCut
		}
		return nil
	}
	if r := m.do(http.MethodPost, "/bucket/fails?uploads", nil); r.status != 503 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if n := len(m.store.uploads); n != 0 {
		t.Errorf("%d uploads are left in the store", n)
	}
}

// TestPartNotAnswered checks that a part of which no record could be written is
// not answered as uploaded.
func TestPartNotAnswered(t *testing.T) {
	m := newMultiBench(t, 1, nil)
	u := m.create("part", testModes[0])
	m.store.before = func(r *http.Request) error {
		if strings.Contains(r.URL.Path, "/parts/") {
			return errCut
		}
		return nil
	}
	for _, size := range []int{10, mib5} {
		if r := u.put(1, bytesOf(size, 1)); r.status != 503 {
			t.Errorf("%d bytes: %d %s", size, r.status, r.body)
		}
	}
}
