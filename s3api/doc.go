// Package s3api holds what the Amazon S3 protocol says and a server must
// agree with: which request is which operation, error codes and their XML,
// hosts, paths and queries, byte ranges, conditional headers, checksums, the
// documents of listings, multipart uploads, copies and bucket encryption, and
// the forms and policies of browser uploads.
//
// It works on strings, headers and documents. It opens no connection, reads
// no clock and keeps no state; everything exported is safe for concurrent use
// unless its comment says otherwise.
//
// Wherever the protocol leaves a choice the package denies: a request that is
// not in the operation table is not an operation.
package s3api
