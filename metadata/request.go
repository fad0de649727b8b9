package metadata

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol's transfer check of a customer key
	"encoding/base64"
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
// It does not look at headers for the source of a copy, nor whether the
// connection is encrypted and the request signed, which the caller must demand
// for every mode but SSE-S3.
func ParseSSE(h http.Header) (SSE, error) {
	var (
		s   SSE
		err error
	)
	get := func(name string) (string, bool) {
		values := h[name]
		if len(values) > 1 && err == nil {
			err = invalidSSE("The header " + lower(name) + " must not be repeated.")
		}
		if len(values) == 0 {
			return "", false
		}
		return values[0], true
	}
	method, hasMethod := get(headerSSE)
	keyID, hasKeyID := get(headerKMSKeyID)
	context, hasContext := get(headerContext)
	bucketKey, hasBucketKey := get(headerBucketKey)
	var c customerHeaders
	c.algorithm, c.hasAlgorithm = get(headerCustomerAlg)
	c.key, c.hasKey = get(headerCustomerKey)
	c.md5, c.hasMD5 = get(headerCustomerMD5)
	if err != nil {
		return SSE{}, err
	}

	hasCustomer := c.hasAlgorithm || c.hasKey || c.hasMD5
	if hasMethod && hasCustomer {
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
		if hasCustomer {
			return c.parse()
		}
		return s, nil
	}

	if hasKeyID && keyID == "" {
		return SSE{}, invalid(headerKMSKeyID, "The key id must not be empty.").With("ArgumentValue", "")
	}
	s.KMSKeyID = keyID
	if hasContext {
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

// customerHeaders are the three headers of SSE-C. One that is there but empty
// counts as given.
type customerHeaders struct {
	algorithm, key, md5          string
	hasAlgorithm, hasKey, hasMD5 bool
}

func (c *customerHeaders) parse() (SSE, error) {
	const prefix = "Requests specifying Server Side Encryption with Customer provided keys must provide "
	switch {
	case !c.hasAlgorithm:
		return SSE{}, invalidSSE(prefix + "a valid encryption algorithm.")
	case !c.hasKey:
		return SSE{}, invalidSSE(prefix + "an appropriate secret key.")
	case !c.hasMD5:
		return SSE{}, invalidSSE(prefix + "the client calculated MD5 of the secret key.")
	}
	s := SSE{Mode: SSEC, CustomerKeyMD5: c.md5}
	if c.key == "" {
		return SSE{}, invalidSSE("The secret key was invalid for the specified algorithm: it is too short.")
	}
	if !decodeCustomerKey(&s.CustomerKey, c.key) {
		return SSE{}, invalidSSE("The secret key was invalid for the specified algorithm.")
	}
	if c.algorithm != valueAES256 {
		return SSE{}, errInvalidAlgorithm.With("ArgumentName", argumentSSE).With("ArgumentValue", c.algorithm)
	}
	given, err := base64.StdEncoding.DecodeString(c.md5)
	if err != nil {
		return SSE{}, invalidSSE("The MD5 hash of the secret key was improperly encoded. The MD5 hash must be Base64 encoded.")
	}
	var sum [md5.Size]byte
	// MD5 guards against slips in transfer here, not against anybody; the
	// protocol leaves no choice.
	fips140.WithoutEnforcement(func() { sum = md5.Sum(s.CustomerKey[:]) }) //nolint:gosec // see above
	if !hmac.Equal(sum[:], given) {
		return SSE{}, invalidSSE("The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	return s, nil
}

// decodeCustomerKey reads the base64 of exactly one key. The decoder's error
// would quote from the key, so that there is only yes or no.
func decodeCustomerKey(dst *encryptor.Key, value string) bool {
	var buf [len(dst) + 1]byte // 44 characters stand for up to 33 bytes
	defer clear(buf[:])
	if len(value) != base64.StdEncoding.EncodedLen(len(dst)) {
		return false
	}
	n, err := base64.StdEncoding.Decode(buf[:], []byte(value))
	if err != nil || n != len(dst) {
		return false
	}
	copy(dst[:], buf[:])
	return true
}

// RefuseSSE returns the error for a request to an operation that takes no
// choice of encryption but has a header that makes one. The headers of SSE-C
// are not among them: reading needs those too.
func RefuseSSE(h http.Header) error {
	for _, name := range [...]string{headerSSE, headerKMSKeyID, headerContext, headerBucketKey} {
		if values := h[name]; len(values) > 0 {
			return invalid(name, lower(name)+" header is not supported for this operation.").With("ArgumentValue", values[0])
		}
	}
	return nil
}
