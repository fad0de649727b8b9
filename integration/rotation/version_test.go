package rotation_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/wire"
)

// version is what a listing says of a version.
type version struct {
	Key, ID        string
	Latest, Marker bool
	Size           int64
	Time           time.Time
}

// listed lists the versions.
func (e *site) listed(t *testing.T) []version {
	t.Helper()
	var out []version
	for _, o := range e.versions(t) {
		out = append(out, version{o.Key, o.VersionID, o.IsLatest, o.IsDeleteMarker, o.Size, o.LastModified})
	}
	return out
}

// TestVersions moves old versions where they are, among delete markers and one
// from before versioning, and twice.
func TestVersions(t *testing.T) {
	e := start(t, store.MinIO(t))
	e.load(t)
	c := e.store.Client()
	want := make(map[string]string)
	put := func(key, body string) {
		id := e.put(t, key, body)
		if id == "" {
			id = "null"
		}
		want[key+"?versionId="+id] = body
		time.Sleep(3 * time.Millisecond) // or MinIO lists two versions with the same time
	}
	put("k", "from before versioning")
	if err := c.EnableVersioning(t.Context(), e.bucket); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		put("k", fmt.Sprint("version ", i))
		if i == 2 {
			e.expect(t, http.StatusNoContent, wire.Request{Method: http.MethodDelete, Target: "/" + e.bucket + "/k", Header: headers()})
			time.Sleep(3 * time.Millisecond)
		}
	}
	put("deleted", "deleted")
	e.expect(t, http.StatusNoContent, wire.Request{Method: http.MethodDelete, Target: "/" + e.bucket + "/deleted", Header: headers()})
	big := strings.Repeat("x", 6<<20)
	e.upload(t, "multipart", big)
	before := e.listed(t)
	for _, active := range []string{"b", "c"} {
		e.masters = append(e.masters, active)
		e.load(t)
		e.run(t, 0, "rewrap")
		nearly := cmp.Comparer(func(x, y time.Time) bool { return x.Sub(y).Abs() <= 2*time.Millisecond })
		if diff := cmp.Diff(before, e.listed(t), nearly); diff != "" {
			t.Errorf("versions (-before +after):\n%s", diff)
		}
	}
	e.masters = []string{"c"}
	e.load(t)
	for target, body := range want {
		e.reads(t, target, body)
	}
	e.reads(t, "k", "version 4")
	e.reads(t, "multipart", big)
}

// TestLocks moves versions that can be, keeps their locks, and reports the others.
func TestLocks(t *testing.T) {
	e := start(t, store.MinIO(t))
	c := e.store.Client()
	e.bucket += "-locked"
	if err := c.MakeBucket(t.Context(), e.bucket, minio.MakeBucketOptions{ObjectLocking: true}); err != nil {
		t.Fatal(err)
	}
	e.load(t)
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	lock := func(mode string) []string {
		return []string{"X-Amz-Object-Lock-Mode", mode, "X-Amz-Object-Lock-Retain-Until-Date", until}
	}
	for key, pairs := range map[string][]string{
		"free": nil, "governance": lock("GOVERNANCE"), "compliance": lock("COMPLIANCE"), "hold": {"X-Amz-Object-Lock-Legal-Hold", "ON"},
	} {
		e.put(t, key, key, pairs...)
	}
	mode, days, unit := minio.Governance, uint(1), minio.Days
	if err := c.SetBucketObjectLockConfig(t.Context(), e.bucket, &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	locks := func() map[string]string {
		out := make(map[string]string)
		for _, key := range []string{"free", "governance", "compliance", "hold"} {
			h := e.reads(t, key, key)
			out[key] = h.Get("X-Amz-Object-Lock-Mode") + h.Get("X-Amz-Object-Lock-Retain-Until-Date") + strings.TrimPrefix(h.Get("X-Amz-Object-Lock-Legal-Hold"), "OFF")
		}
		return out
	}
	before := locks()
	e.masters = []string{"a", "b"}
	e.load(t)
	out := e.run(t, 4, "rewrap")
	for _, s := range []string{"4        0      2          2       0", `hold`, "it is under legal hold", "it is locked until"} {
		if !strings.Contains(out, s) {
			t.Errorf("the report has no %q:\n%s", s, out)
		}
	}
	if diff := cmp.Diff(before, locks()); diff != "" {
		t.Errorf("locks (-before +after):\n%s", diff)
	}
	if err := c.PutObjectLegalHold(t.Context(), e.bucket, "hold", minio.PutObjectLegalHoldOptions{Status: new(minio.LegalHoldDisabled)}); err != nil {
		t.Fatal(err)
	}
	if out := e.run(t, 4, "rewrap"); !strings.Contains(out, "2        0      1          1       0") {
		t.Errorf("after the hold:\n%s", out)
	}
}
