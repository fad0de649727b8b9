package rotation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// The system bucket holds sealed records of the gateway. Each names, in the
// clear, the master key that it is sealed under (FORMAT.md, "Records in the
// system bucket").
const (
	uploadsPrefix = "uploads/"
	uploadRecord  = "/upload"
	recordMagic   = "S3SR\x01"
)

// uploads counts the uploads in parts that are in progress, by master key.
func uploads(ctx context.Context, o *Options) (map[string]int64, error) {
	out := make(map[string]int64)
	if o.SystemBucket == "" {
		return out, nil
	}
	for e, err := range o.Store.Versions(ctx, o.SystemBucket, uploadsPrefix, "") {
		if errors.Is(err, s3api.ErrNoSuchBucket) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if !e.Latest || e.DeleteMarker || !strings.HasSuffix(e.Key, uploadRecord) {
			continue
		}
		id, err := recordKey(ctx, o.Store, Name{Bucket: o.SystemBucket, Key: e.Key}, e.ETag)
		if gone(err) || replaced(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the state of an upload: %w", err)
		}
		out[id]++
	}
	return out, nil
}

// settingsKey returns the id of the master key of the bucket settings, "" if
// there are none.
func settingsKey(ctx context.Context, o *Options) (string, error) {
	if o.SystemBucket == "" {
		return "", nil
	}
	n := Name{Bucket: o.SystemBucket, Key: gateway.SettingsRecord}
	at, err := o.Store.Head(ctx, n)
	if err == nil {
		var id string
		if id, err = recordKey(ctx, o.Store, n, at.ETag); err == nil {
			return id, nil
		}
	}
	if gone(err) {
		return "", nil
	}
	return "", fmt.Errorf("reading the bucket settings: %w", err)
}

// recordKey returns the id of the master key of a record.
func recordKey(ctx context.Context, s Store, n Name, etag string) (string, error) {
	const longest = len(recordMagic) + 1 + 64
	body, err := s.Get(ctx, n, etag, 0, int64(longest))
	if err != nil {
		return "", err
	}
	defer body.Close() //nolint:errcheck // read only
	head, err := io.ReadAll(io.LimitReader(body, int64(longest)))
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(string(head), recordMagic)
	if !ok || len(rest) == 0 || len(rest) <= int(rest[0]) {
		return unreadable, nil
	}
	return rest[1 : 1+rest[0]], nil
}
