package gateway

import "net/http"

// Inbound is what a server knows of a request beyond the request itself.
type Inbound struct {
	// Target is the request target as it was on the wire, which the client
	// signed, whatever the server rewrote since.
	Target string

	// Header is the complete header of the request, with what the server
	// removed from it before its handlers ran. Nil means the request's own.
	Header http.Header

	// Secure says that the request came over TLS, or over a proxy that is
	// trusted to say so. Requests with keys are refused otherwise.
	Secure bool

	// Via reaches the store when Config.Upstream.Transport is nil.
	Via http.RoundTripper

	// Outcome, when not nil, is filled in as the request is handled. It is
	// complete when Serve returns or panics.
	Outcome *Outcome
}

// Outcome describes a handled request for logs and metrics. It holds nothing
// secret.
type Outcome struct {
	Operation string // S3 operation, "" if the request never got that far
	Bucket    string
	AccessKey string // "" when anonymous or not authenticated
	Mode      string // encryption of the object: "SSE-S3", "SSE-KMS", …, "plaintext" or ""
	Status    int    // HTTP status sent to the client, or of the error in an answer that began early; 0 if none was
	ErrorCode string // S3 error code sent to the client
	Aborted   bool   // the connection was cut because the body went bad after the header
	Tampered  bool   // what the store returned was not authentic

	// BodyEnvelope says that the object's metadata were another body's, and
	// that it was opened with the envelope in its footer.
	BodyEnvelope bool
}
