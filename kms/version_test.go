package kms_test

import (
	"testing"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms/kmstest"
)

func TestWrappedVersion(t *testing.T) {
	m := kmstest.NewMemory("k")
	m.Rotate("k")
	w, err := m.Wrap(t.Context(), "k", encryptor.NewKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		provider kms.Provider
		version  int
		ok       bool
	}{
		{"a provider that tells", m, 2, true},
		{"one that does not", struct{ kms.Provider }{m}, 0, false},
	} {
		s, err := kms.New(kms.Options{Provider: tt.provider})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if v, ok := s.WrappedVersion(w.Ciphertext); v != tt.version || ok != tt.ok {
			t.Errorf("%s: %d, %v", tt.name, v, ok)
		}
	}
}
