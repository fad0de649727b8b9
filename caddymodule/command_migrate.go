package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const flagVersions = "versions"

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate [--config <file>] [--bucket <pattern>]... [--prefix <prefix>] [--dry-run]",
		Short: "Encrypts the objects that are in the store already",
		Long: `
Encrypts the objects in the store that are not encrypted, in place: as the
bucket's own encryption configuration says (PutBucketEncryption), else as the
rules in the config say, otherwise with SSE-S3. Objects that are encrypted
stay as they are.

The command works with the store itself. It finds the store, the account and
the keys in the config of the server, which may go on serving. An object is
replaced only if it is still the one that was encrypted. Until all of a bucket
is encrypted, clients need plaintext_reads to read the rest.

Objects keep their metadata, tags and locks, and where the store allows it
their time. With MinIO, versions are replaced in place: the current ones, and
with --versions the old ones too. Elsewhere the encrypted object is a new version,
and the old ones stay unencrypted: delete them when you can. No store erases
replaced data at once, and backups have them, too.

The exit status is 0 if every object is encrypted, 4 if all was done that could
be but objects remain, and 1 after a failure. See docs/rotation.md.`,
		Example: `  $ caddy s3-sse migrate --config /etc/caddy/Caddyfile --bucket photos --dry-run
  $ caddy s3-sse migrate --config /etc/caddy/Caddyfile --bucket photos --state /var/lib/caddy/photos.json`,
	}
	cmd.Flags().Bool(flagVersions, false, "Encrypt old versions too, where the store can replace them")
	return jobCommand(cmd, job{
		what: "encrypted if they are not",
		run: func(ctx context.Context, fl caddycmd.Flags, a *storeAccess, o rotation.Options) (*rotation.Report, error) {
			settings, err := a.settings(ctx)
			if err != nil {
				return nil, err
			}
			return rotation.Migrate(ctx, rotation.MigrateOptions{
				Options:     o,
				Target:      func(bucket string) (rotation.Target, error) { return a.target(settings[bucket], bucket) },
				Versions:    fl.Bool(flagVersions),
				OpaqueETags: a.handler.ETag == gateway.ETagOpaque,
			})
		},
	})
}

// settings returns the encryption configurations of buckets, which gateways
// keep in the system bucket.
func (a *storeAccess) settings(ctx context.Context) (map[string]gateway.BucketDefault, error) {
	n := rotation.Name{Bucket: a.system, Key: gateway.SettingsRecord}
	o, err := a.store.Head(ctx, n)
	if errors.Is(err, s3api.ErrNoSuchKey) || errors.Is(err, s3api.ErrNoSuchBucket) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the encryption configuration of buckets: %w", err)
	}
	body, err := a.store.Get(ctx, n, o.ETag, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the encryption configuration of buckets: %w", err)
	}
	defer body.Close() //nolint:errcheck // read only
	record, err := io.ReadAll(io.LimitReader(body, maxSecretFileSize))
	if err != nil {
		return nil, fmt.Errorf("reading the encryption configuration of buckets: %w", err)
	}
	return gateway.OpenSettings(a.keys, record)
}

// target returns how the objects of a bucket are encrypted by default: own is
// the bucket's own configuration.
func (a *storeAccess) target(own gateway.BucketDefault, bucket string) (rotation.Target, error) {
	var rule gateway.Rule
	for _, r := range a.rules {
		if slices.ContainsFunc(r.Buckets, func(p string) bool { ok, err := path.Match(p, bucket); return ok && err == nil }) {
			rule = r
			break
		}
	}
	t := rotation.Target{Mode: max(rule.Default, metadata.SSES3), KMSKey: rule.KMSKey, BucketKey: rule.BucketKey}
	if own.Mode != 0 {
		t = rotation.Target{Mode: own.Mode, KMSKey: own.KMSKey, BucketKey: own.BucketKey}
	}
	t.BucketKey = t.BucketKey && t.Mode == metadata.SSEKMS
	if len(rule.Require) > 0 && !slices.Contains(rule.Require, t.Mode) {
		return t, fmt.Errorf("the config forbids %s, which the bucket asks for", t.Mode)
	}
	if t.Mode == metadata.SSES3 {
		t.KMSKey = ""
		return t, nil
	}
	if a.kms.Service == nil {
		return t, fmt.Errorf("%s needs a key management service, which the config has not", t.Mode)
	}
	var err error
	switch {
	case t.KMSKey != "":
		t.KMSKey, err = a.kms.KeyIDs.Parse(t.KMSKey)
	case a.kms.DefaultKey != "":
		t.KMSKey = a.kms.DefaultKey
	default:
		err = fmt.Errorf("%s needs a key, and the config has no default_key", t.Mode)
	}
	return t, err
}
