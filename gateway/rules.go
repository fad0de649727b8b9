package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Rule says how objects of some buckets are encrypted.
type Rule struct {
	// Buckets are the patterns (path.Match syntax) of the buckets.
	Buckets []string

	// Default is the mode of objects for which neither the request nor the
	// bucket's own encryption configuration names one: metadata.SSES3, SSEKMS
	// or DSSEKMS. Zero stands for SSE-S3.
	Default metadata.Mode

	// KMSKey is the name of the key that goes with Default, empty for
	// KMS.DefaultKey.
	KMSKey string

	// BucketKey says whether Default uses bucket keys (SSE-KMS only).
	BucketKey bool

	// Require are the modes that objects may be written with, whatever the
	// request or the bucket's configuration says. Empty means all.
	Require []metadata.Mode

	// BlockSSEC says whether writing with SSE-C is refused unless the
	// bucket's own configuration allows it.
	BlockSSEC bool
}

// check reports what cannot work.
func (r *Rule) check() error {
	if len(r.Buckets) == 0 {
		return errors.New("a rule without buckets")
	}
	if err := CheckPatterns(r.Buckets); err != nil {
		return err
	}
	switch r.Default {
	case 0, metadata.SSES3:
		if r.KMSKey != "" {
			return errors.New("a rule with a KMS key for objects that are encrypted without one")
		}
	case metadata.SSEKMS, metadata.DSSEKMS:
	case metadata.SSEC:
		fallthrough
	default:
		return fmt.Errorf("objects cannot be encrypted with %s by default", r.Default)
	}
	if r.BucketKey && r.Default != metadata.SSEKMS {
		return errors.New("bucket keys are for SSE-KMS only")
	}
	if d := max(r.Default, metadata.SSES3); len(r.Require) > 0 && !slices.Contains(r.Require, d) {
		return fmt.Errorf("a rule that requires other modes than its own default, %s", d)
	}
	return nil
}

// admit checks that objects may be written with the mode.
func (r *Rule) admit(mode metadata.Mode) error {
	if len(r.Require) > 0 && !slices.Contains(r.Require, mode) {
		return s3api.ErrAccessDenied.WithMessage("Objects of this bucket must not be encrypted with %s.", mode)
	}
	return nil
}

// rule returns the configuration's rule for the bucket, or an empty one.
func (g *Gateway) rule(bucket string) *Rule {
	for i := range g.cfg.Rules {
		if r := &g.cfg.Rules[i]; matchAny(r.Buckets, bucket) {
			return r
		}
	}
	return new(Rule)
}
