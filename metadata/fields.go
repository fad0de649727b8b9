package metadata

import (
	"fmt"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

// field is the key of a field in the encoded map.
type field uint8

const (
	fieldVersion field = 1 + iota
	fieldMode
	fieldSuite
	fieldKeyID
	fieldSalt
	fieldWrappedKEK
	fieldSealed
	fieldCommitment
	fieldOuterKeyID
	fieldOuterSealed
	fieldOuterCommitment
	fieldLength
	fieldFlags
	fieldContext
	fieldCustomerHMAC
	fieldDigests

	lastField = fieldDigests
)

// fields is a set of fields.
type fields uint32

func setOf(list ...field) fields {
	var s fields
	for _, f := range list {
		s |= 1 << f
	}
	return s
}

func (s fields) has(f field) bool { return s&(1<<f) != 0 }

var (
	always = setOf(fieldVersion, fieldMode, fieldSuite, fieldSealed, fieldCommitment)

	// unbound are the fields that the seal of a data key does not cover: the
	// seals themselves, the wrapped key, which the key management service may
	// replace by one under its newer key version, and the digests, which are
	// sealed on their own.
	unbound = setOf(fieldWrappedKEK, fieldSealed, fieldOuterSealed, fieldDigests)
)

// rules say for every mode what its envelopes look like.
var rules = [...]struct {
	suite     encryptor.Suite
	required  fields
	optional  fields
	bucketKey bool
}{
	SSES3: {
		suite:    encryptor.SuiteAES256GCM,
		required: always | setOf(fieldKeyID, fieldSalt),
		optional: setOf(fieldDigests),
	},
	SSEKMS: {
		suite:     encryptor.SuiteAES256GCM,
		required:  always | setOf(fieldKeyID, fieldWrappedKEK),
		optional:  setOf(fieldContext, fieldDigests),
		bucketKey: true,
	},
	DSSEKMS: {
		suite: encryptor.SuiteDSSE,
		required: always | setOf(fieldKeyID, fieldSalt, fieldWrappedKEK,
			fieldOuterKeyID, fieldOuterSealed, fieldOuterCommitment),
		optional: setOf(fieldContext, fieldDigests),
	},
	SSEC: {
		suite:    encryptor.SuiteAES256GCM,
		required: always | setOf(fieldSalt, fieldCustomerHMAC),
		optional: setOf(fieldDigests),
	},
}

// Flags as they are encoded.
const (
	flagMultipart = 1 << iota
	flagETagInFooter
	flagBucketKey

	allFlags = flagMultipart | flagETagInFooter | flagBucketKey
)

func (e *Envelope) flags() uint64 {
	var f uint64
	if e.Multipart {
		f |= flagMultipart
	}
	if e.ETagInFooter {
		f |= flagETagInFooter
	}
	if e.BucketKey {
		f |= flagBucketKey
	}
	return f
}

func (e *Envelope) setFlags(f uint64) {
	e.Multipart = f&flagMultipart != 0
	e.ETagInFooter = f&flagETagInFooter != 0
	e.BucketKey = f&flagBucketKey != 0
}

// present returns the fields that e has.
func (e *Envelope) present() fields {
	s := setOf(fieldVersion, fieldMode, fieldSuite)
	add := func(f field, has bool) {
		if has {
			s |= 1 << f
		}
	}
	add(fieldKeyID, e.KeyID != "")
	add(fieldSalt, e.Salt != [32]byte{})
	add(fieldWrappedKEK, len(e.WrappedKEK) > 0)
	add(fieldSealed, e.Data.Sealed != [sealedKeySize]byte{})
	add(fieldCommitment, e.Data.Commitment != [32]byte{})
	add(fieldOuterKeyID, e.OuterKeyID != "")
	add(fieldOuterSealed, e.Outer.Sealed != [sealedKeySize]byte{})
	add(fieldOuterCommitment, e.Outer.Commitment != [32]byte{})
	add(fieldLength, !e.Multipart)
	add(fieldFlags, e.flags() != 0)
	add(fieldContext, len(e.Context) > 0)
	add(fieldCustomerHMAC, len(e.CustomerHMAC) > 0)
	add(fieldDigests, len(e.Digests) > 0)
	return s
}

// check reports what is wrong with an envelope that has the fields s.
func (e *Envelope) check(s fields) error {
	if e.Mode == 0 || int(e.Mode) >= len(rules) {
		return fmt.Errorf("%w: unknown mode %d", ErrMalformed, uint8(e.Mode))
	}
	rule := &rules[e.Mode]
	// Length and flags occur in every mode; what they require of each other is
	// checked below.
	optional := rule.optional | setOf(fieldLength, fieldFlags)
	switch {
	case e.Suite != rule.suite:
		return fmt.Errorf("%w: suite %d in mode %v", ErrMalformed, uint8(e.Suite), e.Mode)
	case s&rule.required != rule.required:
		return fmt.Errorf("%w: a field of mode %v is missing", ErrMalformed, e.Mode)
	case s&^(rule.required|optional) != 0:
		return fmt.Errorf("%w: a field that mode %v does not have", ErrMalformed, e.Mode)
	case e.BucketKey && !rule.bucketKey:
		return fmt.Errorf("%w: a bucket key in mode %v", ErrMalformed, e.Mode)
	case s.has(fieldLength) == e.Multipart, e.Multipart && e.Length != 0:
		return fmt.Errorf("%w: multipart objects and no others have no length", ErrMalformed)
	case e.Length < 0 || e.Length > encryptor.MaxObjectSize:
		return fmt.Errorf("%w: length out of range", ErrMalformed)
	case s.has(fieldKeyID) && !validKeyID(e.KeyID), s.has(fieldOuterKeyID) && !validKeyID(e.OuterKeyID):
		return fmt.Errorf("%w: bad key id", ErrMalformed)
	case len(e.WrappedKEK) > MaxWrappedKEK, len(e.Context) > MaxContext, len(e.Digests) > MaxDigests:
		return fmt.Errorf("%w: a field is too long", ErrMalformed)
	case s.has(fieldCustomerHMAC) && len(e.CustomerHMAC) != 32:
		return fmt.Errorf("%w: bad length of a field", ErrMalformed)
	}
	return nil
}

// validKeyID reports whether s can name a root key: 1 to MaxKeyID characters
// of A-Z, a-z, 0-9, '.', '_', '-' and '/', where nothing between slashes is
// empty, "." or "..": a name may end up in the path of a request.
func validKeyID(s string) bool {
	if s == "" || len(s) > MaxKeyID {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '-' <= c && c <= '9', c == '_': // '-', '.', '/' and digits adjoin
		default:
			return false
		}
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
