package metadata

import (
	"errors"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// Version is the envelope version that this package reads and writes.
const Version = 1

// Sizes in bytes of what an envelope may hold.
const (
	// MaxKeyID bounds the id of a root key.
	MaxKeyID = 64
	// MaxWrappedKEK bounds a wrapped key-encryption key.
	MaxWrappedKEK = 256
	// MaxContext bounds an encryption context.
	MaxContext = 768
	// MaxDigests bounds the sealed digests.
	MaxDigests = 160
	// MaxFooterCopy bounds the copy that stands in the object's footer. The
	// fields that the copy cannot do without must always fit.
	MaxFooterCopy = 512
	// MaxEncoded bounds the whole envelope before base64.
	MaxEncoded = 1536
)

const sealedKeySize = 12 + 32 + 16 // nonce, data key, tag

var (
	// ErrMalformed is wrapped by the error for an envelope that is not what
	// Encode produces: the header was altered, or a newer version wrote it.
	ErrMalformed = errors.New("malformed envelope")

	// ErrNotAuthentic is wrapped by the error for a data key that does not open:
	// altered fields, another key-encryption key, or another object's envelope.
	ErrNotAuthentic = encryptor.ErrNotAuthentic
)

// Mode is the S3 encryption mode of an object.
type Mode uint8

// The encryption modes, with the values that envelopes store. The zero Mode
// means none.
const (
	SSES3   Mode = 1 // keys managed by this service: x-amz-server-side-encryption: AES256
	SSEKMS  Mode = 2 // keys in a key management service: aws:kms
	DSSEKMS Mode = 3 // two layers with independent keys: aws:kms:dsse
	SSEC    Mode = 4 // the client brings the key with every request
)

// String returns the name of the mode.
func (m Mode) String() string {
	switch m {
	case 0:
		return "none"
	case SSES3:
		return "SSE-S3"
	case SSEKMS:
		return "SSE-KMS"
	case DSSEKMS:
		return "DSSE-KMS"
	case SSEC:
		return "SSE-C"
	default:
		return fmt.Sprintf("mode(%d)", uint8(m))
	}
}

// SealedKey is a data key sealed under a key-encryption key, and the
// commitment that ties the object to this data key and no other.
type SealedKey struct {
	Sealed     [sealedKeySize]byte // nonce, ciphertext, tag
	Commitment [32]byte
}

// Envelope says how an object is encrypted. Which fields a mode has is
// specified in FORMAT.md; Encode refuses any other combination.
type Envelope struct {
	Mode  Mode
	Suite encryptor.Suite

	// KeyID names the root key: a local master key for SSE-S3, a key of the
	// key management service for SSE-KMS and DSSE-KMS. Empty for SSE-C.
	KeyID string

	// Salt is random for every object and goes into the derivation of the
	// key-encryption key. All zero, which stands for absent, for SSE-KMS.
	Salt [32]byte

	// WrappedKEK is the key-encryption key as the key management service
	// wrapped it. Only SSE-KMS and DSSE-KMS have one.
	WrappedKEK []byte

	// Data is the sealed data key.
	Data SealedKey

	// OuterKeyID and Outer are the local master key and the sealed data key of
	// the second layer of DSSE-KMS.
	OuterKeyID string
	Outer      SealedKey

	// Length is the length of the plaintext in bytes, at most
	// encryptor.MaxObjectSize. Zero for multipart objects, whose envelope is
	// written before their length is known.
	Length int64

	// Multipart says that the object was uploaded in parts.
	Multipart bool

	// ETagInFooter says that the object's ETag is an MD5 that was not known
	// before the body had been sent and stands in the footer.
	ETagInFooter bool

	// BucketKey says that the key-encryption key is shared by objects of the
	// bucket (S3 Bucket Keys). SSE-KMS only.
	BucketKey bool

	// Context is the client's encryption context as canonical JSON, if it gave
	// one. SSE-KMS and DSSE-KMS only.
	Context []byte

	// CustomerHMAC tells the right customer key from a wrong one. SSE-C only.
	CustomerHMAC []byte

	// Digests are the sealed digests of the plaintext that were known before
	// the body was sent; nil if there are none.
	Digests []byte
}
