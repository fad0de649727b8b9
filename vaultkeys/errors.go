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
		e.message = clean(strings.Join(*body.Errors, "; "), secrets)
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

// says reports whether Vault's explanation has one of the texts in it.
func (e *statusError) says(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(e.message, t) {
			return true
		}
	}
	return false
}

// deadToken reports whether Vault refused the token and not what was asked.
func (e *statusError) deadToken() bool {
	return e.status == http.StatusForbidden && e.says("invalid token", "bad token")
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
	e := &statusError{message: strings.ToLower(message)}
	switch {
	case e.says("key not found", "unknown key type"): // the latter: see noType
		return kms.ErrKeyNotFound
	case e.says("too old", "not supported for key type", "does not support", "soft-delet", "soft delet"):
		return kms.ErrKeyState
	default:
		return refused
	}
}
