package s3api

import (
	"errors"
	"strings"
)

// ObjectEncryption is what UpdateObjectEncryption changes an object to, which
// can be SSE-KMS only.
type ObjectEncryption struct {
	// KeyARN is the full ARN of the KMS key.
	KeyARN    string
	BucketKey bool
}

// Errors of UpdateObjectEncryption. S3 has one code for all of them; the texts
// are this server's.
var (
	// ErrEncryptionTarget: a method other than SSE-KMS to change to.
	ErrEncryptionTarget = ErrInvalidRequest.WithMessage("The encryption of an object can be changed to SSE-KMS only.")
	// ErrEncryptionSource: an object that is not encrypted with SSE-S3 or SSE-KMS.
	ErrEncryptionSource = ErrInvalidRequest.WithMessage("The encryption of an object can be changed if it is SSE-S3 or SSE-KMS only.")

	errNoEncryptionType = ErrInvalidRequest.WithMessage("The request must specify an encryption type.")
	errNoKeyARN         = ErrInvalidRequest.WithMessage("The request must specify KMSKeyArn.")
	errKeyARN           = ErrInvalidRequest.WithMessage("KMSKeyArn must be the full ARN of a KMS key.")
	errBucketKey        = ErrInvalidRequest.WithMessage("BucketKeyEnabled must be true or false.")
)

// ParseObjectEncryption reads the document of an UpdateObjectEncryption.
//
// Errors are ErrMalformedXML and ErrInvalidRequest.
func ParseObjectEncryption(doc []byte) (ObjectEncryption, error) {
	o, err := parseObjectEncryption(&xmlScanner{doc: doc})
	if e, ok := errors.AsType[*Error](err); ok {
		return ObjectEncryption{}, e
	}
	if err != nil {
		return ObjectEncryption{}, ErrMalformedXML
	}
	return o, nil
}

func parseObjectEncryption(scan *xmlScanner) (o ObjectEncryption, err error) {
	root, err := scan.next()
	switch {
	case err != nil:
		return o, err
	case string(root.local()) != "ObjectEncryption" || root.kind == tagClose:
		return o, ErrMalformedXML
	}
	found := false
	other := func(tag) error { return ErrEncryptionTarget }
	err = elements(scan, root, map[string]func(tag) error{
		"SSE-KMS": func(t tag) error {
			found = true
			return o.parse(scan, t)
		},
		"SSE-S3": other, "SSE-C": other, "DSSE-KMS": other,
	})
	if err != nil {
		return o, err
	}
	if !found {
		return o, errNoEncryptionType
	}
	return o, scan.finish()
}

func (o *ObjectEncryption) parse(scan *xmlScanner, parent tag) error {
	err := elements(scan, parent, map[string]func(tag) error{
		"KMSKeyArn": func(t tag) (err error) {
			o.KeyARN, err = textOf(scan, t)
			return err
		},
		"BucketKeyEnabled": func(t tag) error {
			text, err := textOf(scan, t)
			if err != nil {
				return err
			}
			if o.BucketKey, err = parseBool(text); err != nil {
				return errBucketKey
			}
			return nil
		},
	})
	switch {
	case err != nil:
		return err
	case o.KeyARN == "":
		return errNoKeyARN
	case !isKeyARN(o.KeyARN):
		return errKeyARN
	}
	return nil
}

// isKeyARN reports whether s has the form of the ARN of a key, not of an
// alias: arn:partition:kms:region:account:key/id. Which key it is has to be
// seen elsewhere.
func isKeyARN(s string) bool {
	f := strings.SplitN(s, ":", 6)
	if len(s) > maxKMSKeyID || len(f) != 6 || f[0] != "arn" || !strings.HasPrefix(f[1], "aws") || f[2] != "kms" {
		return false
	}
	id, ok := strings.CutPrefix(f[5], "key/")
	if !ok || id == "" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
