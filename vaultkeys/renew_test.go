package vaultkeys

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// faultAt answers requests whose path ends in suffix with an error.
func faultAt(suffix string, status int, message string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		fail(w, status, message)
		return true
	}
}

// What happens to a token while nobody uses it for ten hours, and that it, or
// another one, then works without delay.
func TestMaintain(t *testing.T) {
	const lease = time.Hour
	for name, tt := range map[string]struct {
		fake             *fake
		logins, renewals [2]int // at least and at most
	}{
		"endless":       {&fake{}, [2]int{1, 1}, [2]int{0, 0}},
		"renewable":     {&fake{lease: lease, renewable: true}, [2]int{1, 1}, [2]int{14, 16}},
		"not renewable": {&fake{lease: lease}, [2]int{15, 16}, [2]int{0, 0}},
		"up to a maximum": {
			&fake{lease: lease, renewable: true, maxTTL: 3 * lease},
			[2]int{3, 5},
			[2]int{12, 20},
		},
		"renewing is forbidden": {
			&fake{lease: lease, renewable: true, fault: faultAt("renew-self", 403, "permission denied")},
			[2]int{15, 16},
			[2]int{15, 16},
		},
		"renewing is not possible": {
			&fake{lease: lease, renewable: true, fault: faultAt("renew-self", 400, "lease is not renewable")},
			[2]int{15, 16},
			[2]int{15, 16},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := tt.fake
				tr, _ := open(t, f, appRole())
				works(t, tr)
				time.Sleep(10*time.Hour + time.Minute)
				logins := f.count("/login")
				works(t, tr)
				if f.count("/login") != logins {
					t.Error("the token had ended")
				}
				if n := f.count("/login"); n < tt.logins[0] || n > tt.logins[1] {
					t.Errorf("%d logins", n)
				}
				if n := f.count("renew-self"); n < tt.renewals[0] || n > tt.renewals[1] {
					t.Errorf("%d renewals", n)
				}
			})
		})
	}
}

// Vault is away when the token should be renewed, and comes back in time.
func TestRenewLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Minute, renewable: true}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		f.set(func(f *fake) { f.fault = always(http.StatusServiceUnavailable, "Vault is sealed") })
		time.Sleep(50 * time.Second)
		if n := f.count("renew-self"); n < 2 || n > 4 {
			t.Errorf("%d attempts", n)
		}
		f.set(func(f *fake) { f.fault = nil })
		time.Sleep(time.Minute)
		works(t, tr)
		if f.count("/login") != 1 {
			t.Errorf("%d logins", f.count("/login"))
		}
	})
}

// Vault is away until after the end of the token.
func TestRenewTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Minute, renewable: true}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		f.set(func(f *fake) { f.fault = always(http.StatusServiceUnavailable, "Vault is sealed") })
		time.Sleep(time.Hour)
		f.set(func(f *fake) { f.fault = nil })
		works(t, tr)
	})
}

// The token is revoked while nobody uses it: the renewal finds out.
func TestRenewRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Minute, renewable: true}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		f.revoke()
		time.Sleep(45 * time.Second)
		works(t, tr)
		if f.count("/login") != 2 || f.count("encrypt/key") != 2 {
			t.Errorf("%d logins, %d uses", f.count("/login"), f.count("encrypt/key"))
		}
	})
}

// While another login fails, the old token serves to its end.
func TestReplaceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour}
		tr, _ := open(t, f, appRole())
		works(t, tr)
		f.set(func(f *fake) { f.fault = faultAt("/login", 400, "invalid role or secret ID") })
		time.Sleep(59 * time.Minute)
		works(t, tr)
		if n := f.count("/login"); n < 20 || n > 60 {
			t.Errorf("%d logins", n)
		}
		time.Sleep(time.Minute)
		unavailable(t, tr)
		f.set(func(f *fake) { f.fault = nil })
		time.Sleep(maxBackoff)
		works(t, tr)
	})
}
