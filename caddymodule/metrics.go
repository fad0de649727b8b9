package caddymodule

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-s3-sse/caddy-s3-sse/gateway"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// metrics are the collectors of this module. There is one set in the process:
// every config has a registry of its own, and the values survive reloads by
// being registered with each of them.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tampered *prometheus.CounterVec
	aborted  *prometheus.CounterVec
	restored *prometheus.CounterVec
	keyUses  *prometheus.CounterVec
}

var collectors = &metrics{
	requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "requests_total",
		Help:      "S3 requests by operation, HTTP status (0: none was sent) and encryption of the object.",
	}, []string{"operation", "code", "sse"}),
	duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "request_duration_seconds",
		Help:      "Time from the request header to the end of the response, by operation.",
		Buckets:   []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
	}, []string{"operation"}),
	tampered: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "tampered_total",
		Help:      "Requests for which the store returned something that is not authentic, by operation.",
	}, []string{"operation"}),
	aborted: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "aborted_total",
		Help:      "Requests whose connection was cut before the end of the response, by operation.",
	}, []string{"operation"}),
	restored: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "body_envelope_total",
		Help:      "Requests for which the object's metadata were another body's, so that the body's own envelope was used, by operation.",
	}, []string{"operation"}),
	keyUses: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy",
		Subsystem: "s3_sse",
		Name:      "kms_key_uses_total",
		Help:      "Uses of keys of the key management service by action and result: hit (remembered), miss (the service was asked) or an error.",
	}, []string{"action", "result"}),
}

// newMetrics registers the collectors with the registry of a config. Several
// handlers of a config share it.
func newMetrics(registry *prometheus.Registry) (*metrics, error) {
	for _, c := range []prometheus.Collector{collectors.requests, collectors.duration, collectors.tampered, collectors.aborted, collectors.restored, collectors.keyUses} {
		err := registry.Register(c)
		if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !ok {
			return nil, err
		}
	}
	return collectors, nil
}

// observe counts a request. Every label takes few values: nothing that a
// client chooses freely is among them.
func (m *metrics) observe(out *gateway.Outcome, took time.Duration) {
	operation := operationLabel(out.Operation)
	m.requests.WithLabelValues(operation, codeLabel(out.Status), sseLabel(out.Mode)).Inc()
	m.duration.WithLabelValues(operation).Observe(took.Seconds())
	if out.Tampered {
		m.tampered.WithLabelValues(operation).Inc()
	}
	if out.Aborted {
		m.aborted.WithLabelValues(operation).Inc()
	}
	if out.BodyEnvelope {
		m.restored.WithLabelValues(operation).Inc()
	}
}

// knownOperations are the names of the operations of the S3 API.
var knownOperations = func() map[string]bool {
	names := make(map[string]bool)
	for _, op := range s3api.Operations() {
		names[op.Name] = true
	}
	return names
}()

func operationLabel(name string) string {
	if knownOperations[name] {
		return name
	}
	return "unknown"
}

func codeLabel(status int) string {
	if status < 100 || status > 599 {
		return "0"
	}
	return strconv.Itoa(status)
}

func sseLabel(mode string) string {
	switch mode {
	case "SSE-S3", "SSE-KMS", "DSSE-KMS", "SSE-C", "plaintext":
		return mode
	default:
		return "none"
	}
}
