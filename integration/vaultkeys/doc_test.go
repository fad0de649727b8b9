// Package vaultkeys_test runs package vaultkeys against a real Vault.
package vaultkeys_test
