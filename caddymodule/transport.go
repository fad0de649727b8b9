package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-s3-sse/caddy-s3-sse/transport"
)

// Defaults of the direct transport. Stores are few and close, and requests
// many: connections are kept for as many as run at a time. Buffers hold the
// whole of a small request or answer; what is larger goes past them.
const (
	defaultBufferSize   = 8 << 10
	defaultIdlePerHost  = 128
	defaultHTTPVersions = "1.1"
)

// directTransport returns the transport to the store at u.
func (h *Handler) directTransport(ctx caddy.Context, x expander, u *url.URL) (http.RoundTripper, error) {
	if h.Transport == nil {
		h.Transport = new(reverseproxy.HTTPTransport)
	}
	t := h.Transport
	switch {
	case t.TLS != nil && u.Scheme != "https":
		return nil, errors.New("transport: TLS options need an upstream that begins with https://")
	case t.Compression != nil && *t.Compression:
		return nil, errors.New("transport: compression cannot be used, since the store must return objects as they are")
	case t.ProxyProtocol != "":
		return nil, errors.New("transport: PROXY protocol is not supported, since connections to the store are shared by clients")
	case slices.Contains(t.Versions, "3"):
		return nil, errors.New("transport: HTTP/3 to the store is not supported")
	}
	t.Compression = new(bool)
	if u.Scheme == "https" && t.TLS == nil {
		t.TLS = new(reverseproxy.TLSConfig)
	}
	if t.TLS != nil {
		// Left to the transport, a placeholder would be expanded for every
		// connection from the request that happens to open it.
		name, err := x.text("transport: tls server_name", t.TLS.ServerName)
		if err != nil {
			return nil, err
		}
		t.TLS.ServerName = name
	}
	if t.KeepAlive == nil {
		t.KeepAlive = new(reverseproxy.KeepAlive)
	}
	if t.KeepAlive.MaxIdleConnsPerHost == 0 {
		t.KeepAlive.MaxIdleConnsPerHost = defaultIdlePerHost
	}
	if t.ReadBufferSize == 0 {
		t.ReadBufferSize = defaultBufferSize
	}
	if t.WriteBufferSize == 0 {
		t.WriteBufferSize = defaultBufferSize
	}
	if len(t.Versions) == 0 {
		t.Versions = []string{defaultHTTPVersions}
	}
	configured := len(t.NetworkProxyRaw) > 0 || t.ForwardProxyURL != ""
	if err := t.Provision(ctx); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if configured {
		t.Transport.Proxy = withoutVars(t.Transport.Proxy)
	} else {
		t.Transport.Proxy = http.ProxyFromEnvironment
	}
	h.direct = transport.New(t.Transport, u)
	return h.direct, nil
}

// withoutVars keeps a forward proxy that Caddy chose from being noted in the
// variables of the request: requests to the store that are made for the same
// client request share them, and they must not be written concurrently.
func withoutVars(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		return proxy(&http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: r.Header})
	}
}
