package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// TestMultipartMemory uploads 1 GiB in parts to a store that keeps none of it:
// what the gateway holds does not grow with what passes through it. With
// S3SSE_TEST_LARGE=1 in the environment it uploads all the 10,000 parts that an
// object can have, 50 GB, which takes a minute or more.
func TestMultipartMemory(t *testing.T) {
	oneAtATime(t)
	parts, size := 9, int64(128<<20)
	if os.Getenv("S3SSE_TEST_LARGE") != "" {
		parts, size = s3api.MaxParts, s3api.MinPartSize
	}
	m := newMultiBench(t, 1, nil)
	u := m.create("memory", testModes[0])
	m.store.hollow = true
	var most uint64
	m.store.after = func(*http.Request) error {
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
		return nil
	}
	if parts == s3api.MaxParts {
		m.store.after = nil // it would look ten thousand times
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := 1; n < parts; n++ {
		u.listed[n] = s3api.CompletedPart{Number: n, ETag: u.stream(n, size)}
	}
	u.mustPut(parts, bytesOf(100, 1))
	u.mustComplete()
	if most > before.HeapAlloc+64<<20 {
		t.Errorf("%d MiB more are held while %d MiB are uploaded", (most-before.HeapAlloc)>>20, int64(parts)*size>>20)
	}
	u.checkGone()
}

// stream uploads a part of so many zeros and returns its ETag.
func (u *multiUpload) stream(number int, size int64) string {
	t := u.m.t
	t.Helper()
	r, err := http.NewRequest(http.MethodPut, "http://gateway"+u.target(fmt.Sprintf("partNumber=%d&", number)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(io.LimitReader(zeros{}, size)), size
	secret, err := sigv4.NewSecret("secret")
	if err != nil {
		t.Fatal(err)
	}
	var signer sigv4.Signer
	signer.Sign(r, sigv4.Credential{AccessKey: "client", Secret: secret}, "us-east-1", sigv4.UnsignedPayload, u.m.now)
	w := httptest.NewRecorder()
	u.m.gateways[0].Serve(w, r, Inbound{Target: r.URL.RequestURI(), Secure: true})
	if w.Code != http.StatusOK {
		t.Fatalf("part %d: %d %s", number, w.Code, w.Body)
	}
	return unquote(w.Header().Get("Etag"))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
