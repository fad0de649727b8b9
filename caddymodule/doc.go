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
package caddymodule
