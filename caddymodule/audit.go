package caddymodule

import (
	"context"
	"errors"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// auditModule is not a module of a config: it gives the log of the uses of KMS
// keys a name of its own, by which Caddy's logging configuration can send it to
// a place of its own.
type auditModule struct{}

// CaddyModule returns the name of the log.
func (auditModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.s3_sse.audit", New: func() caddy.Module { return new(auditModule) }}
}

// auditLog writes and counts the uses of KMS keys.
type auditLog struct {
	logger  *zap.Logger
	metrics *metrics
}

// write is the Audit of kms.Options. Whatever came of it, the entry has the
// level info: what an audit log holds does not depend on that.
func (a *auditLog) write(e kms.Event) {
	result := auditResult(&e)
	a.metrics.keyUses.WithLabelValues(e.Action, result).Inc()
	entry := a.logger.Check(zap.InfoLevel, "kms key use")
	if entry == nil {
		return
	}
	entry.Time = e.Time
	fields := make([]zap.Field, 0, 14)
	fields = append(fields,
		zap.String("action", e.Action),
		zap.String("result", result),
		zap.String("key", e.Key),
		zap.Int("key_version", e.Version),
		zap.Bool("cache_hit", e.CacheHit),
		zap.String("kms_request_id", e.VaultRequestID),
		zap.String("request_id", e.RequestID),
		zap.String("access_key", e.AccessKey),
		zap.String("operation", e.Operation),
		zap.String("bucket", e.Bucket),
		zap.String("object", e.Object))
	if e.Action == kms.ActionRewrap {
		fields = append(fields, zap.Int("items", e.Items), zap.Int("failed", e.Failed))
	}
	if e.Err != nil {
		fields = append(fields, zap.String("error", e.Err.Error()))
	}
	entry.Write(fields...)
}

// auditResults are the words for errors.
var auditResults = []struct {
	err  error
	word string
}{
	{kms.ErrKeyNotFound, "not_found"},
	{kms.ErrKeyDisabled, "disabled"},
	{kms.ErrKeyState, "invalid_state"},
	{kms.ErrAccessDenied, "denied"},
	{kms.ErrCiphertext, "invalid_ciphertext"},
	{kms.ErrThrottled, "throttled"},
	{kms.ErrUnavailable, "unavailable"},
	{context.Canceled, "canceled"},
	{context.DeadlineExceeded, "canceled"},
}

// auditResult is what came of a use of a key, as one of a few words.
func auditResult(e *kms.Event) string {
	switch {
	case e.Err == nil && e.CacheHit:
		return "hit"
	case e.Err == nil:
		return "miss"
	}
	for _, r := range auditResults {
		if errors.Is(e.Err, r.err) {
			return r.word
		}
	}
	return "error"
}
