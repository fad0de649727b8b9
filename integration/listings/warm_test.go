package listings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/site"
	"github.com/caddy-s3-sse/caddy-s3-sse/integration/store"
)

// TestWarmListing lists a bucket again and again while some, many and all of
// its objects change: the store is asked for metadata, which takes it several
// times as long, only where that tells something new.
func TestWarmListing(t *testing.T) {
	const n = 64
	e := start(t, store.MinIO(t), site.Options{})
	write := func(count int, text string) {
		for i := range count {
			e.Put(t, e.bucket, fmt.Sprintf("k%03d", i), []byte(text))
		}
	}
	for step, tc := range []struct {
		count int
		want  []string // the requests, in short
	}{
		{n, []string{"with metadata"}},
		{0, []string{"with metadata"}}, // nothing new
		{0, []string{"without"}},
		{2, []string{"without", "HEAD", "HEAD"}},
		{0, []string{"without"}},
		{n / 2, []string{"without", "with metadata"}},
		{0, []string{"with metadata"}},
		{0, []string{"without"}},
	} {
		write(tc.count, fmt.Sprint("content of step ", step))
		e.proxy.Reset()
		l := e.list(t, "v2")
		var got []string
		for _, line := range e.proxy.Lines() {
			switch {
			case strings.HasPrefix(line, "HEAD "):
				got = append(got, "HEAD")
			case strings.Contains(line, "metadata=true"):
				got = append(got, "with metadata")
			default:
				got = append(got, "without")
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("step %d: (-want +got)\n%s", step, diff)
		}
		for _, i := range []int{0, n/2 - 1, n - 1} {
			e.checkEntry(t, "v2", l.Contents[i].Key, l.Contents[i])
		}
	}
}
