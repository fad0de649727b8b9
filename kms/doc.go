// Package kms uses the named keys of a key management service, whoever
// provides them.
//
// A Provider wraps and unwraps key-encryption keys (KEKs) of 32 bytes under
// keys that never leave the service. Service stands before it and is what the
// rest of the program talks to: it shares one KEK among the objects of a bucket
// where bucket keys are on, remembers unwrapped KEKs for a bounded time, makes
// one call of many at the same time, and reports every use of a key.
//
// What is remembered decides how soon a key that was disabled stops being used:
// at most Options.CacheTTL after its last use at the service for reading, at
// most Options.BucketKeyTTL for writing.
//
// Package kmstest has the conformance suite that every provider must pass and a
// provider in memory for tests.
package kms
