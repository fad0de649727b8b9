package sigv4

import (
	"crypto/fips140"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// minFIPSSecret is the shortest secret that makes "AWS4"+secret an HMAC key of
// 112 bits, the least that FIPS 140 mode accepts.
const minFIPSSecret = 10

// Secret is a secret access key. It prints as "[redacted]" in every form: fmt
// verbs, JSON and other text encodings, slog. The zero Secret holds nothing
// and verifies nothing.
//
// The value sits behind a pointer because fmt does not call methods on
// unexported fields of other structs, but does not follow pointers there
// either.
type Secret struct {
	value *string
}

// NewSecret makes a Secret. An empty secret is refused, and so is one under 10
// bytes when FIPS 140 mode is enforced.
func NewSecret(s string) (Secret, error) {
	if s == "" {
		return Secret{}, errors.New("secret access key: empty")
	}
	if fips140.Enforced() && len(s) < minFIPSSecret {
		return Secret{}, fmt.Errorf("secret access key: shorter than %d bytes, which FIPS 140 mode does not allow", minFIPSSecret)
	}
	return Secret{&s}, nil
}

// IsZero reports whether s holds no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares two secrets in constant time.
func (s Secret) Equal(t Secret) bool {
	if s.value == t.value {
		return true
	}
	if s.value == nil || t.value == nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(*s.value), []byte(*t.value)) == 1
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Credential is an access key with its secret.
type Credential struct {
	AccessKey string
	Secret    Secret
}
