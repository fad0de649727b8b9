// Package localkeys holds the master keys of SSE-S3: several 256-bit keys by
// id, one of them active.
//
// New objects are sealed under the active key; every other key stays usable
// for reading. A master key never encrypts anything itself: a key-encryption
// key is derived from it for every object, with a random salt kept in the
// object's envelope (FORMAT.md, "Envelope").
//
// To rotate, add a key, make it active and reload. Remove an old key only when
// no object names it any more: an object whose master key is gone cannot be
// read by anyone.
//
// Keys are refused when they are likely to be a mistake: all bytes equal, few
// different bytes, a run or a repetition, text instead of random bytes, the
// same bytes under two ids. Nothing in this package puts key bytes into an
// error, a log line or formatted output; only FormatFile writes them.
package localkeys
