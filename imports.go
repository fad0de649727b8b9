// Package caddys3sse adds the s3_sse handler to a Caddy that imports it: it is
// the package to name in `xcaddy build --with`. The handler itself, and its
// documentation, are in package caddymodule.
package caddys3sse

import _ "github.com/caddy-s3-sse/caddy-s3-sse/caddymodule" // registers the handler
