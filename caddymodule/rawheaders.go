package caddymodule

import (
	"context"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// metaPrefix begins the names of S3 user metadata headers, as net/http spells
// them.
const metaPrefix = "X-Amz-Meta-"

// keptKey is the context key of the headers that metadataKeeper kept.
type keptKey struct{}

// metadataKeeper is an HTTP server's handler that keeps S3 user metadata out
// of reach of the server's header filter. Caddy removes every header whose
// name contains '_' or '.' before any handler runs, to protect CGI-like
// backends. Such names are legal and in use in S3, and they are part of what
// clients sign.
//
// The kept headers wait in the context of the request. Only this package's
// handler takes them out, so that nothing changes for other handlers.
type metadataKeeper struct {
	next http.Handler
}

func (k metadataKeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	var kept http.Header
	for name, values := range r.Header {
		if strings.HasPrefix(name, metaPrefix) && strings.ContainsAny(name, "_.") {
			if kept == nil {
				kept = make(http.Header)
			}
			kept[name] = values
		}
	}
	if kept != nil {
		ctx = context.WithValue(ctx, keptKey{}, kept)
	}
	// Caddy wraps the body of the request that it is given. The net/http server
	// has to find its own in there when it finishes a request whose body has
	// not been read to the end: otherwise it resets the connection, and a
	// client that is refused an upload may never see why. So Caddy gets a copy.
	r = r.WithContext(ctx)
	k.next.ServeHTTP(w, r)
}

// keepMetadata puts a metadataKeeper in front of srv once it has started. The
// http.Server behind it can first be got hold of when a connection arrives,
// before anything is read from it. HTTP/3 has no such moment.
func keepMetadata(srv *caddyhttp.Server) {
	var once sync.Once
	srv.RegisterConnContext(func(ctx context.Context, _ net.Conn) context.Context {
		once.Do(func() {
			server, ok := ctx.Value(http.ServerContextKey).(*http.Server)
			if !ok {
				return
			}
			// Each handler of a server comes here, one after the other.
			if _, done := server.Handler.(metadataKeeper); !done {
				server.Handler = metadataKeeper{server.Handler}
			}
		})
		return ctx
	})
}

// restoreMetadata puts back what the server's filter removed from r.
func restoreMetadata(r *http.Request) {
	kept, _ := r.Context().Value(keptKey{}).(http.Header)
	maps.Copy(r.Header, kept)
}

var _ http.Handler = metadataKeeper{}
