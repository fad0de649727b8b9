package caddymodule

import (
	"context"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-s3-sse/caddy-s3-sse/rotation"
)

func rewrapCommand() *cobra.Command {
	return jobCommand(&cobra.Command{
		Use:   "rewrap [--config <file>] [--bucket <pattern>]... [--prefix <prefix>] [--dry-run]",
		Short: "Moves objects to the active master key and the latest versions of KMS keys",
		Long: `
Moves all objects in the store to the active master key (SSE-S3, DSSE-KMS) and
to the latest versions of their KMS keys (SSE-KMS, DSSE-KMS), so that the old
ones are not needed any more. The data keys of the objects stay, and so do
their data, as they are stored; where the store must, it writes them again.
Objects of SSE-C are under keys of the clients, and stay.

The command works with the store itself. It finds the store, the account and
the keys in the config of the server, which may go on serving, with the new
key as its active one. The KMS must let it rewrap keys and describe them.

Objects keep their ETag and time where the store allows it, their metadata,
tags and locks in any case. With MinIO, all versions are moved, and stay the
versions that they are. Elsewhere a copy onto itself is a new version, and old
ones remain as they are.

The exit status is 0 if every object is under the present keys, 4 if all was
done that could be but objects remain, and 1 after a failure. See
docs/rotation.md.`,
		Example: `  $ caddy s3-sse rewrap --config /etc/caddy/Caddyfile --dry-run
  $ caddy s3-sse rewrap --config /etc/caddy/Caddyfile --state /var/lib/caddy/rewrap.json --rate 200/s
  $ caddy s3-sse rewrap --bucket "photos-*" --prefix 2025/ --yes`,
	}, job{
		what: "moved to the present keys",
		run: func(ctx context.Context, _ caddycmd.Flags, _ *storeAccess, o rotation.Options) (*rotation.Report, error) {
			return rotation.Rewrap(ctx, o)
		},
	})
}
