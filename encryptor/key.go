package encryptor

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// KeySize is the length in bytes of every secret key.
const KeySize = 32

// redacted is what a Key shows of itself wherever it is printed, logged or marshalled.
const redacted = "[redacted]"

// Key is a 256-bit secret: a data key, a key-encryption key or a master key.
//
// It prints, logs and marshals as "[redacted]", so that a key that strays into
// a message or a configuration dump does no harm. Code that must have the bytes
// slices the array. Comparing keys with == is not constant time: use Equal.
//
// The protection ends at unexported struct fields, which package fmt prints
// without asking the value: a struct that keeps a key in one has a Format method of its own.
type Key [KeySize]byte

// NewKey returns a fresh random key. It does not fail: the runtime ends the
// process if the operating system has no randomness.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:])
	return k
}

// Equal reports whether two keys are the same, in constant time.
func (k Key) Equal(other Key) bool { return subtle.ConstantTimeCompare(k[:], other[:]) == 1 }

// IsZero reports whether the key is all zeros, which is never a valid key, in constant time.
func (k Key) IsZero() bool { return k.Equal(Key{}) }

// String returns "[redacted]".
func (Key) String() string { return redacted }

// GoString returns "[redacted]".
func (Key) GoString() string { return redacted }

// Format prints "[redacted]" whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]". There is no way back: a key cannot be unmarshalled.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
