package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

// ServeHTTP implements caddyhttp.MiddlewareHandler. The gateway writes every
// answer, errors included. When it panics with http.ErrAbortHandler, because a
// response that has begun must not look complete, the panic goes on to the
// server.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	var out gateway.Outcome
	start := time.Now()
	defer func() {
		h.metrics.observe(&out, time.Since(start))
		logOutcome(r, &out)
	}()

	defer h.keys.use()()
	restoreMetadata(r)
	in := gateway.Inbound{Target: originalTarget(r), Secure: secure(r), Outcome: &out}
	if h.Upstream == "" {
		in.Via = newNextTransport(next, r, h.logger)
	}
	h.gateway.Serve(w, r, in)
	return nil
}

// originalTarget returns path and query of the request as they were on the
// wire, which is what clients sign, whatever rewrites came before.
func originalTarget(r *http.Request) string {
	target := r.RequestURI
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		target = original.RequestURI
	}
	// The absolute form (RFC 9112, section 3.2.2) carries the host as well.
	for _, scheme := range []string{"http://", "https://"} {
		if len(target) >= len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			rest := target[len(scheme):]
			i := strings.IndexAny(rest, "/?")
			switch {
			case i < 0:
				return "/"
			case rest[i] == '?':
				return "/" + rest[i:]
			default:
				return rest[i:]
			}
		}
	}
	return target
}

// secure reports whether the client speaks TLS: to this server, or to a proxy
// that the server is configured to trust and that says so.
func secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if trusted, ok := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); !ok || !trusted {
		return false
	}
	// With several proxies, each way from one to the next must be TLS.
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
	return !slices.ContainsFunc(said, func(proto string) bool {
		return !strings.EqualFold(strings.TrimSpace(proto), "https")
	})
}

// logOutcome adds what became of the request to its access log entry.
func logOutcome(r *http.Request, out *gateway.Outcome) {
	if out.AccessKey != "" {
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			repl.Set("http.auth.user.id", out.AccessKey)
		}
	}
	extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	if !ok {
		return
	}
	for _, field := range []struct{ name, value string }{
		{"s3_operation", out.Operation},
		{"s3_bucket", out.Bucket},
		{"s3_access_key", out.AccessKey},
		{"s3_sse", out.Mode},
		{"s3_error", out.ErrorCode},
	} {
		if field.value != "" {
			extra.Add(zap.String(field.name, field.value))
		}
	}
}

var _ caddyhttp.MiddlewareHandler = (*Handler)(nil)
