package kmstest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// Memory is a provider that keeps its keys in memory, for tests. The zero value
// has no keys. It is safe for concurrent use.
//
// Its keys authenticate the encryption context. A wrapped KEK is the version
// (4 bytes) and the AES-256-GCM of the KEK with a random nonce.
type Memory struct {
	// Before, if not nil, runs at the beginning of every call, with the name of
	// the method and the key. It may block, and an error is the call's result.
	// It must be set before the first call.
	Before func(ctx context.Context, method, key string) error

	mu    sync.Mutex
	keys  map[string]*memoryKey
	calls map[string]int
}

// memoryKey is one named key.
type memoryKey struct {
	versions []encryptor.Key // version 1 first
	min      int
	state    error // why it cannot be used, or nil
}

var (
	_ kms.Provider  = (*Memory)(nil)
	_ kms.Versioner = (*Memory)(nil)
)

// NewMemory returns a provider with the given keys.
func NewMemory(keys ...string) *Memory {
	m := new(Memory)
	for _, k := range keys {
		m.Rotate(k)
	}
	return m
}

// Rotate gives the named key a new version, the first if there is no such key.
func (m *Memory) Rotate(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = make(map[string]*memoryKey)
	}
	k := m.keys[key]
	if k == nil {
		k = &memoryKey{min: 1}
		m.keys[key] = k
	}
	k.versions = append(k.versions, encryptor.NewKey())
}

// SetMinDecryptionVersion makes the named key refuse older versions.
func (m *Memory) SetMinDecryptionVersion(key string, version int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[key].min = version
}

// SetState makes every use of the named key fail with err, such as
// kms.ErrKeyDisabled, until it is called with nil.
func (m *Memory) SetState(key string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[key].state = err
}

// Calls returns how often the method with the given name was called.
func (m *Memory) Calls(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[method]
}

// TotalCalls returns how often any method of Provider was called.
func (m *Memory) TotalCalls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.calls {
		n += c
	}
	return n
}

// begin counts a call and returns its name and a copy of the key.
func (m *Memory) begin(ctx context.Context, method, key string) (id string, k memoryKey, err error) {
	m.mu.Lock()
	if m.calls == nil {
		m.calls = make(map[string]int)
	}
	m.calls[method]++
	id = fmt.Sprintf("memory-%s-%d", method, m.calls[method])
	m.mu.Unlock()
	if m.Before != nil {
		if err := m.Before(ctx, method, key); err != nil {
			return id, k, err
		}
	}
	if err := ctx.Err(); err != nil {
		return id, k, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.keys[key]
	if !ok {
		return id, k, fmt.Errorf("kmstest: key %q: %w", key, kms.ErrKeyNotFound)
	}
	return id, *found, nil
}

// Wrap implements kms.Provider.
func (m *Memory) Wrap(ctx context.Context, key string, kek encryptor.Key, encContext []byte) (kms.Wrapped, error) {
	id, k, err := m.begin(ctx, "Wrap", key)
	if err != nil {
		return kms.Wrapped{}, err
	}
	if k.state != nil {
		return kms.Wrapped{}, fmt.Errorf("kmstest: key %q: %w", key, k.state)
	}
	sealed, err := k.seal(kek, encContext)
	return kms.Wrapped{Ciphertext: sealed, Version: len(k.versions), RequestID: id}, err
}

// Unwrap implements kms.Provider.
func (m *Memory) Unwrap(ctx context.Context, key string, wrapped, encContext []byte) (encryptor.Key, kms.Call, error) {
	id, k, err := m.begin(ctx, "Unwrap", key)
	if err != nil {
		return encryptor.Key{}, kms.Call{}, err
	}
	kek, version, err := k.open(wrapped, encContext)
	if err != nil {
		return encryptor.Key{}, kms.Call{}, fmt.Errorf("kmstest: key %q: %w", key, err)
	}
	return kek, kms.Call{Version: version, RequestID: id}, nil
}

// Rewrap implements kms.Provider.
func (m *Memory) Rewrap(ctx context.Context, key string, items []kms.Item) ([]kms.Rewrapped, error) {
	_, k, err := m.begin(ctx, "Rewrap", key)
	if err != nil {
		return nil, err
	}
	out := make([]kms.Rewrapped, len(items))
	for i, item := range items {
		kek, _, err := k.open(item.Wrapped, item.Context)
		if err == nil {
			out[i].Version = len(k.versions)
			out[i].Wrapped, err = k.seal(kek, item.Context)
		}
		if err != nil {
			out[i] = kms.Rewrapped{Err: fmt.Errorf("kmstest: key %q: %w", key, err)}
		}
	}
	return out, nil
}

// WrappedVersion implements kms.Versioner.
func (m *Memory) WrappedVersion(wrapped []byte) (version int, ok bool) {
	if len(wrapped) < versionSize {
		return 0, false
	}
	version = int(binary.BigEndian.Uint32(wrapped))
	return version, version > 0
}

// Describe implements kms.Provider.
func (m *Memory) Describe(ctx context.Context, key string) (kms.KeyInfo, error) {
	_, k, err := m.begin(ctx, "Describe", key)
	if err != nil {
		return kms.KeyInfo{}, err
	}
	return kms.KeyInfo{LatestVersion: len(k.versions), MinDecryptionVersion: k.min, Derived: true}, nil
}

// versionSize is the length of the version before the sealed KEK.
const versionSize = 4

// seal wraps kek under the latest version.
func (k *memoryKey) seal(kek encryptor.Key, encContext []byte) ([]byte, error) {
	aead, err := k.aead(len(k.versions))
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(k.versions)))
	return aead.Seal(out, nil, kek[:], encContext), nil //nolint:gosec // the cipher draws the nonce
}

// open unwraps what seal returned.
func (k *memoryKey) open(wrapped, encContext []byte) (kek encryptor.Key, version int, err error) {
	if k.state != nil {
		return kek, 0, k.state
	}
	if len(wrapped) < versionSize {
		return kek, 0, kms.ErrCiphertext
	}
	version = int(binary.BigEndian.Uint32(wrapped))
	if version < 1 || version > len(k.versions) {
		return kek, 0, kms.ErrCiphertext
	}
	if version < k.min {
		return kek, 0, kms.ErrKeyState
	}
	aead, err := k.aead(version)
	if err != nil {
		return kek, 0, err
	}
	raw, err := aead.Open(nil, nil, wrapped[versionSize:], encContext)
	if err != nil || len(raw) != len(kek) {
		return kek, 0, kms.ErrCiphertext
	}
	return encryptor.Key(raw), version, nil
}

// aead returns the cipher of one version.
func (k *memoryKey) aead(version int) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.versions[version-1][:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
