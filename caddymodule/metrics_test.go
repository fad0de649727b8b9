package caddymodule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
)

// TestMetricsSurviveReloads runs two handlers in one config through reloads.
func TestMetricsSurviveReloads(t *testing.T) {
	secretEnv(t)
	store := newFakeStore(t)
	collectors.requests.Reset()
	site := "http://:8080 {\nhandle /one/* {\n" + directive("upstream "+store.URL) + "}\nhandle {\n" + directive("upstream "+store.URL) + "}\n}\n"
	js := siteJSON(t, "", site)
	for range 3 {
		base := "http://" + load(t, js)
		mustDo(t, http.DefaultClient, http.MethodPut, base+"/one/key", "data", nil)
		mustDo(t, http.DefaultClient, http.MethodGet, base+"/one/key", "", nil)
		mustDo(t, http.DefaultClient, http.MethodPut, base+"/two/key", "data", nil)
		do(t, http.DefaultClient, http.MethodGet, base+"/two/missing", "", nil)
		do(t, http.DefaultClient, http.MethodPatch, base+"/two/key", "", nil)
	}
	want := `
# HELP caddy_s3_sse_requests_total S3 requests by operation, HTTP status (0: none was sent) and encryption of the object.
# TYPE caddy_s3_sse_requests_total counter
caddy_s3_sse_requests_total{code="200",operation="GetObject",sse="SSE-S3"} 3
caddy_s3_sse_requests_total{code="200",operation="PutObject",sse="SSE-S3"} 6
caddy_s3_sse_requests_total{code="404",operation="GetObject",sse="none"} 3
caddy_s3_sse_requests_total{code="405",operation="unknown",sse="none"} 3
`
	ctx := caddy.ActiveContext()
	err := testutil.GatherAndCompare(ctx.GetMetricsRegistry(), strings.NewReader(want), "caddy_s3_sse_requests_total")
	if err != nil {
		t.Error(err)
	}
}

func TestMetricsLabels(t *testing.T) {
	m := collectors
	m.requests.Reset()
	m.duration.Reset()
	m.aborted.Reset()
	m.tampered.Reset()
	m.restored.Reset()
	for _, out := range []gateway.Outcome{
		{},
		{Operation: "GetObject", Status: 200, Mode: "SSE-S3", Aborted: true, Tampered: true, BodyEnvelope: true},
		{Operation: "made up by a client", Status: 7, Mode: "made up, too"},
		{Operation: "another", Status: 1000},
	} {
		m.observe(&out, time.Millisecond)
	}
	if n := testutil.CollectAndCount(m.requests); n != 2 {
		t.Errorf("%d series, want 2", n)
	}
	if n := testutil.CollectAndCount(m.duration); n != 2 {
		t.Errorf("%d histograms, want 2", n)
	}
	for _, c := range []struct {
		name string
		got  float64
	}{
		{"aborted", testutil.ToFloat64(m.aborted.WithLabelValues("GetObject"))},
		{"body envelope", testutil.ToFloat64(m.restored.WithLabelValues("GetObject"))},
		{"tampered", testutil.ToFloat64(m.tampered.WithLabelValues("GetObject"))},
		{"unknown", testutil.ToFloat64(m.requests.WithLabelValues("unknown", "0", "none")) - 2},
	} {
		if c.got != 1 {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.tampered, m.aborted, m.restored, m.keyUses} {
		problems, err := testutil.CollectAndLint(c)
		if err != nil || len(problems) != 0 {
			t.Error(problems, err)
		}
	}
}
