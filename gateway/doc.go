// Package gateway gives a plain S3 object store Amazon S3's server-side
// encryption.
//
// A Gateway authenticates each S3 request, decides what it means, turns
// plaintext into ciphertext on the way to the store and back on the way to
// the client, and signs its own requests to the store. It keeps no state that
// is not in the store, so any number of instances can serve the same buckets.
//
// One file holds one family of operations: put.go, get.go, head.go, list.go,
// delete.go, pass.go. Operations without a handler are answered with 501 and
// nothing of them reaches the store.
package gateway
