package caddymodule

import "github.com/caddy-s3-sse/caddy-s3-sse/kms"

var _ kms.Versioner = (*VaultKeys)(nil)

// WrappedVersion implements kms.Versioner.
func (v *VaultKeys) WrappedVersion(wrapped []byte) (version int, ok bool) {
	if of, is := v.Provider.(kms.Versioner); is {
		return of.WrappedVersion(wrapped)
	}
	return 0, false
}
