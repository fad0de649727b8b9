package gateway

import (
	"encoding/json"
	"fmt"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
)

// SettingsRecord is the object of the system bucket with the encryption
// configuration of buckets.
const SettingsRecord = settingsRecord

// BucketDefault is how objects of a bucket are encrypted for which nothing
// else is said.
type BucketDefault struct {
	Mode      metadata.Mode // zero: as the configuration of the gateway says
	KMSKey    string        // as the client named it, empty for the default key
	BucketKey bool
}

// OpenSettings returns the encryption configuration of buckets from the content
// of SettingsRecord. An error for one that is not authentic wraps
// encryptor.ErrNotAuthentic.
func OpenSettings(keys MasterKeys, record []byte) (map[string]BucketDefault, error) {
	data, _, err := openRecord(keys, settingsRecord, record)
	if err != nil {
		return nil, err
	}
	var s settings
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("bucket settings: %w", err)
	}
	out := make(map[string]BucketDefault, len(s.Buckets))
	for name, b := range s.Buckets {
		out[name] = BucketDefault{b.Mode, b.KMSKey, b.BucketKey}
	}
	return out, nil
}
