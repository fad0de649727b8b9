package vaultkeys

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// maxMessage bounds what is kept of Vault's explanation, in bytes.
const maxMessage = 300

// statusError is an answer that is not a success. It is classified by what was
// asked; without that it means that Vault does not work.
type statusError struct {
	status  int
	vault   bool   // the answer has the form of Vault's errors
	dead    bool   // Vault says that it does not know the token
	message string // Vault's explanation, without secrets; may be empty
	class   error
}

func (e *statusError) Error() string {
	if e.message == "" {
		return fmt.Sprintf("%v: status %d", e.class, e.status)
	}
	return fmt.Sprintf("%v: status %d: %s", e.class, e.status, e.message)
}

// Unwrap returns the kms error that the answer means.
func (e *statusError) Unwrap() error { return e.class }

// newStatusError reads Vault's explanation. Whoever answers may repeat what it
// was sent, so secrets are taken out.
func newStatusError(status int, header http.Header, raw []byte, secrets []string) error {
	e := &statusError{status: status, class: kms.ErrUnavailable}
	var body struct {
		Errors *[]string `json:"errors"`
	}
	if json.Unmarshal(raw, &body) == nil && body.Errors != nil {
		e.vault = true
		text := strings.Join(*body.Errors, "; ")
		e.dead = status == http.StatusForbidden && (strings.Contains(text, "invalid token") || strings.Contains(text, "bad token"))
		e.message = clean(text, secrets)
	}
	if status == http.StatusTooManyRequests {
		e.class = kms.ErrThrottled
	}
	if n, err := strconv.ParseUint(header.Get("Retry-After"), 10, 16); err == nil && n > 0 {
		return kms.WithRetryAfter(e, time.Duration(n)*time.Second)
	}
	return e
}

// clean returns s on one line, bounded and without the secrets.
func clean(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return s[:min(len(s), maxMessage)]
}

// classify gives the error its class: what Vault's answer to an operation with a
// key means. refused is the class of a request that Vault calls invalid for
// reasons not known here.
func (e *statusError) classify(refused error) {
	switch {
	case !e.vault: // of a proxy, or of something that is no Vault
	case e.status == http.StatusForbidden:
		e.class = kms.ErrAccessDenied
	case e.status == http.StatusNotFound && e.message == "": // otherwise the engine is missing
		e.class = kms.ErrKeyNotFound
	case e.status == http.StatusBadRequest:
		e.class = classOf(e.message, refused)
	}
}

// classOf returns what Vault's explanation of an invalid request means.
func classOf(message string, refused error) error {
	says := func(text string) bool { return strings.Contains(strings.ToLower(message), text) }
	switch {
	case says("key not found"), says("unknown key type"): // the latter: see noType
		return kms.ErrKeyNotFound
	case says("too old"), says("not supported for key type"), says("does not support"), says("soft-delet"), says("soft delet"):
		return kms.ErrKeyState
	default:
		return refused
	}
}
