// Package metadata knows everything about an object that travels in headers.
//
// The envelope (FORMAT.md, "Envelope") is one metadata header of the stored
// object: how the object is encrypted and its data key, sealed under a
// key-encryption key that the caller gets from elsewhere. The package encodes
// it, decodes it strictly, seals and opens the data key, and binds it to the
// object's place.
//
// It also validates the server-side-encryption headers of requests, sets those
// of responses, and keeps the store's private metadata out of clients' sight
// and reach.
//
// It knows neither key services nor bodies. All functions are safe for
// concurrent use on different values.
package metadata
