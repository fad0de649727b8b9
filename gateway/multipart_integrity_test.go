package gateway

import (
	"net/http"
	"testing"
)

// TestWholeChecksum checks which stores are asked to keep a checksum of the
// whole object, and that they get what they need for it: of parts that wait,
// from other instances, and when the configuration has changed meanwhile.
func TestWholeChecksum(t *testing.T) {
	for _, tt := range []struct {
		server      string
		first, then Integrity
		want        bool
	}{
		{"MinIO", IntegrityChecksum, IntegrityChecksum, true},
		{"MinIO", IntegrityChecksum, IntegrityNone, true},
		{"MinIO", IntegrityNone, IntegrityChecksum, false},
		{"MinIO", IntegrityNone, IntegrityNone, false},
		{"AmazonS3", IntegrityChecksum, IntegrityChecksum, false},
		{"", IntegrityChecksum, IntegrityChecksum, false},
	} {
		for _, sizes := range [][]int{{0}, {100}, {mib5}, {mib5, mib5 + 1}, {mib5, 100}} {
			m := newMultiBench(t, 2, func(c *Config) { c.Upstream.Integrity = tt.first })
			m.store.server = tt.server
			asked := 0
			m.store.before = func(r *http.Request) error {
				if r.Header.Get("X-Amz-Checksum-Algorithm") != "" {
					asked++
				}
				return nil
			}
			u := m.create("k", testModes[0])
			if (asked == 1) != tt.want {
				t.Errorf("%+v: the store was asked %d times", tt, asked)
			}
			for _, g := range m.gateways {
				g.cfg.Upstream.Integrity = tt.then
				g.uploads.drop(uploadID{"bucket", "k", u.id})
			}
			for i, size := range sizes {
				u.mustPut(i+1, bytesOf(size, i))
			}
			u.mustComplete()
			u.check()
		}
	}
}
