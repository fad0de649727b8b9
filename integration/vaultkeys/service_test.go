package vaultkeys_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/vault"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// service is a kms.Service before a real Vault, with a clock that the test moves.
type service struct {
	*kms.Service
	vault *vault.Server
	key   string

	mu     sync.Mutex
	now    time.Time
	events []kms.Event
}

func newService(t *testing.T) *service {
	t.Helper()
	v, k, key := withAppRole(t, vault.Token{TTL: time.Hour})
	s := &service{vault: v, key: key, now: time.Now()}
	svc, err := kms.New(kms.Options{
		Provider: k,
		Now: func() time.Time {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.now
		},
		Audit: func(e kms.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	s.Service = svc
	return s
}

// putsAndGets does what n PUTs and then n GETs of objects of a bucket do.
func (s *service) putsAndGets(t *testing.T, n int, bucketKey bool) {
	t.Helper()
	keks := make([]kms.KEK, n)
	for i := range keks {
		var err error
		u := kms.Use{Operation: "PutObject", Bucket: "b", Object: fmt.Sprint(i)}
		if keks[i], err = s.Generate(t.Context(), u, s.key, nil, bucketKey); err != nil {
			t.Fatal(err)
		}
	}
	for i, kek := range keks {
		u := kms.Use{Operation: "GetObject", Bucket: "b", Object: fmt.Sprint(i)}
		if got, err := s.Unwrap(t.Context(), u, s.key, kek.Wrapped, nil); err != nil || !got.Equal(kek.Key) {
			t.Fatalf("Unwrap: the right key: %v, %v", got.Equal(kek.Key), err)
		}
	}
}

func TestRequestsWithBucketKeys(t *testing.T) {
	s := newService(t)
	s.putsAndGets(t, 1000, true)
	if n := s.vault.Count(""); n > 5 {
		t.Errorf("%d requests", n)
	}
}

func TestRequestsWithoutBucketKeys(t *testing.T) {
	const objects = 100
	s := newService(t)
	s.putsAndGets(t, objects, false)
	if n := s.vault.Count("transit/"); n != 2*objects {
		t.Errorf("%d requests for keys", n)
	}
	if n := s.vault.Count(""); n > 2*objects+1 {
		t.Errorf("%d requests", n)
	}
}

// Every use of a key is joined with the request in Vault's own audit log that
// the key came from.
func TestAuditLogsJoin(t *testing.T) {
	s := newService(t)
	s.putsAndGets(t, 10, true)
	s.putsAndGets(t, 10, false)
	s.putsAndGets(t, 10, false)
	paths := make(map[string]string)
	for _, e := range s.vault.AuditLog(t) {
		if e.Type == "response" && e.Error == "" {
			paths[e.RequestID] = e.Path
		}
	}
	hits := 0
	for _, e := range s.events {
		path := paths[e.VaultRequestID]
		if path != "transit/encrypt/"+s.key && (path != "transit/decrypt/"+s.key || e.Action != kms.ActionUnwrap) {
			t.Errorf("%+v comes from the request %q in Vault's log", e, path)
		}
		if e.Version != 1 || e.Key != s.key || e.Err != nil {
			t.Errorf("%+v", e)
		}
		if e.CacheHit {
			hits++
		}
	}
	if len(s.events) != 60 || hits != 9+10 {
		t.Errorf("%d events, %d of them without Vault", len(s.events), hits)
	}
}

// The gateway loses its right to a key: that takes effect within the time that
// keys are remembered.
func TestKeyIsTakenAway(t *testing.T) {
	s := newService(t)
	kek, err := s.Generate(t.Context(), kms.Use{Bucket: "b"}, s.key, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	unwrap := func() error {
		_, err := s.Unwrap(t.Context(), kms.Use{Bucket: "b"}, s.key, kek.Wrapped, nil)
		return err
	}
	s.vault.WritePolicy(t, "gateway", `path "transit/encrypt/other" { capabilities = ["update"] }`)
	if err := unwrap(); err != nil {
		t.Errorf("at once: %v", err)
	}
	s.mu.Lock()
	s.now = s.now.Add(kms.DefaultCacheTTL)
	s.mu.Unlock()
	if err := unwrap(); !errors.Is(err, kms.ErrAccessDenied) {
		t.Errorf("later: %v", err)
	}
	if _, err := s.Generate(t.Context(), kms.Use{Bucket: "b"}, s.key, nil, true); !errors.Is(err, kms.ErrAccessDenied) {
		t.Errorf("later: %v", err)
	}
}
