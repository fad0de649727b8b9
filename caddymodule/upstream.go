package caddymodule

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

// UpstreamCredentials is an account at the store.
type UpstreamCredentials struct {
	// The access key. Accepts placeholders. Required.
	AccessKey string `json:"access_key,omitempty"`

	// The secret key. Accepts placeholders. Required.
	SecretKey string `json:"secret_key,omitempty"`
}

// upstream says how requests get to the store.
func (h *Handler) upstream(ctx caddy.Context, x expander) (gateway.Upstream, error) {
	u := gateway.Upstream{Identity: h.UpstreamIdentity, Integrity: h.UpstreamIntegrity}
	var err error
	if u.Region, err = x.text("upstream_region", h.UpstreamRegion); err != nil {
		return u, err
	}
	if c := h.UpstreamCredentials; c != nil {
		if u.Credential, err = x.credential("upstream_credentials", c.AccessKey, c.SecretKey); err != nil {
			return u, err
		}
	}
	switch {
	case h.Upstream != "" && h.StoreHost != "":
		return u, errors.New("upstream and store_host exclude each other: the store is reached either directly or through reverse_proxy")
	case h.Upstream != "":
		if u.Endpoint, err = x.url("upstream", h.Upstream); err != nil {
			return u, err
		}
		u.Transport, err = h.directTransport(ctx, x, u.Endpoint)
		return u, err
	case h.StoreHost != "":
		if h.Transport != nil {
			return u, errors.New("transport is for upstream: without one, the transport is that of reverse_proxy")
		}
		host, err := x.text("store_host", h.StoreHost)
		if err != nil {
			return u, err
		}
		u.Endpoint = &url.URL{Scheme: "http", Host: host}
		if parsed, err := url.Parse(u.Endpoint.String()); err != nil || parsed.Host != host {
			return u, fmt.Errorf("store_host: %q is not a host with an optional port", host)
		}
		return u, nil
	default:
		return u, errors.New("the store is missing: set upstream to its URL, or store_host to the name that it has for the reverse_proxy that follows")
	}
}
