package copies_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// little is more than the metadata of a copy takes, in bytes, and less than
// its data.
const little = 8 << 10

// TestEveryModeToEveryOther copies objects of every size class from every mode
// to every other.
func TestEveryModeToEveryOther(t *testing.T) {
	e := start(t, nil)
	for _, n := range []int{0, 1, 1 << 20, parted} {
		for _, from := range modes() {
			source := fmt.Sprintf("source/%s/%d", from.name, n)
			e.create(t, from, source, n)
			for _, to := range modes()[1:] {
				t.Run(fmt.Sprintf("%d/%s to %s", n, from.name, to.name), func(t *testing.T) {
					e.copyBetween(t, from, to, source, n)
				})
			}
		}
	}
}

func (e *endpoint) copyBetween(t *testing.T, from, to mode, source string, n int) {
	key := source + " to " + to.name
	e.proxy.Reset()
	a := e.Expect(t, http.StatusOK, copyRequest(e.bucket, key, e.name(source), slices.Concat(to.write, from.source)...))
	moved := e.moved()
	switch {
	case from.suite == to.suite && moved > little:
		t.Errorf("%d bytes were moved; requests:\n%s", moved, strings.Join(e.proxy.Lines(), "\n"))
	case from.suite != to.suite && moved < int64(n):
		t.Errorf("only %d bytes were moved", moved)
	}
	for i := 0; i < len(to.write); i += 2 {
		name, want := to.write[i], to.write[i+1]
		if got := a.Header.Get(name); got != want && !strings.HasSuffix(name, "-Key") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	result := parseCopy(t, a)
	head := e.Head(t, e.bucket, key, to.read...)
	if head.Status != http.StatusOK || head.Length != int64(n) || head.Header.Get("Etag") != result.ETag {
		t.Errorf("HEAD: status %d, %d bytes, ETag %s; the copy said %s", head.Status, head.Length, head.Header.Get("Etag"), result.ETag)
	}
	get := e.Get(t, e.bucket, key, append(to.read, "X-Amz-Checksum-Mode", "ENABLED")...)
	if get.Status != http.StatusOK || get.Err != nil || !bytes.Equal(get.Body, plain(n)) || get.Header.Get("Etag") != result.ETag {
		t.Errorf("GET: status %d, %d bytes, ETag %s, %v", get.Status, len(get.Body), get.Header.Get("Etag"), get.Err)
	}
	if sum := get.Header.Get("X-Amz-Checksum-Crc64nvme"); sum != result.ChecksumCRC64NVME {
		t.Errorf("checksum %q; the copy said %q", sum, result.ChecksumCRC64NVME)
	}
	if n > 1 {
		part := e.Get(t, e.bucket, key, append(to.read, "Range", fmt.Sprintf("bytes=%d-", n-70000))...)
		if part.Status != http.StatusPartialContent || !bytes.Equal(part.Body, plain(n)[n-70000:]) {
			t.Errorf("a range: status %d, %d bytes", part.Status, len(part.Body))
		}
	}
}

// moved returns how many bytes of bodies went between gateway and store since
// the last reset of the proxy.
func (e *endpoint) moved() (n int64) {
	for _, x := range e.proxy.Exchanges() {
		if !isSettings(x) {
			n += x.Received + x.Sent
		}
	}
	return n
}

// isSettings reports whether a request is for the configuration that the
// gateway reads again every few seconds.
func isSettings(x store.Exchange) bool {
	return strings.Contains(x.Target, "caddy-s3-sse-system")
}
