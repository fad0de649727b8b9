package copies_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

func sha256Of(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func md5Of(b []byte) string {
	sum := md5.Sum(b)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func TestChecksumOfACopy(t *testing.T) {
	e := start(t, nil)
	const n = 2 << 20
	e.Put(t, e.bucket, "source", plain(n), "X-Amz-Checksum-Sha256", sha256Of(plain(n)))
	e.Put(t, e.bucket, "unnamed", plain(n))
	for _, tt := range []struct {
		name, from string
		to         mode
		ask        string
		sha256     bool
		moves      bool
	}{
		{"kept", "source", modeNamed(t, "SSE-S3"), "", true, false},
		{"kept in another body", "source", modeNamed(t, "DSSE-KMS"), "", true, true},
		{"named and the same", "source", modeNamed(t, "SSE-KMS a"), "SHA256", true, false},
		{"another", "source", modeNamed(t, "SSE-S3"), "CRC64NVME", false, true},
		{"given", "unnamed", modeNamed(t, "SSE-S3"), "SHA256", true, true},
	} {
		ask := tt.to.write
		if tt.ask != "" {
			ask = append([]string{"X-Amz-Checksum-Algorithm", tt.ask}, ask...)
		}
		e.proxy.Reset()
		r := parseCopy(t, e.Expect(t, http.StatusOK, copyRequest(e.bucket, tt.name, e.name(tt.from), ask...)))
		if moved := e.moved() > little; moved != tt.moves {
			t.Errorf("%s: moved %t", tt.name, moved)
		}
		want := ""
		if tt.sha256 {
			want = sha256Of(plain(n))
		}
		get := e.Get(t, e.bucket, tt.name, "X-Amz-Checksum-Mode", "ENABLED")
		if r.ChecksumSHA256 != want || get.Header.Get("X-Amz-Checksum-Sha256") != want || r.ChecksumType != "FULL_OBJECT" || (want == "") != (r.ChecksumCRC64NVME != "") {
			t.Errorf("%s: %+v, then %v", tt.name, r, get.Header)
		}
	}
	if a := e.Do(t, copyRequest(e.bucket, "copy", e.name("source"), "X-Amz-Checksum-Algorithm", "CRC16")); a.Status != http.StatusBadRequest {
		t.Errorf("an unknown algorithm: %d %s", a.Status, a.Body)
	}
}

// TestCopyKeepsParts: a copy that the store makes is of the same parts, and so
// are its ETag and a composite checksum. Asked for a checksum, the gateway
// makes another object of it.
func TestCopyKeepsParts(t *testing.T) {
	e := start(t, nil)
	m := modeNamed(t, "SSE-S3")
	id := e.begin(t, m, "source", "X-Amz-Checksum-Algorithm", "SHA256")
	var listed string
	for i, part := range [][]byte{plain(5 << 20), plain(1000)} {
		listed += e.composite(t, "source", id, i+1, part)
	}
	e.complete(t, "source", id, listed)
	head := []string{"X-Amz-Checksum-Mode", "ENABLED"}
	source := e.Head(t, e.bucket, "source", head...).Header
	sum := source.Get("X-Amz-Checksum-Sha256")
	if !strings.HasSuffix(sum, "-2") {
		t.Fatalf("the source's checksum is %q", sum)
	}
	for _, to := range []mode{m, modeNamed(t, "SSE-KMS b")} {
		r := parseCopy(t, e.Expect(t, http.StatusOK, copyRequest(e.bucket, to.name, e.name("source"), to.write...)))
		h := e.Head(t, e.bucket, to.name, head...).Header
		if r.ChecksumSHA256 != sum || r.ChecksumType != "COMPOSITE" || h.Get("X-Amz-Checksum-Sha256") != sum || (r.ETag == source.Get("Etag")) != (to.name == m.name) {
			t.Errorf("%s: %+v, then %v", to.name, r, h)
		}
	}
	r := parseCopy(t, e.Expect(t, http.StatusOK, copyRequest(e.bucket, "copy", e.name("source"), "X-Amz-Checksum-Algorithm", "SHA256")))
	want := sha256Of(append(plain(5<<20), plain(1000)...))
	if r.ChecksumSHA256 != want || r.ChecksumType != "FULL_OBJECT" {
		t.Errorf("asked for a checksum: %+v, want %s", r, want)
	}
}

// TestETagOfACopy: with the policy md5, copies that are not MD5s of their
// sources get the MD5 that Amazon S3 gives them.
func TestETagOfACopy(t *testing.T) {
	for _, policy := range []gateway.ETagPolicy{gateway.ETagAuto, gateway.ETagMD5, gateway.ETagOpaque} {
		e := start(t, func(c *gateway.Config) { c.ETag = policy })
		for _, tt := range []struct {
			name, from, to string
			n              int
			md5            map[gateway.ETagPolicy]bool
		}{
			{"known", "SSE-S3", "SSE-S3", 100, map[gateway.ETagPolicy]bool{gateway.ETagAuto: true, gateway.ETagMD5: true}},
			{"not known", "SSE-KMS a", "SSE-S3", 100, map[gateway.ETagPolicy]bool{gateway.ETagMD5: true}},
			{"of parts", "SSE-S3", "SSE-S3", parted, map[gateway.ETagPolicy]bool{gateway.ETagMD5: true}},
			{"of two layers", "DSSE-KMS", "SSE-S3", 100, map[gateway.ETagPolicy]bool{gateway.ETagAuto: true, gateway.ETagMD5: true}},
			{"plaintext", "plaintext", "SSE-S3", 2 << 20, map[gateway.ETagPolicy]bool{gateway.ETagMD5: true}},
			{"to another mode", "SSE-S3", "SSE-KMS a", 100, nil},
		} {
			e.create(t, modeNamed(t, tt.from), "source", tt.n)
			r := parseCopy(t, e.Expect(t, http.StatusOK, copyRequest(e.bucket, tt.name, e.name("source"), modeNamed(t, tt.to).write...)))
			if got := e.Head(t, e.bucket, tt.name).Header.Get("Etag"); got != r.ETag || (r.ETag == md5Of(plain(tt.n))) != tt.md5[policy] {
				t.Errorf("%s, %s: %s, then %s", policy, tt.name, r.ETag, got)
			}
		}
	}
}

func TestReencryptCopies(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.ReencryptCopies = true })
	for _, m := range modes()[1:] {
		e.create(t, m, m.name, 2<<20)
		for _, to := range modes()[1:] {
			key := m.name + " as " + to.name
			e.proxy.Reset()
			e.Expect(t, http.StatusOK, copyRequest(e.bucket, key, e.name(m.name), append(append([]string(nil), to.write...), m.source...)...))
			if moved := e.moved() > little; moved != (m.name != to.name) {
				t.Errorf("%s to %s: moved %t", m.name, to.name, moved)
			}
			if a := e.Get(t, e.bucket, key, to.read...); len(a.Body) != 2<<20 {
				t.Errorf("%s to %s: status %d, %d bytes", m.name, to.name, a.Status, len(a.Body))
			}
		}
	}
}
