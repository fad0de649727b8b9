package kms

import "time"

// Use says who uses a key for what: the client's request, for the audit log.
type Use struct {
	RequestID string // the request's id, as the client got it
	AccessKey string // who asked; empty if anonymous
	Operation string // the operation's name in the S3 API, such as "PutObject"
	Bucket    string
	Object    string
}

// Actions of an Event.
const (
	ActionGenerate = "generate" // a KEK for writing
	ActionUnwrap   = "unwrap"   // the KEK of an object
	ActionRewrap   = "rewrap"   // a batch of KEKs moved to the key's latest version
	ActionDescribe = "describe" // the state of the key, no KEK
)

// Event is one use of a key. It never holds key material.
type Event struct {
	Time time.Time
	Use

	// Key is the name of the key, Version its version; 0 if unknown.
	Key     string
	Version int

	// Action is one of the Action constants.
	Action string

	// Items is the number of KEKs of a rewrap, Failed how many of them failed.
	Items, Failed int

	// CacheHit says that the service was not asked: the KEK was in memory.
	CacheHit bool

	// VaultRequestID is the service's name of the request that the KEK came
	// from, also if this was an earlier one (CacheHit) or that of another
	// caller at the same time. It joins the event with the service's own audit
	// log. Empty if the service names no requests, or after an error.
	VaultRequestID string

	// Err is why the key could not be used; nil if it was.
	Err error
}

// audit reports e, of which the time is now.
func (s *Service) audit(e Event) {
	if s.opts.Audit != nil {
		e.Time = s.opts.Now()
		s.opts.Audit(e)
	}
}
