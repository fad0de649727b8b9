// Command caddy is Caddy with the s3_sse handler built in.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-s3-sse/caddy-s3-sse" // the handler
)

func main() { caddycmd.Main() }
