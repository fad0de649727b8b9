// Package vaultkeys wraps key-encryption keys with the Transit secrets engine
// of HashiCorp Vault or OpenBao: it implements kms.Provider over Vault's HTTP
// API.
//
// It needs the capability update on transit/encrypt/<key> to write and on
// transit/decrypt/<key> to read, and nothing else; docs/vault.md has the
// policies. It never creates a key.
//
// Keys are of any type that can encrypt 32 bytes into at most 256, such as
// aes256-gcm96, the default. For keys with derived=true the encryption context
// is part of the key: objects without one use the context {}. Other keys take
// the context and ignore it.
//
// Nothing in this package contacts Vault until a key is used, so that it starts
// while Vault is down. Tokens are obtained, renewed and replaced as needed, and
// no failure is final: a revoked token, a sealed Vault or a new one are got
// over without a restart. There is never more than one login a second.
//
// Nothing here puts a token, a secret or a key into an error or a log line.
package vaultkeys
