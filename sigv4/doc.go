// Package sigv4 answers who is asking, and signs what is sent on.
//
// [Verifier] checks inbound S3 requests against AWS Signature Version 4, in the
// Authorization header or in the query of a presigned URL, and returns an
// [Auth]; the forms of browser uploads it checks by VerifyPost. Its Body method wraps the request body: it removes the aws-chunked
// framing and reports io.EOF only when everything that the client declared or
// signed about the body has been verified. [Signer] signs outbound requests.
//
// The canonical forms are those of S3, not of AWS in general: the path is
// encoded once and never cleaned (Amazon S3 API Reference, "Authenticating
// Requests (AWS Signature Version 4)").
//
// Signature Version 2 and Version 4A are recognised and refused.
package sigv4
