package rotation

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// cannotError is the error for an object that cannot be moved, as opposed to
// one with which something went wrong.
type cannotError struct{ error }

func cannot(format string, a ...any) error { return cannotError{fmt.Errorf(format, a...)} }

// outcome returns the outcome that an error is.
func outcome(err error) Outcome {
	if _, ok := errors.AsType[cannotError](err); ok {
		return Remaining
	}
	return Failed
}

// operation is what the audit log calls the job.
const operation = "Rewrap"

// judge knows which root keys are the ones to be under. It is safe for
// concurrent use.
type judge struct {
	*Options
	tally *tally

	mu   sync.Mutex
	keys map[string]*latest
}

// latest is the latest version of a KMS key.
type latest struct {
	once    sync.Once
	version int
	err     error
}

// verdict is what is wrong with an envelope.
type verdict struct {
	wrap  bool // the KMS key has a newer version
	local bool // the master key is not the active one
}

func (v verdict) current() bool { return !v.wrap && !v.local }

// root returns what protects an object with the envelope, nil for none.
func (j *judge) root(env *metadata.Envelope) Root {
	if env == nil {
		return Root{}
	}
	r := Root{Mode: env.Mode, Key: env.KeyID, Outer: env.OuterKeyID}
	if len(env.WrappedKEK) > 0 && j.KMS != nil {
		r.Version, _ = j.KMS.WrappedVersion(env.WrappedKEK)
	}
	return r
}

// judge says what has to be done about an envelope.
func (j *judge) judge(ctx context.Context, env *metadata.Envelope) (verdict, error) {
	if env == nil {
		return verdict{}, nil
	}
	switch env.Mode {
	case metadata.SSEC: // whose key is the client's
		return verdict{}, nil
	case metadata.SSES3:
		return verdict{local: env.KeyID != j.Keys.Active()}, nil
	case metadata.SSEKMS, metadata.DSSEKMS:
		if j.KMS == nil {
			return verdict{}, cannot("the config has no key management service")
		}
		wrap, err := j.old(ctx, env)
		return verdict{wrap: wrap, local: env.Mode == metadata.DSSEKMS && env.OuterKeyID != j.Keys.Active()}, err
	default:
		return verdict{}, fmt.Errorf("unknown encryption mode %v", env.Mode)
	}
}

// sameVersions refuses to go on with a job that has moved objects to versions of
// KMS keys that are not the latest ones any more. Keys that cannot be asked about
// fail with their objects.
func (j *judge) sameVersions(ctx context.Context, began map[string]int) error {
	for key, version := range began {
		if j.KMS == nil {
			break
		}
		info, err := j.KMS.Describe(ctx, kms.Use{Operation: operation}, key)
		if away(err) || ctx.Err() != nil {
			return err
		}
		if err == nil && info.LatestVersion != version {
			return fmt.Errorf("the file %s is the state of a run that moved objects to version %d of the KMS key %q, which has version %d by now; choose another, or remove it to begin anew",
				j.State, version, key, info.LatestVersion)
		}
	}
	return nil
}

// old reports whether the KMS key of an envelope has a newer version than the
// one that it uses. Where that is not known, it is taken to be so.
func (j *judge) old(ctx context.Context, env *metadata.Envelope) (bool, error) {
	v, ok := j.KMS.WrappedVersion(env.WrappedKEK)
	if !ok {
		return true, nil
	}
	j.mu.Lock()
	k := j.keys[env.KeyID]
	if k == nil {
		k = new(latest)
		j.keys[env.KeyID] = k
	}
	j.mu.Unlock()
	k.once.Do(func() {
		var info kms.KeyInfo
		info, k.err = j.KMS.Describe(ctx, kms.Use{Operation: operation}, env.KeyID)
		if k.version = info.LatestVersion; k.err == nil {
			j.tally.version(env.KeyID, k.version)
		}
	})
	return v < k.version, k.err
}
