package metadata

import (
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// invalid returns the error for a header with a value it cannot have.
func invalid(header, message string) *s3api.Error {
	return s3api.ErrInvalidArgument.WithMessage("%s", message).With("ArgumentName", lower(header))
}

// invalidSSE returns the error for server-side-encryption headers that do not
// make sense together or alone.
func invalidSSE(message string) *s3api.Error {
	return invalid(argumentSSE, message)
}

// lower returns the name of a header as S3 writes it.
func lower(header string) string { return strings.ToLower(header) }
