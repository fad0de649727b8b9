// Package caddymodule makes the gateway a Caddy HTTP handler: the module
// http.handlers.s3_sse, the Caddyfile directive s3_sse, and the command
// caddy s3-sse.
//
// It knows Caddy and nothing of S3: it turns configuration into a
// [gateway.Config], hands requests over with what Caddy took from them on the
// way, and reports what became of them in logs and metrics.
//
// The store is reached in one of two ways. With an upstream, the handler is
// the last of its route and uses Caddy's HTTP transport itself. Without one,
// requests to the store go down the rest of the route, to the site's
// reverse_proxy, which chooses the upstream and checks its health.
//
// # Key management services
//
// The keys of SSE-KMS and DSSE-KMS come from a guest module of the namespace
// http.handlers.s3_sse.keys, of which this package has one, [VaultKeys]. Others
// can be added: a guest module is a Caddy module whose value implements
// [kms.Provider], and [caddyfile.Unmarshaler] to be used in a Caddyfile. The
// example shows one. Package kmstest has the tests that every provider must
// pass. What a provider need not do itself, because kms.Service does it for
// all: bucket keys, remembering keys, sharing calls, auditing, timeouts.
//
// A guest module must not contact its service in Provision: a config must be
// loaded while the service is down. Calls of its methods may still come after
// Cleanup, from requests that began before; they should work for about a minute.
package caddymodule
