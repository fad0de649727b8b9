package sigv4

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// counting makes a Verifier count key derivations.
func counting(v *Verifier) *int {
	n := new(int)
	v.derive = func(s Secret, date, region string) *signingKey {
		*n++
		return deriveKey(s, date, region)
	}
	return n
}

func spoil(r *http.Request) *http.Request {
	authorize(r, "Signature=", "Signature=0")
	return r
}

// unknown gives the request an access key that does not exist.
func unknown(r *http.Request) *http.Request {
	authorize(r, testKey, "AKIANOBODY")
	return r
}

// TestUnknownKeysCostTheSame: an unknown access key takes the path of a wrong
// signature, cold and warm.
func TestUnknownKeysCostTheSame(t *testing.T) {
	request := func() *http.Request { return signed(t, "GET", "/b/k", EmptySHA256, "") }
	v := testVerifier(t)
	n := counting(v)
	try := func(r *http.Request, wantCode string, wantDerived int) {
		t.Helper()
		*n = 0
		if _, err := verify(v, r); code(err) != wantCode || *n != wantDerived {
			t.Errorf("%s after %d derivations, want %s after %d", code(err), *n, wantCode, wantDerived)
		}
	}
	for range 2 { // nothing is cached before a signature was valid
		try(spoil(request()), "SignatureDoesNotMatch", 1)
		try(unknown(request()), "InvalidAccessKeyId", 1)
	}
	try(request(), "ok", 2) // its own and the decoy's
	for range 2 {
		try(spoil(request()), "SignatureDoesNotMatch", 0)
		try(unknown(request()), "InvalidAccessKeyId", 0)
		try(request(), "ok", 0)
	}
}

// TestCacheHoldsKnownKeysOnly: requests cannot fill the cache.
func TestCacheHoldsKnownKeysOnly(t *testing.T) {
	v := testVerifier(t)
	for i := range 50 {
		r := signed(t, "GET", "/b/k", EmptySHA256, "")
		authorize(r, testKey, fmt.Sprintf("AKIA%d", i))
		_, _ = verify(v, r)
		r = signed(t, "GET", "/b/k", EmptySHA256, "")
		authorize(r, testRegion, fmt.Sprintf("region-%d", i))
		_, _ = verify(v, r)
	}
	if len(v.keys.keys) != 0 {
		t.Errorf("%d keys cached", len(v.keys.keys))
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c keyCache
	k := deriveKey(mustSecret(t, testSecret), "20260304", testRegion)
	for i := range 3 * maxCachedKeys {
		c.put(keyScope{fmt.Sprint(i), "20260304", testRegion}, k)
		if len(c.keys) > maxCachedKeys {
			t.Fatalf("%d keys cached", len(c.keys))
		}
	}
}

// TestChangedSecret: a new secret counts at once, the old one no longer.
func TestChangedSecret(t *testing.T) {
	current := mustSecret(t, testSecret)
	v := &Verifier{Lookup: func(string) (Secret, bool) { return current, true }, Now: func() time.Time { return testNow }}
	if _, err := verify(v, signed(t, "GET", "/b/k", EmptySHA256, "")); err != nil {
		t.Fatal(err)
	}
	current = mustSecret(t, "another-secret")
	if _, err := verify(v, signed(t, "GET", "/b/k", EmptySHA256, "")); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("the old secret: %v", err)
	}
	var s Signer
	for _, secret := range []Secret{mustSecret(t, testSecret), current} {
		r := newRequest(t, "GET", "/b/k", "")
		s.Sign(r, Credential{testKey, secret}, testRegion, EmptySHA256, testNow)
		if _, err := verify(v, overTheWire(t, r)); (err == nil) != secret.Equal(current) {
			t.Errorf("signed with %v: %v", secret.Equal(current), err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	v := testVerifier(t)
	var s Signer
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				r := newRequest(t, "GET", fmt.Sprintf("/b/%d/%d?x=%d", i, j, j), "")
				r.Header.Set("X-Amz-Meta-A", strings.Repeat("a", j))
				s.Sign(r, testCredential(t), testRegion, EmptySHA256, testNow.Add(time.Duration(j)*time.Second))
				if _, err := verify(v, overTheWire(t, r)); err != nil {
					t.Errorf("request %d/%d: %v", i, j, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestParseBasic(t *testing.T) {
	for _, s := range []string{"20260304T050607Z", "20240229T235959Z", "00010101T000000Z", "99991231T000000Z"} {
		got, ok := parseBasic(s)
		want, err := time.Parse(basicFormat, s)
		if !ok || err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "20260304", "20260304T050607", "20260304t050607Z", "20260304T050607z", "20230229T000000Z", "20261301T000000Z", "20260300T000000Z",
		"20260304T240000Z", "20260304T236000Z", "20260304T235960Z", "2026030/T000000Z", "2026030:T000000Z", "20260304T050607Z ", "20260304T0506.7Z",
	} {
		if _, ok := parseBasic(s); ok {
			t.Errorf("%q was taken", s)
		}
	}
}
