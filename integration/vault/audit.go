package vault

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Audit is one entry of Vault's audit log.
type Audit struct {
	Time time.Time
	// Type is "request" or "response". Vault writes one of each.
	Type string
	// RequestID is what the answer to the client has as request_id.
	RequestID string
	// Operation is "update", "read" and so on; Path is without /v1/.
	Operation, Path string
	// Error is what went wrong, if anything.
	Error string
}

func (s *Server) auditFile() string { return filepath.Join(s.dir, "audit.log") }

// AuditLog returns the audit log, oldest entry first. Vault writes an entry
// before it answers.
func (s *Server) AuditLog(t testing.TB) []Audit {
	t.Helper()
	log, err := os.ReadFile(s.auditFile())
	if err != nil {
		t.Fatal(err)
	}
	var entries []Audit
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // still being written
		}
		var e struct {
			Time, Type, Error string
			Request           struct{ ID, Operation, Path string }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("reading Vault's audit log: %v", err)
		}
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			t.Fatalf("reading Vault's audit log: %v", err)
		}
		entries = append(entries, Audit{
			Time: at, Type: e.Type, RequestID: e.Request.ID,
			Operation: e.Request.Operation, Path: e.Request.Path, Error: e.Error,
		})
	}
	return entries
}
