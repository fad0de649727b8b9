package localkeys

import (
	"errors"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// MaxKeys is the largest number of keys a Keyring takes.
const MaxKeys = 1024

// ErrKeyNotFound is wrapped by the error for an id that is not in the keyring.
var ErrKeyNotFound = errors.New("no such master key")

// Key is a master key and the id that envelopes name it by.
type Key struct {
	// ID is 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-', but not
	// "." or "..". It is stored in the clear with every object sealed under the key.
	ID string

	// Key is the secret: 32 uniformly random bytes.
	Key encryptor.Key
}

// Keyring is an immutable set of master keys. It is safe for concurrent use.
type Keyring struct {
	// master returns the key with the given id. The keys are in its closure,
	// where printing a keyring, or anything that holds one, does not reach:
	// package fmt prints the bytes behind unexported fields and pointers.
	master func(id string) (encryptor.Key, bool)
	active string
}

// New makes a keyring of keys in which active names the key for new objects.
//
// It refuses an empty or oversized set, malformed or repeated ids, keys that
// occur twice, keys that do not look random, and an active id that is not in
// the set. Then it tests itself: for every key, a sealed probe must open under
// the key and must not open under one that differs in a single bit.
func New(keys []Key, active string) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("localkeys: no master key")
	}
	if len(keys) > MaxKeys {
		return nil, fmt.Errorf("localkeys: %d master keys, at most %d are allowed", len(keys), MaxKeys)
	}
	masters := make(map[string]encryptor.Key, len(keys))
	ids := make(map[encryptor.Key]string, len(keys))
	for i, key := range keys {
		if !validID(key.ID) {
			return nil, fmt.Errorf("localkeys: master key %d: the id must be 1 to %d characters of A-Z, a-z, 0-9, '.', '_', '-'", i+1, maxIDLength)
		}
		if _, taken := masters[key.ID]; taken {
			return nil, fmt.Errorf("localkeys: master key %q is given twice", key.ID)
		}
		if err := checkStrength(key.Key); err != nil {
			return nil, fmt.Errorf("localkeys: master key %q: %w", key.ID, err)
		}
		if other, taken := ids[key.Key]; taken {
			return nil, fmt.Errorf("localkeys: master keys %q and %q are the same key", other, key.ID)
		}
		masters[key.ID], ids[key.Key] = key.Key, key.ID
	}
	if _, ok := masters[active]; !ok {
		return nil, fmt.Errorf("localkeys: active master key %q: %w", active, ErrKeyNotFound)
	}
	for id, master := range masters {
		if err := selfTest(master); err != nil {
			return nil, fmt.Errorf("localkeys: self-test with master key %q: %w", id, err)
		}
	}
	return &Keyring{
		master: func(id string) (encryptor.Key, bool) { k, ok := masters[id]; return k, ok },
		active: active,
	}, nil
}

// Active returns the id of the key for new objects.
func (k *Keyring) Active() string { return k.active }

// KEK derives the key-encryption key of one SSE-S3 object from the master key
// named id and the salt of the object's envelope. The error for an unknown id
// wraps ErrKeyNotFound and names the id.
func (k *Keyring) KEK(id string, salt [32]byte) (encryptor.Key, error) {
	master, ok := k.master(id)
	if !ok {
		return encryptor.Key{}, fmt.Errorf("localkeys: master key %q: %w", id, ErrKeyNotFound)
	}
	return derive(master, salt, labelSSES3)
}

// OuterKEK derives the key-encryption key of the second layer of one DSSE-KMS
// object, as KEK does for SSE-S3. Neither key follows from the other.
func (k *Keyring) OuterKEK(id string, salt [32]byte) (encryptor.Key, error) {
	master, ok := k.master(id)
	if !ok {
		return encryptor.Key{}, fmt.Errorf("localkeys: master key %q: %w", id, ErrKeyNotFound)
	}
	return derive(master, salt, labelDSSEKMS)
}

// RecordKey derives the key that seals one record of the gateway's own in the
// system bucket, as KEK does for objects. Neither key follows from the other.
func (k *Keyring) RecordKey(id string, salt [32]byte) (encryptor.Key, error) {
	master, ok := k.master(id)
	if !ok {
		return encryptor.Key{}, fmt.Errorf("localkeys: master key %q: %w", id, ErrKeyNotFound)
	}
	return derive(master, salt, labelRecord)
}
