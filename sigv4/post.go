package sigv4

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// PostForm is the form of a browser upload as it is needed to verify its
// signature. Names are in any case.
type PostForm interface {
	Field(name string) (value string, ok bool)
}

// Fields that authenticate a form, in the order in which S3 misses them.
var postFields = [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"}

// VerifyPost authenticates the form of a browser upload (Amazon S3 API
// Reference, "Authenticating Requests in Browser-Based Uploads Using POST") and
// returns the access key of who signed its policy, "" if nobody did. What the
// policy demands of the form is for the caller to evaluate, after this: it must
// also demand the fields read here, which it does if it covers every field.
//
// A signature is good for a week, however long its policy lasts. Errors are of
// type *s3api.Error.
func (v *Verifier) VerifyPost(form PostForm) (accessKey string, err error) {
	var c claim
	policy, err := postClaim(&c, form)
	if err != nil || c.accessKey == "" {
		return "", err
	}
	if err := c.checkRegion(v.Region); err != nil {
		return "", credentialField(form, err)
	}
	if err := checkPostTime(&c, v.now()); err != nil {
		return "", err
	}
	var sum [32]byte
	switch _, known, match := v.authenticate(&c, &sum, []byte(policy)); {
	case !known:
		return "", s3api.ErrInvalidAccessKeyID.With("AWSAccessKeyId", c.accessKey)
	case !match:
		return "", postMismatch(&c, policy)
	}
	return c.accessKey, nil
}

// postClaim reads the fields of the signature. The claim has no access key if
// the form is anonymous.
func postClaim(c *claim, form PostForm) (policy string, err error) {
	var values [len(postFields)]string
	present := 0
	for i, name := range postFields {
		var ok bool
		if values[i], ok = form.Field(name); ok {
			present++
		}
	}
	if present == 0 {
		for _, name := range [...]string{"AWSAccessKeyId", "Signature"} {
			if _, ok := form.Field(name); ok {
				return "", s3api.ErrUnsupportedSignatureVersion
			}
		}
		return "", nil
	}
	policy, _ = form.Field("Policy")
	for i, value := range append(values[:], policy) {
		if value == "" {
			return "", s3api.MissingPostField(append(postFields[:], "Policy")[i])
		}
	}
	// Session tokens belong to temporary credentials; there are none here.
	if _, ok := form.Field("X-Amz-Security-Token"); ok {
		return "", s3api.ErrInvalidToken
	}
	switch values[0] {
	case algorithm:
	case "AWS4-ECDSA-P256-SHA256":
		return "", errSigV4A
	default:
		return "", postArgument("X-Amz-Algorithm", values[0], "Only AWS4-HMAC-SHA256 is supported")
	}
	if strings.HasPrefix(values[1], "/") {
		return "", postArgument("X-Amz-Credential", values[1], "a non-empty Access Key (AKID) must be provided in the credential.")
	}
	c.presigned = true // for its errors
	if err := c.parseCredential(values[1]); err != nil {
		return "", credentialField(form, err)
	}
	var ok bool
	c.stamp, c.signature = values[2], values[3]
	if c.at, ok = parseBasic(c.stamp); !ok {
		return "", postArgument("X-Amz-Date", c.stamp, "X-Amz-Date must be formated via ISO8601 Long format")
	}
	if c.stamp[:8] != c.date {
		err := malformed(true, "Invalid credential date %q. This date is not the same as X-Amz-Date: %q.", c.date, c.stamp[:8])
		return "", credentialField(form, err)
	}
	return policy, nil
}

// checkPostTime applies the life of the signature: as that of a presigned URL
// of the longest life.
func checkPostTime(c *claim, now time.Time) error {
	if c.at.After(now.Add(maxSkew)) {
		return s3api.ErrRequestNotYetValid
	}
	if end := c.at.Add(maxExpires * time.Second); now.After(end) {
		return s3api.ErrRequestExpired.
			With("Expires", end.Format(time.RFC3339)).
			With("ServerTime", now.UTC().Format(time.RFC3339))
	}
	return nil
}

// credentialField makes the error for a credential in a query into that for
// one in a form: the text is the same, all around it is not.
func credentialField(form PostForm, err error) error {
	e, ok := errors.AsType[*s3api.Error](err)
	if !ok {
		return err
	}
	value, _ := form.Field("X-Amz-Credential")
	out := postArgument("X-Amz-Credential", value, strings.TrimPrefix(e.Message, queryErrorPrefix))
	for _, f := range e.Fields {
		out = out.With(f.Name, f.Value)
	}
	return out
}

func postArgument(name, value, message string) *s3api.Error {
	return s3api.ErrInvalidArgument.
		WithMessage("%s", message).
		With("ArgumentName", name).
		With("ArgumentValue", value)
}

// postMismatch explains a signature that does not match with the text that was
// signed, unless that holds a customer key or cannot be looked into.
func postMismatch(c *claim, policy string) *s3api.Error {
	e := s3api.ErrSignatureDoesNotMatch.With("AWSAccessKeyId", c.accessKey)
	doc, err := base64.StdEncoding.DecodeString(policy)
	// One that lost its end is the usual mistake.
	var at base64.CorruptInputError
	unreadable := errors.As(err, &at) && int(at)+4 < len(policy)
	if unreadable || bytes.Contains(bytes.ToLower(doc), []byte("customer-key")) {
		return e.With("SignatureProvided", c.signature)
	}
	return e.With("StringToSign", policy).
		With("SignatureProvided", c.signature).
		With("StringToSignBytes", spacedHex([]byte(policy)))
}
