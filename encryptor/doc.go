// Package encryptor reads and writes the object format that FORMAT.md specifies: a
// plaintext goes in and the bytes for the store come out, and back. It knows readers,
// writers, keys and sizes, nothing of HTTP, S3 or key services.
//
// Everything that a reader gives out has been authenticated. Memory per stream is
// constant; values are not safe for concurrent use unless they say so.
package encryptor
