package rotation_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// to returns a Target that is the same for every bucket.
func to(mode metadata.Mode) func(string) (rotation.Target, error) {
	return func(string) (rotation.Target, error) {
		t := rotation.Target{Mode: mode}
		if mode != metadata.SSES3 {
			t.KMSKey = "k"
		}
		return t, nil
	}
}

func etagOf(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// TestMigrate encrypts objects of every size around the limits, whole and in
// parts, in every mode.
func TestMigrate(t *testing.T) {
	const part = 5 << 20
	rotation.SmallParts(t, 1000, part)
	_, b := masters(t)
	p := kmstest.NewMemory("k")
	service, err := kms.New(kms.Options{Provider: p})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	for _, mode := range []metadata.Mode{metadata.SSES3, metadata.SSEKMS, metadata.DSSEKMS} {
		f := newFake()
		sizes := []int{0, 1, 999, 1000, 1001, 65537, part - 1, part, part + 1, 2*part + 7}
		text := func(n int) string { return strings.Repeat(fmt.Sprintf("%07d,", n), n/8+1)[:n] }
		for _, n := range sizes {
			f.put(name(fmt.Sprint(n)), http.Header{"Content-Type": {"text/plain"}}, []byte(text(n)))
		}
		r, err := rotation.Migrate(t.Context(), rotation.MigrateOptions{
			Options: rotation.Options{Store: f, Keys: b, KMS: service, Logger: quiet}, Target: to(mode),
		})
		if err != nil || r.Total.Moved != int64(len(sizes)) || r.Total.Objects() != r.Total.Moved {
			t.Fatalf("%s: %+v, %v", mode, r, err)
		}
		for _, n := range sizes {
			got, env, rec := plain(t, f, b, p, fmt.Sprint(n))
			if got != text(n) || env.Mode != mode || env.Multipart != (n > 1000) {
				t.Errorf("%s, %d bytes: %d bytes, %s, multipart %v", mode, n, len(got), env.Mode, env.Multipart)
			}
			want := ""
			if mode == metadata.SSES3 {
				want = etagOf(text(n))
			}
			if n > 1000 && want != "" {
				var sums []byte
				for rest := []byte(text(n)); len(rest) > 0; {
					sum := md5.Sum(rest[:min(part, len(rest))])
					sums, rest = append(sums, sum[:]...), rest[min(part, len(rest)):]
				}
				sum := md5.Sum(sums)
				want = fmt.Sprintf("%x-%d", sum, len(sums)/md5.Size)
			}
			crc := s3api.CRC64NVME.New()
			crc.Write([]byte(text(n)))
			if rec.Digests.ETag != want || !bytes.Equal(rec.Digests.Checksum.Value, crc.Sum(nil)) {
				t.Errorf("%s, %d bytes: ETag %s, want %s; checksum %x", mode, n, rec.Digests.ETag, want, rec.Digests.Checksum.Value)
			}
			o, _ := f.find(name(fmt.Sprint(n)))
			if o.header.Get("Content-Type") != "text/plain" {
				t.Errorf("%d bytes: %v", n, o.header)
			}
		}
	}
}

// TestMigrateVerifies does not replace objects that are not what the store says,
// and copes with ETags that are no MD5s.
func TestMigrateVerifies(t *testing.T) {
	_, b := masters(t)
	crc := s3api.CRC32C.New()
	crc.Write([]byte("right"))
	sum := base64.StdEncoding.EncodeToString(crc.Sum(nil))
	for _, tt := range []struct {
		name, body string
		header     http.Header
		etag       string
		want       rotation.Outcome
		digest     string
	}{
		{"right checksum", "right", http.Header{"X-Amz-Checksum-Crc32c": {sum}}, "", rotation.Moved, etagOf("right")},
		{"wrong checksum", "wrong", http.Header{"X-Amz-Checksum-Crc32c": {sum}}, "", rotation.Failed, ""},
		{"no MD5", "right", nil, strings.Repeat("0", 32), rotation.Moved, etagOf("right")},
		{"parts", "right", nil, strings.Repeat("0", 32) + "-2", rotation.Moved, etagOf("right")},
		{"lost metadata", "S3SE and more", nil, "", rotation.Failed, ""},
		{"a gateway's record", "S3SR\x01 and more", nil, "", rotation.Remaining, ""},
		{"nearly", "S3S", nil, "", rotation.Moved, etagOf("S3S")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			f.put(name("k"), tt.header, []byte(tt.body))
			if tt.etag != "" {
				f.objects[bucket]["k"].header.Set("Etag", `"`+tt.etag+`"`)
			}
			r, err := rotation.Migrate(t.Context(), rotation.MigrateOptions{
				Options: rotation.Options{Store: f, Keys: b, Logger: quiet}, Target: to(metadata.SSES3),
			})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != rotation.Moved {
				o, _ := f.find(name("k"))
				if len(r.Problems) != 1 || r.Problems[0].Outcome != tt.want || string(o.body) != tt.body {
					t.Errorf("%+v", r)
				}
				return
			}
			got, _, rec := plain(t, f, b, nil, "k")
			if r.Total.Moved != 1 || got != tt.body || rec.Digests.ETag != tt.digest {
				t.Errorf("%+v, %q, ETag %s", r, got, rec.Digests.ETag)
			}
		})
	}
}

// TestMigrateRaces lets an upload or a deletion come at every moment.
func TestMigrateRaces(t *testing.T) {
	_, b := masters(t)
	for _, moment := range []string{"List", "Head", "Get", "Put", "Put of a version", "after Put", "BeginUpload", "PutPart", "CompleteUpload", "after CompleteUpload"} {
		old := "old"
		if strings.Contains(moment, "Upload") || moment == "PutPart" {
			old = strings.Repeat("old", 1<<20) // which is not held in memory
		}
		for _, deleted := range []bool{false, true} {
			f := newFake()
			if moment == "Put of a version" {
				f.id, f.bucket.Versioned = "v", true
			}
			f.put(name("k"), nil, []byte(old))
			done := false
			f.before = func(op string, _ rotation.Name) error {
				if op != strings.TrimSuffix(moment, " of a version") || done {
					return nil
				}
				done = true
				if deleted {
					delete(f.objects[bucket], "k")
					return nil
				}
				h, body := sealed(t, b, name("k"), "new")
				f.put(name("k"), h, body)
				return nil
			}
			f.after = func(op string, n rotation.Name) error { return f.before("after "+op, n) }
			r, err := rotation.Migrate(t.Context(), rotation.MigrateOptions{
				Options: rotation.Options{Store: f, Keys: b, Logger: quiet}, Target: to(metadata.SSES3),
			})
			if err != nil || r.Total.Failed+r.Total.Remaining > 0 {
				t.Fatalf("%s: %+v, %v", moment, r, err)
			}
			if deleted {
				if _, err := f.find(name("k")); err == nil {
					t.Errorf("%s: the object is back", moment)
				}
				continue
			}
			if got, _, _ := plain(t, f, b, nil, "k"); got != "new" {
				t.Errorf("%s: %q", moment, got)
			}
		}
	}
}
