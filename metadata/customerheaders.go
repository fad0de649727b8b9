package metadata

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol's transfer check of a customer key
	"encoding/base64"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// customerHeaders are the three headers of SSE-C. One that is there but empty
// counts as given.
type customerHeaders struct {
	algorithm, key, md5          string
	hasAlgorithm, hasKey, hasMD5 bool
}

// customerNames are the names of the three headers, of which there are two sets.
type customerNames struct{ algorithm, key, md5 string }

var (
	ownNames    = customerNames{headerCustomerAlg, headerCustomerKey, headerCustomerMD5}
	sourceNames = customerNames{headerSourceAlg, headerSourceKey, headerSourceMD5}
)

// ParseCustomer validates the headers of SSE-C in a request to an operation
// that takes a customer key but no choice of encryption: one that reads an
// object or is about the parts of an upload. The result's Mode is SSEC or, if
// the request brings no key, zero. Errors are those of RefuseSSE and ParseSSE.
func ParseCustomer(h http.Header) (SSE, error) {
	if err := RefuseSSE(h); err != nil {
		return SSE{}, err
	}
	return parseCustomer(h, &ownNames)
}

// ParseCopySourceSSE validates the headers with the customer key for the
// source of a copy, which are separate from those for its destination. The
// result's Mode is SSEC or, if there are none, zero. Errors are those of
// ParseSSE: Amazon S3 does not tell the two sets apart in them.
func ParseCopySourceSSE(h http.Header) (SSE, error) { return parseCustomer(h, &sourceNames) }

func parseCustomer(h http.Header, names *customerNames) (SSE, error) {
	g := getter{h: h}
	c := g.customer(names)
	switch {
	case g.err != nil:
		return SSE{}, g.err
	case !c.any():
		return SSE{}, nil
	}
	return c.parse()
}

func (g *getter) customer(names *customerNames) customerHeaders {
	var c customerHeaders
	c.algorithm, c.hasAlgorithm = g.get(names.algorithm)
	c.key, c.hasKey = g.get(names.key)
	c.md5, c.hasMD5 = g.get(names.md5)
	return c
}

// any reports whether the request means SSE-C.
func (c *customerHeaders) any() bool { return c.hasAlgorithm || c.hasKey || c.hasMD5 }

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
