package metadata

import (
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Names of the server-side-encryption headers, in the canonical form of
// net/http.
const (
	headerSSE         = "X-Amz-Server-Side-Encryption"
	headerKMSKeyID    = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	headerContext     = "X-Amz-Server-Side-Encryption-Context"
	headerBucketKey   = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	headerCustomerAlg = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
	headerCustomerKey = "X-Amz-Server-Side-Encryption-Customer-Key"
	headerCustomerMD5 = "X-Amz-Server-Side-Encryption-Customer-Key-Md5"

	headerSourceAlg = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm"
	headerSourceKey = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key"
	headerSourceMD5 = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5"
)

// Values of the headers.
const (
	valueAES256 = "AES256"
	valueKMS    = "aws:kms"
	valueDSSE   = "aws:kms:dsse"
)

// argumentSSE is what Amazon S3 calls the argument in all errors about these
// headers, whichever of them it was.
const argumentSSE = "x-amz-server-side-encryption"

// errInvalidAlgorithm is the error for a customer algorithm other than AES256.
var errInvalidAlgorithm = &s3api.Error{
	Code:    "InvalidEncryptionAlgorithmError",
	Status:  http.StatusBadRequest,
	Message: "The Encryption request you specified is not valid. Supported value: AES256.",
}

// SSE is what a request asks for. The zero value asks for nothing.
type SSE struct {
	// Mode is the encryption mode, zero if the request names none.
	Mode Mode

	// KMSKeyID is the key named for SSE-KMS or DSSE-KMS, as the client wrote
	// it; empty stands for the default key.
	KMSKeyID string

	// Context is the encryption context for SSE-KMS or DSSE-KMS as JSON with
	// sorted keys; nil if there is none.
	Context []byte

	// BucketKey says whether to use a bucket key; nil leaves it to the bucket.
	BucketKey *bool

	// CustomerKey is the client's key for SSE-C.
	CustomerKey encryptor.Key

	// CustomerKeyMD5 is the base64 of its MD5, which responses repeat.
	CustomerKeyMD5 string
}

// ParseSSE validates the server-side-encryption headers of a request. Errors
// are *s3api.Error with the codes, messages and order of Amazon S3 and never
// hold any part of a customer key.
//
// It does not look at headers for the source of a copy, for which there is
// ParseCopySourceSSE, nor whether the connection is encrypted and the request signed, which the caller must demand
// for every mode but SSE-S3.
func ParseSSE(h http.Header) (SSE, error) {
	var s SSE
	g := getter{h: h}
	method, hasMethod := g.get(headerSSE)
	keyID, hasKeyID := g.get(headerKMSKeyID)
	context, hasContext := g.get(headerContext)
	bucketKey, hasBucketKey := g.get(headerBucketKey)
	c := g.customer(&ownNames)
	if g.err != nil {
		return SSE{}, g.err
	}

	if hasMethod && c.any() {
		return SSE{}, invalidSSE("Server Side Encryption with Customer provided key is incompatible with the encryption method specified").
			With("ArgumentValue", method)
	}
	if hasMethod {
		switch method {
		case valueAES256:
			s.Mode = SSES3
		case valueKMS:
			s.Mode = SSEKMS
		case valueDSSE:
			s.Mode = DSSEKMS
		default:
			return SSE{}, invalidSSE("The encryption method specified is not supported").With("ArgumentValue", method)
		}
	}
	if s.Mode != SSEKMS && s.Mode != DSSEKMS {
		if hasKeyID || hasContext || hasBucketKey {
			e := invalidSSE("Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
			if hasMethod {
				e = e.With("ArgumentValue", method)
			}
			return SSE{}, e
		}
		if c.any() {
			return c.parse()
		}
		return s, nil
	}

	if hasKeyID && keyID == "" {
		return SSE{}, invalid(headerKMSKeyID, "The key id must not be empty.").With("ArgumentValue", "")
	}
	s.KMSKeyID = keyID
	if hasContext {
		var err error
		if s.Context, err = parseContext(context); err != nil {
			return SSE{}, err
		}
	}
	if hasBucketKey {
		if bucketKey != "true" && bucketKey != "false" {
			return SSE{}, invalid(headerBucketKey, "The value must be true or false.").With("ArgumentValue", bucketKey)
		}
		use := bucketKey == "true"
		if use && s.Mode == DSSEKMS {
			return SSE{}, invalid(headerBucketKey, "Bucket keys are not supported with aws:kms:dsse.").With("ArgumentValue", bucketKey)
		}
		s.BucketKey = &use
	}
	return s, nil
}

// getter takes headers that must not be repeated. The first error sticks.
type getter struct {
	h   http.Header
	err error
}

func (g *getter) get(name string) (value string, ok bool) {
	values := g.h[name]
	if len(values) == 0 {
		return "", false
	}
	if len(values) > 1 && g.err == nil {
		g.err = invalidSSE("The header " + lower(name) + " must not be repeated.")
	}
	return values[0], true
}

// RefuseSSE returns the error for a request to an operation that takes no
// choice of encryption but has a header that makes one: everything but
// PutObject, POST, CopyObject and CreateMultipartUpload, the requests about
// the parts of an upload included. The headers of SSE-C are not among them:
// reading and uploading parts need those too.
func RefuseSSE(h http.Header) error {
	for _, name := range [...]string{headerSSE, headerKMSKeyID, headerContext, headerBucketKey} {
		if values := h[name]; len(values) > 0 {
			return invalid(name, lower(name)+" header is not supported for this operation.").With("ArgumentValue", values[0])
		}
	}
	return nil
}
