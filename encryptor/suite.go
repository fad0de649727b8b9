package encryptor

import (
	"errors"
	"fmt"
)

// Suite names the ciphers of an object. The values are stored.
type Suite uint8

const (
	// SuiteAES256GCM seals every chunk with AES-256-GCM.
	SuiteAES256GCM Suite = 1
	// SuiteDSSE adds an independent second layer: ChaCha20 under a key of its own
	// over every chunk that AES-256-GCM has sealed.
	SuiteDSSE Suite = 2
)

// String returns the name of the suite.
func (s Suite) String() string {
	switch s {
	case SuiteAES256GCM:
		return "AES-256-GCM"
	case SuiteDSSE:
		return "AES-256-GCM+ChaCha20"
	default:
		return fmt.Sprintf("Suite(%d)", uint8(s))
	}
}

// Keys are the data keys of one object. Each must be fresh for every PutObject
// and every multipart upload: it seals nothing else, ever.
type Keys struct {
	Suite Suite
	Data  Key // seals
	Outer Key // of the second layer; zero unless the suite is SuiteDSSE
}

// Clear overwrites the keys.
func (k *Keys) Clear() { *k = Keys{} }

// check refuses keys that nobody can have meant: missing ones above all.
func (k *Keys) check() error {
	switch {
	case k.Suite != SuiteAES256GCM && k.Suite != SuiteDSSE:
		return fmt.Errorf("keys: unknown suite %d", uint8(k.Suite))
	case k.Data.IsZero():
		return errors.New("keys: no data key")
	case (k.Suite == SuiteDSSE) == k.Outer.IsZero():
		return errors.New("keys: an outer key belongs to the two-layer suite and to no other")
	case k.Data.Equal(k.Outer):
		return errors.New("keys: the two layers have the same key")
	}
	return nil
}
