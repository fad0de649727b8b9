package metadata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// KeyIDs translates between the names of keys in the key management service,
// which envelopes hold, and the ids by which clients know them. The zero value
// and nil know plain names only. It must not be changed while in use.
//
// Clients may send a name, "alias/" and an alias, or the ARN of either:
//
//	arn:aws:kms:<region>:<account>:key/<name>
//	arn:aws:kms:<region>:<account>:alias/<alias>
type KeyIDs struct {
	// Region and Account are those of the ARNs, which need both.
	Region, Account string

	// PlainNames lets responses name keys plainly, not by their ARN.
	PlainNames bool

	// Aliases are the names of keys by their aliases, without "alias/".
	Aliases map[string]string
}

const (
	arnScheme   = "arn:"
	arnService  = "arn:aws:kms:"
	aliasPrefix = "alias/"
	keyPrefix   = "key/"
)

// Check reports what is wrong with the configuration.
func (k *KeyIDs) Check() error {
	if (k.Region == "") != (k.Account == "") {
		return errors.New("the ARNs of keys need a region and an account")
	}
	for what, s := range map[string]string{"region": k.Region, "account": k.Account} {
		if s != "" && (!validKeyID(s) || strings.Contains(s, "/")) {
			return fmt.Errorf("%q cannot be the %s of an ARN", s, what)
		}
	}
	for alias, name := range k.Aliases {
		if strings.HasPrefix(alias, aliasPrefix) {
			return fmt.Errorf("alias %q: it is configured without %q, which requests write in front", alias, aliasPrefix)
		}
		if !validKeyID(aliasPrefix + alias) {
			return fmt.Errorf("%q cannot be an alias", alias)
		}
		if !ValidKeyName(name) {
			return fmt.Errorf("alias %q: %q cannot be the name of a key", alias, name)
		}
	}
	return nil
}

// ValidKeyName reports whether s can be the name of a key in the key
// management service: 1 to MaxKeyID characters of A-Z, a-z, 0-9, '.', '_', '-'
// and '/', where nothing between slashes is empty, "." or "..", so that it
// stays where it is put in a path. A name does not begin with "alias/".
func ValidKeyName(s string) bool { return validKeyID(s) && !strings.HasPrefix(s, aliasPrefix) }

// Format returns the id by which responses call the key named name.
func (k *KeyIDs) Format(name string) string {
	if k == nil || k.PlainNames || k.Region == "" {
		return name
	}
	return k.arn() + keyPrefix + name
}

func (k *KeyIDs) arn() string { return arnService + k.Region + ":" + k.Account + ":" }

// Parse returns the name of the key that a client calls id. Whether there is
// such a key, it does not know. Errors are *s3api.Error.
func (k *KeyIDs) Parse(id string) (name string, err error) {
	rest := id
	if strings.HasPrefix(id, arnScheme) {
		if rest, err = k.resource(id); err != nil {
			return "", err
		}
		if name, ok := strings.CutPrefix(rest, keyPrefix); ok {
			if !ValidKeyName(name) {
				return "", invalidKeyID(id)
			}
			return name, nil
		}
		if !strings.HasPrefix(rest, aliasPrefix) {
			return "", invalidKeyID(id)
		}
	}
	alias, ok := strings.CutPrefix(rest, aliasPrefix)
	switch {
	case !validKeyID(rest):
		return "", invalidKeyID(id)
	case !ok:
		return rest, nil
	case k != nil && k.Aliases[alias] != "":
		return k.Aliases[alias], nil
	default:
		return "", s3api.ErrKMSNotFound.WithMessage("Alias %s is not found.", id)
	}
}

// resource returns what an ARN names in the region and account.
func (k *KeyIDs) resource(id string) (string, error) {
	if k == nil || k.Region == "" {
		return "", invalidKeyID(id)
	}
	if rest, ok := strings.CutPrefix(id, k.arn()); ok {
		return rest, nil
	}
	parts := strings.SplitN(id, ":", 6)
	if len(parts) == 6 && strings.HasPrefix(id, arnService) && parts[3] != k.Region && validKeyID(parts[3]) {
		return "", s3api.ErrKMSNotFound.WithMessage("Invalid arn %s", parts[3])
	}
	return "", invalidKeyID(id)
}

// maxKeyIDShown bounds what an error repeats of a key id.
const maxKeyIDShown = 256

func invalidKeyID(id string) *s3api.Error {
	if len(id) > maxKeyIDShown {
		id = id[:maxKeyIDShown]
	}
	return s3api.ErrKMSNotFound.WithMessage("Invalid keyId '%s'", strings.ToValidUTF8(id, "?"))
}
