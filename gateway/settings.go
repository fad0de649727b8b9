package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// settingsRecord is the record with the encryption configuration of all
// buckets. One for all, so that nobody can take one bucket's away, or put an
// old one back, without doing so to all of them.
const settingsRecord = "settings/encryption"

// settingsAge is how long what was read of the settings is used, and so how
// long it takes at most until a change made by one instance is in force at all.
const settingsAge = 3 * time.Second

// bucketSettings is the encryption configuration of one bucket, as
// PutBucketEncryption set it.
type bucketSettings struct {
	Mode      metadata.Mode `json:"mode,omitempty"`    // zero: the configuration's rule
	KMSKey    string        `json:"kms_key,omitempty"` // as the client wrote it
	BucketKey bool          `json:"bucket_key,omitempty"`
	BlockSSEC *bool         `json:"block_sse_c,omitempty"` // nil: the configuration's rule
}

// settings are the encryption configurations of all buckets.
type settings struct {
	// Generation counts the changes. It never goes back.
	Generation uint64                    `json:"generation"`
	Buckets    map[string]bucketSettings `json:"buckets"`
}

// settingsCache remembers the settings for a moment. It is safe for
// concurrent use.
type settingsCache struct {
	group singleflight.Group

	mu      sync.Mutex
	current *settings
	etag    string // the store's, of the record; "" if there is none
	read    time.Time
}

// maxSettings is the most that the settings take, in bytes, so that there is
// room for their seal and they can be read again: without them nobody writes
// anything, in no bucket.
const maxSettings = maxRecord - 1<<10

var errSettingsFull = s3api.ErrInvalidRequest.WithMessage("There is no room for the encryption configuration of another bucket.")

var errSettingsRollback = fmt.Errorf("the bucket settings in the store are older than those seen before, or gone: %w", encryptor.ErrNotAuthentic)

// errSettingsTampered is what clients get whose writes depend on such settings.
var errSettingsTampered = errTampered.WithMessage(
	"The encryption configuration of buckets in the store was altered, replaced by an older one or deleted. Nothing is written.")

// settingsError is the error for settings that could not be read.
func settingsError(err error) error {
	err = fmt.Errorf("reading the bucket settings: %w", err)
	if errors.Is(err, encryptor.ErrNotAuthentic) {
		return &causedError{errSettingsTampered, err}
	}
	return err
}

func (s *settingsCache) get(now time.Time) (*settings, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.read)
	return s.current, s.current != nil && age >= 0 && age < settingsAge
}

// put remembers what was read, of which began is when the reading began, and
// returns the newest settings that are known. That the store went back in time
// is an error. Who began to read before what is known was read is only late.
func (s *settingsCache) put(next *settings, etag string, began time.Time) (*settings, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || next.Generation >= s.current.Generation {
		s.current, s.etag, s.read = next, etag, began
	} else if began.After(s.read) {
		return nil, "", errSettingsRollback
	}
	return s.current, s.etag, nil
}

// settings returns the encryption configurations of all buckets, at most
// settingsAge old. It fails if they cannot be had or are not authentic: no
// object is written with a weaker encryption because of that.
func (c *call) settings(ctx context.Context) (*settings, error) {
	s := &c.g.settings
	if have, fresh := s.get(c.g.cfg.Now()); fresh {
		return have, nil
	}
	if c.g.cfg.Upstream.Credential.AccessKey == "" {
		return new(settings), nil
	}
	v, err, _ := s.group.Do("", func() (any, error) {
		// Others wait for this, too: it must not end with one client's request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settingsTimeout)
		defer cancel()
		next, _, err := c.readSettings(ctx)
		return next, err
	})
	if err != nil {
		return nil, settingsError(err)
	}
	return v.(*settings), nil
}

const settingsTimeout = 30 * time.Second

// readSettings reads the settings from the store and remembers them.
func (c *call) readSettings(ctx context.Context) (*settings, string, error) {
	began := c.g.cfg.Now()
	rec, err := c.getRecord(ctx, settingsRecord)
	next := new(settings)
	switch {
	case errors.Is(err, errNoRecord):
	case err != nil:
		return nil, "", err
	default:
		if err := json.Unmarshal(rec.data, next); err != nil {
			return nil, "", err
		}
	}
	next, etag, err := c.g.settings.put(next, rec.etag, began)
	if err != nil {
		return nil, "", err
	}
	c.resealSettings(ctx, rec)
	return next, etag, nil
}

// resealSettings moves the settings to the active master key, so that the one
// they were sealed under can be removed. That it fails does no harm: somebody
// else has changed them, or the next reader tries again.
func (c *call) resealSettings(ctx context.Context, rec record) {
	if rec.etag == "" || rec.key == c.g.cfg.Keys.Active() {
		return
	}
	if err := c.putRecord(ctx, settingsRecord, rec.data, recordCondition(rec.etag)); err != nil && !errors.Is(err, errRecordChanged) {
		c.logFailure("sealing the bucket settings under the active key", err)
	}
}

// changeSettings applies change to the settings of the bucket, by which nil
// stands for none, and stores them. Changes that other instances make at the
// same time are not lost. still, if it is not nil, says whether the settings that
// were just read are still to be changed.
func (c *call) changeSettings(ctx context.Context, bucket string, change *bucketSettings, still func() (bool, error)) error {
	const attempts = 10
	for range attempts {
		have, etag, err := c.readSettings(ctx)
		if err != nil {
			return settingsError(err)
		}
		if _, ok := have.Buckets[bucket]; !ok && change == nil {
			return nil
		}
		if still != nil {
			if ok, err := still(); err != nil || !ok {
				return err
			}
		}
		next := &settings{Generation: have.Generation + 1, Buckets: maps.Clone(have.Buckets)}
		if change == nil {
			delete(next.Buckets, bucket)
		} else {
			if next.Buckets == nil {
				next.Buckets = make(map[string]bucketSettings)
			}
			next.Buckets[bucket] = *change
		}
		doc, err := json.Marshal(next)
		if err != nil {
			return err
		}
		if change != nil && len(doc) > maxSettings {
			return errSettingsFull
		}
		cond := recordCondition(etag)
		if etag == "" {
			cond = newRecord
		}
		switch err := c.putRecord(ctx, settingsRecord, doc, cond); {
		case errors.Is(err, errRecordChanged):
		case err != nil:
			return err
		default:
			_, _, err := c.readSettings(ctx)
			return err
		}
	}
	return errRecordChanged
}
