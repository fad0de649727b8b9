package rotation

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// kindOf is a store of which only the name matters.
type kindOf struct {
	Store
	kind string
}

func (k kindOf) Kind() string { return k.kind }

func TestWayOf(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	h := func(pairs ...string) http.Header {
		out := make(http.Header)
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out
	}
	later, before := now.Add(time.Second).Format(time.RFC3339), now.Add(-time.Second).Format(time.RFC3339)
	for _, tt := range []struct {
		name, kind string
		item       item
		header     http.Header
		size       int64
		exclusive  bool
		want       way
		why        string
	}{
		{name: "a version", kind: "MinIO", item: item{fixed: true}, want: inPlace},
		{name: "an old version", kind: "MinIO", item: item{fixed: true}, size: 1 << 40, want: inPlace},
		{name: "suspended", kind: "MinIO", item: item{Name: Name{VersionID: "v"}, fixed: true}, why: "suspended"},
		{name: "enabled", kind: "MinIO", item: item{Name: Name{VersionID: "v"}, fixed: true, bucket: Bucket{Versioned: true}}, want: inPlace},
		{name: "null", kind: "MinIO", item: item{Name: Name{VersionID: "null"}, fixed: true}, want: inPlace},
		{name: "not fixed", kind: "MinIO", item: item{entry: Entry{Latest: true}}, want: rebuilt},
		{name: "an old one that is not", kind: "MinIO", why: "old version"},
		{name: "a folder", kind: "MinIO", item: item{Name: Name{Key: "a/"}, entry: Entry{Latest: true}}, size: 128 << 10, want: rebuilt},
		{name: "a large folder", kind: "MinIO", item: item{Name: Name{Key: "a/"}, entry: Entry{Latest: true}}, size: 128<<10 + 1, why: "slash"},
		{name: "tied", kind: "MinIO", item: item{fixed: true, entry: Entry{tied: true}}, why: "same millisecond"},
		{name: "tier", kind: "MinIO", item: item{fixed: true}, header: h(classHeader, "COLD"), why: "tier COLD"},
		{name: "class", kind: "MinIO", item: item{fixed: true}, header: h(classHeader, "REDUCED_REDUNDANCY"), want: inPlace},
		{name: "hold", kind: "MinIO", item: item{fixed: true}, header: h(holdHeader, "ON"), why: "legal hold"},
		{name: "no hold", kind: "MinIO", item: item{fixed: true}, header: h(holdHeader, "OFF"), want: inPlace},
		{name: "governance", kind: "MinIO", item: item{fixed: true}, header: h(modeHeader, "GOVERNANCE", untilHeader, later), want: inPlace},
		{name: "compliance", kind: "MinIO", item: item{fixed: true}, header: h(modeHeader, "COMPLIANCE", untilHeader, later), why: "locked until 2026-03-01T00:00:01Z"},
		{name: "past", kind: "MinIO", item: item{fixed: true}, header: h(modeHeader, "COMPLIANCE", untilHeader, before), want: inPlace},
		{name: "unreadable date", kind: "MinIO", item: item{fixed: true}, header: h(modeHeader, "COMPLIANCE", untilHeader, "?"), why: "locked until"},
		{name: "elsewhere", kind: "AmazonS3", item: item{entry: Entry{Latest: true}}, want: copied},
		{name: "old elsewhere", kind: "AmazonS3", why: "not the current one"},
		{name: "archived", kind: "AmazonS3", item: item{entry: Entry{Latest: true}}, header: h(classHeader, "GLACIER"), why: "archived"},
		{name: "as large as can be", kind: "AmazonS3", item: item{entry: Entry{Latest: true}}, size: maxCopy, want: copied},
		{name: "too large", kind: "AmazonS3", item: item{entry: Entry{Latest: true}}, size: maxCopy + 1, want: rebuilt},
		{name: "unguarded", kind: "x", item: item{entry: Entry{Latest: true}}, why: "upload at the same time"},
		{name: "exclusive", kind: "x", item: item{entry: Entry{Latest: true}}, exclusive: true, want: copied},
	} {
		m := &mover{judge: judge{Options: &Options{Store: kindOf{kind: tt.kind}, Exclusive: tt.exclusive, Now: func() time.Time { return now }}}}
		got, err := m.wayOf(tt.item, &Object{Header: tt.header, Size: tt.size})
		if got != tt.want || (err == nil) != (tt.why == "") || err != nil && (!strings.Contains(err.Error(), tt.why) || outcome(err) != Remaining) {
			t.Errorf("%s: %d, %v", tt.name, got, err)
		}
	}
}

// TestKeepOrder gives versions times that are later than they can have been, and
// earlier than those of the next.
func TestKeepOrder(t *testing.T) {
	at := func(micros ...int) (out []Entry) {
		for _, n := range micros {
			out = append(out, Entry{Modified: time.UnixMicro(int64(n)).Truncate(time.Millisecond)})
		}
		return out
	}
	for _, times := range [][]int{
		{5000}, {9999, 5000}, {6500, 5999}, {6000, 5000, 4000, 3000}, {7001, 5000}, {5999, 5000}, {9000, 5999, 5500, 5000, 4999},
	} {
		versions := at(times...)
		keepOrder(versions)
		for i, e := range versions {
			real := time.UnixMicro(int64(times[i]))
			if e.tied != (i > 0 && times[i-1]/1000 == times[i]/1000) {
				t.Errorf("%v: version %d: tied %v", times, i, e.tied)
			}
			if e.tied {
				continue
			}
			if !e.when.After(real) {
				t.Errorf("%v: version %d gets %v, it is of %v", times, i, e.when, real)
			}
			if i > 0 && !e.when.Before(versions[i-1].Modified) {
				t.Errorf("%v: version %d gets %v, the next is of %v", times, i, e.when, versions[i-1].Modified)
			}
		}
	}
}

func TestLocks(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	later, before := now.Add(time.Second).Format(time.RFC3339), now.Add(-time.Second).Format(time.RFC3339)
	locked := http.Header{modeHeader: {"GOVERNANCE"}, untilHeader: {later}}
	for _, tt := range []struct {
		name           string
		have, explicit http.Header
		must           bool
	}{
		{"nothing", http.Header{}, http.Header{holdHeader: {"OFF"}}, false},
		{"in force", locked, locked, true},
		{"over", http.Header{modeHeader: {"GOVERNANCE"}, untilHeader: {before}}, http.Header{holdHeader: {"OFF"}}, false},
		{"hold", http.Header{holdHeader: {"ON"}}, http.Header{holdHeader: {"ON"}}, true},
		{"no hold", http.Header{holdHeader: {"OFF"}}, http.Header{holdHeader: {"OFF"}}, false},
	} {
		o := &Object{Header: tt.have}
		if diff := cmp.Diff(tt.explicit, explicitLock(o, now)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if mustKeepLock(o, now) != tt.must || !sameLock(o, o) || sameLock(o, &Object{Header: http.Header{modeHeader: {"COMPLIANCE"}}}) {
			t.Errorf("%s: compares wrongly", tt.name)
		}
	}
}

func TestContentEncoding(t *testing.T) {
	for in, want := range map[string]string{"": "", "gzip": "gzip", "aws-chunked": "", "AWS-chunked, gzip": "gzip", "a,,b": "a,b"} {
		if got := contentEncoding([]string{in}); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
