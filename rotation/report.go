package rotation

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// Root is what protects an object: its mode and root keys.
type Root struct {
	Mode    metadata.Mode `json:"mode"`              // zero: not encrypted, or with the Key "?" not readable
	Key     string        `json:"key,omitempty"`     // master key or KMS key
	Version int           `json:"version,omitempty"` // of the KMS key, 0 if it is not known
	Outer   string        `json:"outer,omitempty"`   // master key of the second layer of DSSE-KMS
}

func (r Root) compare(o Root) int {
	return cmp.Or(cmp.Compare(r.Mode, o.Mode), cmp.Compare(r.Key, o.Key), cmp.Compare(r.Version, o.Version), cmp.Compare(r.Outer, o.Outer))
}

// unreadable is the Key of objects whose metadata cannot be read.
const unreadable = "?"

// Outcome is what became of an object.
type Outcome string

// The outcomes.
const (
	Current   Outcome = "current"   // nothing had to be done
	Moved     Outcome = "moved"     // done, or in a dry run: to be done
	Remaining Outcome = "remaining" // cannot be done
	Failed    Outcome = "failed"    // could have been done
)

// Count says what became of objects.
type Count struct {
	Current   int64 `json:"current"`
	Moved     int64 `json:"moved"`
	Remaining int64 `json:"remaining"`
	Failed    int64 `json:"failed"`
}

// Objects returns how many objects were counted.
func (c Count) Objects() int64 { return c.Current + c.Moved + c.Remaining + c.Failed }

func (c *Count) add(o Outcome) {
	switch o {
	case Current:
		c.Current++
	case Moved:
		c.Moved++
	case Remaining:
		c.Remaining++
	case Failed:
		c.Failed++
	}
}

// RootCount says what became of the objects that had a root key.
type RootCount struct {
	Root Root `json:"root"`
	Count
}

// Problem is an object that was not moved, or not as expected.
type Problem struct {
	Name    Name    `json:"name"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
}

// maxProblems bounds the problems in a report. All are counted and logged.
const maxProblems = 100

// Report says what a job has done. Objects are versions of objects.
type Report struct {
	DryRun bool
	Roots  []RootCount
	Total  Count
	Bytes  int64 // of plaintext that was encrypted: Migrate only

	// Raced counts the objects that had been overwritten at the very moment when
	// their metadata were changed, and put in order.
	Raced int64

	// Uploads are the uploads in parts that were in progress when the job began,
	// by the master key that their state is sealed under. What is completed of
	// them is under the keys of the time when they began, and may come when the
	// job is past its place.
	Uploads map[string]int64

	// Settings is the master key that the encryption configuration of buckets
	// is sealed under, "" if there is none. A running gateway moves it.
	Settings string

	// Problems are the first objects that are remaining or failed.
	Problems []Problem
}

// tally collects a report. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	roots    map[Root]*Count
	latest   map[string]int
	bytes    int64
	raced    int64
	problems []Problem
}

func newTally(s *state) *tally {
	t := &tally{roots: make(map[Root]*Count), latest: make(map[string]int)}
	maps.Copy(t.latest, s.Latest)
	for _, r := range s.Roots {
		t.roots[r.Root] = &r.Count
	}
	t.bytes, t.raced, t.problems = s.Bytes, s.Raced, s.Problems
	return t
}

func (t *tally) add(r Root, o Outcome, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.roots[r]
	if c == nil {
		c = new(Count)
		t.roots[r] = c
	}
	c.add(o)
	t.bytes += bytes
}

// version notes the latest version of a KMS key.
func (t *tally) version(key string, latest int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest[key] = latest
}

func (t *tally) problem(p Problem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.problems) < maxProblems {
		t.problems = append(t.problems, p)
	}
}

func (t *tally) race() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raced++
}

func (t *tally) sorted() []RootCount {
	out := make([]RootCount, 0, len(t.roots))
	for _, r := range slices.SortedFunc(maps.Keys(t.roots), Root.compare) {
		out = append(out, RootCount{r, *t.roots[r]})
	}
	return out
}

// into writes what is counted so far into s.
func (t *tally) into(s *state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Latest, s.Roots, s.Bytes, s.Raced, s.Problems = maps.Clone(t.latest), t.sorted(), t.bytes, t.raced, slices.Clone(t.problems)
}

func (t *tally) total() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum Count
	for _, c := range t.roots {
		sum.Current += c.Current
		sum.Moved += c.Moved
		sum.Remaining += c.Remaining
		sum.Failed += c.Failed
	}
	return sum
}

func (t *tally) report(dryRun bool) *Report {
	r := &Report{DryRun: dryRun, Total: t.total()}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Roots, r.Bytes, r.Raced, r.Problems = t.sorted(), t.bytes, t.raced, slices.Clone(t.problems)
	return r
}
