package vaultkeys

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// use wraps a key and returns the error.
func use(t *testing.T, tr *Transit) error {
	t.Helper()
	_, err := tr.Wrap(t.Context(), "key", encryptor.NewKey(), nil)
	return err
}

// works fails the test if keys cannot be used.
func works(t *testing.T, tr *Transit) {
	t.Helper()
	if err := use(t, tr); err != nil {
		t.Fatal(err)
	}
}

// unavailable fails the test if keys can be used, or if the error is not that Vault
// is not available for a while.
func unavailable(t *testing.T, tr *Transit) {
	t.Helper()
	if err := use(t, tr); !errors.Is(err, kms.ErrUnavailable) || kms.RetryAfter(err) <= 0 {
		t.Fatalf("got %v", err)
	}
}

func TestNothingBeforeFirstUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour}
		tr, _ := open(t, f, AppRole("", "role", func() (string, error) { t.Error("the secret was read"); return "", nil }))
		time.Sleep(24 * time.Hour)
		tr.Close()
		if n := f.count(""); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestLoginIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		tr, _ := open(t, f, appRole())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { works(t, tr) })
		}
		wg.Wait()
		if f.count("/login") != 1 || f.count("encrypt/key") != 100 {
			t.Errorf("%d logins, %d uses", f.count("/login"), f.count("encrypt/key"))
		}
	})
}

// Who waits for a login of others may go without consequences for them.
func TestLoginOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := &fake{fault: func(http.ResponseWriter, *http.Request) bool { <-release; return false }}
		tr, _ := open(t, f, appRole())
		ctx, cancel := context.WithCancel(t.Context())
		gone, stayed := make(chan error, 1), make(chan error, 1)
		go func() { _, err := tr.Wrap(ctx, "key", encryptor.NewKey(), nil); gone <- err }()
		synctest.Wait()
		go func() { stayed <- use(t, tr) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone gets %v", err)
		}
		close(release)
		if err := <-stayed; err != nil {
			t.Errorf("who has stayed gets %v", err)
		}
	})
}

// However often tokens are revoked and however many callers there are, there
// is one login a second.
func TestLoginRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 60
		f := &fake{}
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/login") {
				f.revoke()
			}
			return false
		}
		tr, _ := open(t, f, appRole())
		start := time.Now()
		var (
			wg   sync.WaitGroup
			uses atomic.Int64
		)
		for range 20 {
			wg.Go(func() {
				for time.Since(start) < seconds*time.Second {
					before := time.Now()
					unavailable(t, tr)
					if d := time.Since(before); d > 2*loginInterval {
						t.Errorf("a caller waited %v", d)
					}
					uses.Add(1)
				}
			})
		}
		wg.Wait()
		if most := int(time.Since(start)/loginInterval) + 1; f.count("/login") > most || f.count("/login") < seconds/2 {
			t.Errorf("%d logins in %v for %d uses", f.count("/login"), time.Since(start), uses.Load())
		}
		f.set(func(f *fake) { f.fault = nil })
		works(t, tr)
	})
}

func TestLoginRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fault: always(http.StatusBadRequest, "invalid role or secret ID")}
		tr, _ := open(t, f, appRole())
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			before := time.Now()
			unavailable(t, tr)
			if d := time.Since(before); d > time.Second {
				t.Fatalf("a caller waited %v", d)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := f.count("/login"); n < 10 || n > 30 {
			t.Errorf("%d logins", n)
		}
		f.set(func(f *fake) { f.fault = nil })
		time.Sleep(maxBackoff)
		works(t, tr)
	})
}

// Vault does not answer, then it is sealed, then it works.
func TestVaultIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fault: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }}
		tr, _ := open(t, f, appRole())
		start := time.Now()
		unavailable(t, tr)
		if d := time.Since(start); d != DefaultTimeout {
			t.Errorf("gave up after %v", d)
		}
		unavailable(t, tr)
		if d := time.Since(start); d != DefaultTimeout {
			t.Errorf("the next one waited: %v", d)
		}
		f.set(func(f *fake) { f.fault = always(http.StatusServiceUnavailable, "Vault is sealed") })
		time.Sleep(loginInterval)
		unavailable(t, tr)
		f.set(func(f *fake) { f.fault = nil })
		time.Sleep(loginInterval)
		works(t, tr)
		f.set(func(f *fake) { f.fault = always(http.StatusServiceUnavailable, "Vault is sealed") })
		unavailable(t, tr)
		f.set(func(f *fake) { f.fault = nil })
		works(t, tr)                // at once, with the same token
		if f.count("/login") != 3 { // two of which failed
			t.Errorf("%d logins", f.count("/login"))
		}
	})
}

func TestRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour, renewable: true}
		tr, out := open(t, f, appRole())
		works(t, tr)
		time.Sleep(time.Minute)
		f.revoke()
		works(t, tr)
		f.revoke()
		works(t, tr) // a second later
		if f.count("/login") != 3 {
			t.Errorf("%d logins", f.count("/login"))
		}
		if n := strings.Count(out.String(), "does not accept the token"); n != 2 {
			t.Errorf("%d reports in %s", n, out)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Minute, renewable: true}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		tr.Close()
		tr.Close() // again
		n := f.count("")
		unavailable(t, tr)
		time.Sleep(time.Hour)
		if f.count("") != n {
			t.Error("requests after Close")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fault: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }}
		tr, _ := open(t, f, appRole())
		done := make(chan error)
		go func() { done <- use(t, tr) }()
		synctest.Wait()
		tr.Close()
		if err := <-done; !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("a login under way: %v", err)
		}
	})
}
