package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestSignerIgnores(t *testing.T) {
	r := newRequest(t, "PUT", "/b/k", "x")
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Expect", "X-Forwarded-For", "Via", "Te", "Connection", "Authorization"} {
		r.Header.Set(name, "v")
	}
	r.Header.Set("Content-Type", "text/plain")
	r.Header["X-Empty"] = nil
	new(Signer).Sign(r, testCredential(t), testRegion, UnsignedPayload, testNow)
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ := strings.Cut(rest, ",")
	if want := []string{"content-type", "host", "x-amz-content-sha256", "x-amz-date"}; !slices.Equal(strings.Split(list, ";"), want) {
		t.Errorf("signed %s, want %v", list, want)
	}
}

// TestSignerDefaults: what net/http fills in when it writes a request.
func TestSignerDefaults(t *testing.T) {
	for _, u := range []*url.URL{
		{Scheme: "http", Host: "store.example"},
		{Scheme: "http", Host: "store.example", Opaque: "//store.example"},
		{Scheme: "http", Host: "store.example", Opaque: "//store.example/b/%2525"},
		{Scheme: "http", Host: "store.example", Opaque: "/b/k", RawQuery: "a"},
		{Scheme: "http", Host: "store.example", Path: "/b/a+b c", ForceQuery: true},
	} {
		r := &http.Request{URL: u}
		new(Signer).Sign(r, testCredential(t), testRegion, EmptySHA256, testNow)
		got := overTheWire(t, r)
		if _, err := verify(testVerifier(t), got); err != nil {
			t.Errorf("%s as %s %q: %v", u, got.Method, got.RequestURI, err)
		}
	}
}

// TestLargeRequests: names and lists beyond the sizes kept in the pool.
func TestLargeRequests(t *testing.T) {
	r := newRequest(t, "GET", "/b/k?"+strings.Repeat("a=b&", 2000), "")
	r.Header.Set("X-Amz-Meta-"+strings.Repeat("a", 200), strings.Repeat("v", maxKeptBuffer))
	new(Signer).Sign(r, testCredential(t), testRegion, EmptySHA256, testNow)
	for range 3 {
		if _, err := verify(testVerifier(t), overTheWire(t, r)); err != nil {
			t.Fatal(err)
		}
	}
}
