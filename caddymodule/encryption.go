package caddymodule

import (
	"fmt"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// EncryptionRule says how the objects of some buckets are encrypted.
//
// The modes are called `AES256` (SSE-S3), `aws:kms` (SSE-KMS), `aws:kms:dsse`
// (DSSE-KMS) and `SSE-C`.
type EncryptionRule struct {
	// Patterns of the buckets, in the syntax of `public_buckets`. Required.
	Buckets []string `json:"buckets,omitempty"`

	// The mode of objects for which neither the request nor the bucket's own
	// configuration (PutBucketEncryption) names one: `AES256`, `aws:kms` or
	// `aws:kms:dsse`. Default: `AES256`.
	Default string `json:"default,omitempty"`

	// The key that goes with `default`, if that is `aws:kms` or
	// `aws:kms:dsse`: its name, `alias/` and an alias, or an ARN. Default: the
	// `default_key` of `kms`.
	KMSKey string `json:"kms_key,omitempty"`

	// Whether `default`, which must be `aws:kms` then, uses bucket keys: many
	// objects share a key-encryption key, so that few calls to the key
	// management service are needed. It also applies to requests for `aws:kms`
	// that say nothing of bucket keys. Default: `false`.
	BucketKey bool `json:"bucket_key,omitempty"`

	// The modes that objects may be written with, whatever the request or the
	// bucket's own configuration says. `default` must be one of them. Default:
	// all.
	Require []string `json:"require,omitempty"`

	// Whether writing with SSE-C is refused, unless the bucket's own
	// configuration allows it. Objects that are there can be read. Default:
	// `false`.
	BlockSSEC bool `json:"block_sse_c,omitempty"`
}

// modeNames are the modes by their names in the config, in the order in which
// errors list them.
var modeNames = []struct {
	name string
	mode metadata.Mode
}{
	{"AES256", metadata.SSES3},
	{"aws:kms", metadata.SSEKMS},
	{"aws:kms:dsse", metadata.DSSEKMS},
	{"SSE-C", metadata.SSEC},
}

// parseMode returns the mode called name.
func parseMode(name string) (metadata.Mode, error) {
	var names []string
	for _, m := range modeNames {
		if m.name == name {
			return m.mode, nil
		}
		names = append(names, m.name)
	}
	return 0, fmt.Errorf("%q is not one of %s", name, strings.Join(names, ", "))
}

// rule returns what the gateway makes of r.
func (r *EncryptionRule) rule(keyIDs *metadata.KeyIDs) (gateway.Rule, error) {
	rule := gateway.Rule{Buckets: r.Buckets, KMSKey: r.KMSKey, BucketKey: r.BucketKey, BlockSSEC: r.BlockSSEC}
	var err error
	if r.Default != "" {
		if rule.Default, err = parseMode(r.Default); err != nil {
			return rule, fmt.Errorf("default: %w", err)
		}
	}
	if r.KMSKey != "" {
		if _, err := keyIDs.Parse(r.KMSKey); err != nil {
			return rule, fmt.Errorf("kms_key: %w", err)
		}
	}
	for _, name := range r.Require {
		mode, err := parseMode(name)
		if err != nil {
			return rule, fmt.Errorf("require: %w", err)
		}
		rule.Require = append(rule.Require, mode)
	}
	return rule, nil
}

// rules returns the rules for the gateway. What they need of a key management
// service must be there: otherwise every write would fail.
func (h *Handler) rules(k *gateway.KMS) ([]gateway.Rule, error) {
	rules := make([]gateway.Rule, len(h.Encryption))
	for i := range h.Encryption {
		rule, err := h.Encryption[i].rule(&k.KeyIDs)
		if err == nil && (rule.Default == metadata.SSEKMS || rule.Default == metadata.DSSEKMS) {
			switch {
			case k.Service == nil:
				err = fmt.Errorf("%s needs a key management service: add keys", h.Encryption[i].Default)
			case rule.KMSKey == "" && k.DefaultKey == "":
				err = fmt.Errorf("%s needs a key: name one, or give kms a default_key", h.Encryption[i].Default)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("encryption of %q: %w", h.Encryption[i].Buckets, err)
		}
		rules[i] = rule
	}
	return rules, nil
}
