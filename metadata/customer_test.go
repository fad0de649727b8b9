package metadata

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
)

// TestCustomerKEK compares with HKDF and HMAC written out from RFC 5869 and
// RFC 2104.
func TestCustomerKEK(t *testing.T) {
	mac := func(key []byte, message ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(slices.Concat(message...))
		return h.Sum(nil)
	}
	customer, salt := testCustomer(), [32]byte(testKey("salt"))
	want := mac(mac(salt[:], customer[:]), []byte("caddy-s3-sse v1 sse-c kek"), []byte{1})
	kek, err := CustomerKEK(customer, salt)
	if err != nil || !slices.Equal(kek[:], want) {
		t.Errorf("got %x, want %x, %v", kek[:], want, err)
	}
	e := &Envelope{Mode: SSEC, Salt: salt}
	e.SetCustomerKey(customer)
	if want := mac(customer[:], []byte("caddy-s3-sse v1 sse-c check"), salt[:]); !slices.Equal(e.CustomerHMAC, want) {
		t.Errorf("got %x, want %x", e.CustomerHMAC, want)
	}
}

func TestCheckCustomerKey(t *testing.T) {
	e := NewSSEC(testCustomer(), 1)
	if !e.CheckCustomerKey(testCustomer()) {
		t.Error("the right key is refused")
	}
	for i := range testCustomer() {
		wrong := testCustomer()
		wrong[i] ^= 1
		if e.CheckCustomerKey(wrong) {
			t.Errorf("a key that differs in byte %d is taken", i)
		}
	}
	salted := *e
	salted.Salt[0] ^= 1
	if salted.CheckCustomerKey(testCustomer()) {
		t.Error("the salt does not matter")
	}
	for name, bad := range map[string]*Envelope{
		"nothing stored": {Mode: SSEC, Salt: e.Salt},
		"cut short":      {Mode: SSEC, Salt: e.Salt, CustomerHMAC: e.CustomerHMAC[:31]},
		"another mode":   {Mode: SSES3, Salt: e.Salt, CustomerHMAC: e.CustomerHMAC},
	} {
		if bad.CheckCustomerKey(testCustomer()) {
			t.Errorf("%s: the key is taken", name)
		}
	}
	if a, b := NewSSEC(testCustomer(), 1), NewSSEC(testCustomer(), 1); slices.Equal(a.CustomerHMAC, b.CustomerHMAC) {
		t.Error("two objects of one customer can be told to be so")
	}
}

// TestForgedCustomerCheck exchanges the stored check for that of another key:
// that one is then taken for the right one and opens nothing.
func TestForgedCustomerCheck(t *testing.T) {
	e, other := sealed(t, SSEC), testKey("other customer")
	e.SetCustomerKey(other)
	if !e.CheckCustomerKey(other) {
		t.Fatal("the check is another")
	}
	kek, err := CustomerKEK(other, e.Salt)
	if err != nil {
		t.Fatal(err)
	}
	for _, keks := range []KEKs{{Data: kek}, testKEKs(t, SSEC)} {
		if _, err := e.Open(keks, testRealm, testObject); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("got %v", err)
		}
	}
}
