package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// A sealed record is what the gateway keeps in the system bucket of the
// store: bucket settings and the state of uploads in progress.
//
//	record := "S3SR" version:u8=1 idLength:u8 id salt[32] nonce[12] ciphertext tag[16]
//
// It is sealed with AES-256-GCM under a key derived from the master key named
// id and the salt, which is new for every record. The additional data is the
// record's name followed by everything before the nonce, so that a record is
// good in its own place only.
const (
	recordMagic   = "S3SR"
	recordVersion = 1
	recordLabel   = "caddy-s3-sse v1 record\x00"
	maxRecord     = 16 << 20
)

// sealRecord seals data as the record with the given name.
func sealRecord(keys MasterKeys, name string, data []byte) ([]byte, error) {
	id := keys.Active()
	salt := encryptor.NewKey()
	out := make([]byte, 0, len(recordMagic)+2+len(id)+len(salt)+28+len(data))
	out = append(out, recordMagic...)
	out = append(out, recordVersion, byte(len(id)))
	out = append(out, id...)
	out = append(out, salt[:]...)
	aead, err := recordCipher(keys, id, salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, nil, data, recordData(name, out)), nil //nolint:gosec // the cipher draws the nonce
}

// openRecord opens what sealRecord made and returns the id of the master key it
// is sealed under as well. The error for anything else wraps
// encryptor.ErrNotAuthentic.
func openRecord(keys MasterKeys, name string, sealed []byte) (data []byte, id string, err error) {
	const fixed = len(recordMagic) + 2
	bad := func(what string) error {
		return fmt.Errorf("record %q: %s: %w", name, what, encryptor.ErrNotAuthentic)
	}
	if len(sealed) < fixed || string(sealed[:len(recordMagic)]) != recordMagic {
		return nil, "", bad("not a record")
	}
	if sealed[fixed-2] != recordVersion {
		return nil, "", bad("of another version")
	}
	head := fixed + int(sealed[fixed-1]) + len(encryptor.Key{})
	if len(sealed) < head {
		return nil, "", bad("truncated")
	}
	id = string(sealed[fixed : head-len(encryptor.Key{})])
	aead, err := recordCipher(keys, id, [32]byte(sealed[head-len(encryptor.Key{}):head]))
	if err != nil {
		return nil, "", fmt.Errorf("record %q: %w", name, err)
	}
	data, err = aead.Open(nil, nil, sealed[head:], recordData(name, sealed[:head]))
	if err != nil {
		return nil, "", bad("it does not open")
	}
	return data, id, nil
}

func recordCipher(keys MasterKeys, id string, salt [32]byte) (cipher.AEAD, error) {
	key, err := keys.RecordKey(id, salt)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func recordData(name string, head []byte) []byte {
	b := make([]byte, 0, len(recordLabel)+4+len(name)+len(head))
	b = append(b, recordLabel...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name))) //nolint:gosec // names are short
	b = append(b, name...)
	return append(b, head...)
}
