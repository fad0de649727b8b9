package caddymodule

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// TestVirtualHosts reaches one object by the host and by the path.
func TestVirtualHosts(t *testing.T) {
	secretEnv(t)
	store := newFakeStore(t)
	t.Setenv("TEST_DOMAIN", "s3.test")
	addr := load(t, siteJSON(t, "", "http://s3.test:8080, http://*.s3.test:8080 {\n"+
		directive("upstream "+store.URL, "virtual_hosts {env.TEST_DOMAIN}")+"}\n"))
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	mustDo(t, client, http.MethodPut, "http://bucket.s3.test/a%20key", "content", nil)
	if o := store.object(t, "/bucket/a key"); o.file == "" {
		t.Error("not stored")
	}
	for _, url := range []string{"http://bucket.s3.test/a%20key", "http://s3.test/bucket/a%20key"} {
		if _, got := mustDo(t, client, http.MethodGet, url, "", nil); got != "content" {
			t.Errorf("%s: %q", url, got)
		}
	}
}
