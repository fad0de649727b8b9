package localkeys

import (
	"bytes"
	"errors"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
)

const maxIDLength = 64

// validID reports whether s can be the id of a key.
func validID(s string) bool {
	if s == "" || len(s) > maxIDLength || s == "." || s == ".." { // as envelopes have it
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// minDistinct is the smallest number of different byte values a key may have.
// 32 random bytes have about 30; the chance of fewer than 16 is below 2^-50.
const minDistinct = 16

// checkStrength refuses keys that were not drawn at random. It cannot prove
// that a key is good; every rule refuses a random key with a probability below
// 2^-45.
func checkStrength(k encryptor.Key) error {
	if k.IsZero() {
		return errors.New("all bytes are zero")
	}
	var seen [256]bool
	distinct, text, run := 0, true, true
	for i, c := range k {
		if !seen[c] {
			seen[c] = true
			distinct++
		}
		text = text && ' ' <= c && c <= '~'
		run = run && c-k[0] == byte(i)*(k[1]-k[0])
	}
	switch {
	case distinct == 1:
		return errors.New("all bytes are the same")
	case run:
		return errors.New("the bytes are a run of numbers")
	case bytes.Equal(k[:16], k[16:]):
		return errors.New("the second half repeats the first")
	case distinct < minDistinct:
		return errors.New("too few different bytes for a random key")
	case text:
		return errors.New("the bytes are text: a master key is 32 random bytes, not a passphrase and not the text form of a key")
	}
	return nil
}
