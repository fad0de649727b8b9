package vaultkeys

import "github.com/caddy-s3-sse/caddy-s3-sse/kms"

var _ kms.Versioner = (*Transit)(nil)

// WrappedVersion implements kms.Versioner: Transit writes the version of the
// key in front of what it encrypts.
func (t *Transit) WrappedVersion(wrapped []byte) (version int, ok bool) {
	_, version, err := parseWrapped(string(wrapped))
	return version, err == nil
}
