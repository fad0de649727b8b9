package s3api

import (
	"encoding/xml"
	"errors"
	"strconv"
)

// EncryptionMethod is a value of SSEAlgorithm and of
// x-amz-server-side-encryption.
type EncryptionMethod string

// The methods that can be chosen for a bucket.
const (
	EncryptionAES256 EncryptionMethod = "AES256"
	EncryptionKMS    EncryptionMethod = "aws:kms"
	EncryptionDSSE   EncryptionMethod = "aws:kms:dsse"
)

// SSECBlocking says whether a bucket takes objects encrypted with keys that
// clients provide.
type SSECBlocking uint8

const (
	// SSECUnset: the bucket's configuration does not say.
	SSECUnset SSECBlocking = iota
	// SSECAllowed: nothing is blocked (EncryptionType NONE).
	SSECAllowed
	// SSECBlocked: such objects can be read but not written.
	SSECBlocked
)

// BucketEncryption is the default encryption of a bucket, the one rule of a
// ServerSideEncryptionConfiguration.
type BucketEncryption struct {
	Method EncryptionMethod
	// KeyID is the KMS key as it was configured; empty is the default key.
	KeyID string
	// BucketKey is BucketKeyEnabled. It has an effect with EncryptionKMS only.
	BucketKey bool
	SSEC      SSECBlocking
}

// maxKMSKeyID is the longest KMS key identifier in bytes (AWS KMS API
// Reference, KeyId).
const maxKMSKeyID = 2048

// errKMSKeyNotApplicable is not about a header, unlike other encryption errors.
var errKMSKeyNotApplicable = ErrInvalidArgument.
	WithMessage("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse").
	With("ArgumentName", "ApplyServerSideEncryptionByDefault")

// ParseBucketEncryption reads the document of a PutBucketEncryption: exactly
// one rule, without elements that are not understood, in any namespace. A rule
// without a method has the method that every bucket has, AES256. Key ids are
// not looked up: S3 takes one that does not exist.
//
// Errors are ErrMalformedXML, and ErrInvalidArgument for a key id with AES256.
func ParseBucketEncryption(doc []byte) (BucketEncryption, error) {
	b, err := parseBucketEncryption(&xmlScanner{doc: doc})
	if e, ok := errors.AsType[*Error](err); ok {
		return BucketEncryption{}, e
	}
	if err != nil {
		return BucketEncryption{}, ErrMalformedXML
	}
	return b, nil
}

func parseBucketEncryption(scan *xmlScanner) (b BucketEncryption, err error) {
	root, err := scan.root()
	if err != nil {
		return b, err
	}
	if string(root.local()) != "ServerSideEncryptionConfiguration" {
		return b, ErrMalformedXML
	}
	err = elements(scan, root, map[string]func(tag) error{
		"Rule": func(t tag) (err error) {
			b, err = parseEncryptionRule(scan, t)
			return err
		},
	}, "Rule")
	if err != nil {
		return b, err
	}
	if err := scan.finish(); err != nil {
		return b, err
	}
	if b.KeyID != "" && b.Method == EncryptionAES256 {
		return b, errKMSKeyNotApplicable
	}
	return b, nil
}

func parseEncryptionRule(scan *xmlScanner, rule tag) (b BucketEncryption, err error) {
	if rule.kind == tagEmpty {
		return b, ErrMalformedXML
	}
	b.Method = EncryptionAES256
	said := false
	err = elements(scan, rule, map[string]func(tag) error{
		"ApplyServerSideEncryptionByDefault": func(t tag) error {
			said = true
			return b.parseDefault(scan, t)
		},
		"BucketKeyEnabled": func(t tag) error {
			said = true
			text, err := textOf(scan, t)
			if err == nil {
				b.BucketKey, err = parseBool(text)
			}
			return err
		},
		"BlockedEncryptionTypes": func(t tag) error {
			said = true
			return b.parseBlocked(scan, t)
		},
	})
	if err == nil && !said {
		err = ErrMalformedXML
	}
	return b, err
}

func (b *BucketEncryption) parseDefault(scan *xmlScanner, parent tag) error {
	return elements(scan, parent, map[string]func(tag) error{
		"SSEAlgorithm": func(t tag) error {
			text, err := textOf(scan, t)
			if err != nil {
				return err
			}
			b.Method = EncryptionMethod(text)
			switch b.Method {
			case EncryptionAES256, EncryptionKMS, EncryptionDSSE:
				return nil
			}
			return ErrMalformedXML
		},
		"KMSMasterKeyID": func(t tag) (err error) {
			b.KeyID, err = textOf(scan, t)
			if err == nil && len(b.KeyID) > maxKMSKeyID {
				err = ErrMalformedXML
			}
			return err
		},
	}, "SSEAlgorithm")
}

// parseBlocked reads a list in which SSE-C and NONE contradict each other.
func (b *BucketEncryption) parseBlocked(scan *xmlScanner, parent tag) error {
	return elements(scan, parent, map[string]func(tag) error{
		"EncryptionType": func(t tag) error {
			text, err := textOf(scan, t)
			switch {
			case err != nil:
				return err
			case text == "SSE-C":
				b.SSEC = SSECBlocked
			case text == "NONE":
				b.SSEC = SSECAllowed
			default:
				return ErrMalformedXML
			}
			return nil
		},
	}, "EncryptionType")
}

// AppendXML appends the document, as GetBucketEncryption answers.
func (b BucketEncryption) AppendXML(dst []byte) []byte {
	dst = append(dst, xml.Header+`<ServerSideEncryptionConfiguration xmlns="`+xmlNamespace+`"><Rule><ApplyServerSideEncryptionByDefault>`...)
	dst = appendElement(dst, "SSEAlgorithm", string(b.Method))
	dst = appendNonEmpty(dst, "KMSMasterKeyID", b.KeyID)
	dst = append(dst, "</ApplyServerSideEncryptionByDefault>"...)
	dst = appendElement(dst, "BucketKeyEnabled", strconv.FormatBool(b.BucketKey))
	if b.SSEC != SSECUnset {
		blocked := "NONE"
		if b.SSEC == SSECBlocked {
			blocked = "SSE-C"
		}
		dst = append(dst, "<BlockedEncryptionTypes>"...)
		dst = appendElement(dst, "EncryptionType", blocked)
		dst = append(dst, "</BlockedEncryptionTypes>"...)
	}
	return append(dst, "</Rule></ServerSideEncryptionConfiguration>"...)
}
