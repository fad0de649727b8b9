package caddymodule

import (
	"math"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

func (h *Handler) unmarshalKeys(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	name := d.Val()
	id := "http.handlers.s3_sse.keys." + name
	provider, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return err
	}
	if _, ok := provider.(kms.Provider); !ok {
		return d.Errf("module %s (%T) is not a provider of keys", id, provider)
	}
	h.KeysRaw = caddyconfig.JSONModuleObject(provider, "provider", name, nil)
	return nil
}

func (h *Handler) unmarshalKMS(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	o := new(KMSOptions)
	h.KMS = o
	return block{
		once: map[string]parser{
			"default_key":     text(&o.DefaultKey),
			"key_id_format":   o.unmarshalKeyIDFormat,
			"cache_ttl":       durationOrOff(&o.CacheTTL),
			"cache_size":      number(&o.CacheSize, math.MaxInt32),
			"bucket_key_ttl":  duration(&o.BucketKeyTTL),
			"bucket_key_uses": number(&o.BucketKeyUses, kms.MaxBucketKeyUses),
			"timeout":         duration(&o.Timeout),
		},
		many: map[string]parser{"alias": o.unmarshalAlias},
	}.unmarshal(d, "kms")
}

func (o *KMSOptions) unmarshalAlias(d *caddyfile.Dispenser) error {
	var alias, key string
	if !d.AllArgs(&alias, &key) {
		return d.ArgErr()
	}
	if _, taken := o.Aliases[alias]; taken {
		return d.Errf("alias %s already specified", alias)
	}
	if o.Aliases == nil {
		o.Aliases = make(map[string]string)
	}
	o.Aliases[alias] = key
	return nil
}

func (o *KMSOptions) unmarshalKeyIDFormat(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case len(args) == 1 && args[0] == keyIDFormatName:
	case len(args) == 1 && args[0] == keyIDFormatARN:
	case len(args) == 3 && args[0] == keyIDFormatARN:
		o.ARNRegion, o.ARNAccount = args[1], args[2]
	default:
		return d.Err("key_id_format: want name, or arn with a region and an account or without")
	}
	o.KeyIDFormat = args[0]
	return nil
}

func (h *Handler) unmarshalEncryption(d *caddyfile.Dispenser) error {
	var r EncryptionRule
	var err error
	if r.Buckets, err = unmarshalPatterns(d); err != nil {
		return err
	}
	if err := (block{once: map[string]parser{
		"default":     r.unmarshalDefault,
		"bucket_key":  toggle(&r.BucketKey),
		"require":     r.unmarshalRequire,
		"block_sse_c": toggle(&r.BlockSSEC),
	}}).unmarshal(d, "encryption"); err != nil {
		return err
	}
	h.Encryption = append(h.Encryption, r)
	return nil
}

func (r *EncryptionRule) unmarshalDefault(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return d.ArgErr()
	}
	mode, err := parseMode(args[0])
	switch {
	case err != nil:
		return d.Errf("default: %v", err)
	case mode == metadata.SSEC:
		return d.Errf("default: %s needs a key from the client, so that it cannot be the default", args[0])
	case len(args) == 2 && mode == metadata.SSES3:
		return d.Errf("default: %s takes no key", args[0])
	case len(args) == 2:
		r.KMSKey = args[1]
	}
	r.Default = args[0]
	return nil
}

func (r *EncryptionRule) unmarshalRequire(d *caddyfile.Dispenser) error {
	r.Require = d.RemainingArgs()
	if len(r.Require) == 0 {
		return d.ArgErr()
	}
	for _, name := range r.Require {
		if _, err := parseMode(name); err != nil {
			return d.Errf("require: %v", err)
		}
	}
	return nil
}
