package vaultkeys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// maxAnswer bounds the answers of Vault in bytes, unless a request says otherwise.
const maxAnswer = 64 << 10

// client speaks Vault's HTTP API
// (https://developer.hashicorp.com/vault/api-docs). It is safe for concurrent use.
type client struct {
	base      *url.URL
	namespace string
	http      *http.Client
	timeout   time.Duration
	close     func()
}

func newClient(base *url.URL, cfg Config) *client {
	c := &client{base: base, namespace: cfg.Namespace, timeout: cfg.Timeout, close: func() {}}
	rt := cfg.Transport
	if rt == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 32 // the default of 2 is for browsers
		rt, c.close = own, own.CloseIdleConnections
	}
	c.http = &http.Client{Transport: rt, CheckRedirect: checkRedirect}
	return c
}

// checkRedirect follows one redirect, as a standby node answers with if it does
// not forward requests, but never from TLS to plain HTTP.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > 1 {
		return errors.New("redirected twice")
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("redirected to plain HTTP")
	}
	return nil
}

// request is one request to Vault.
type request struct {
	method, path string
	token        string
	body         any      // marshalled as JSON, or nil
	limit        int64    // of the answer in bytes; 0 means maxAnswer
	secrets      []string // what must not be in an error, besides the token
}

// answer is what Vault answers with, of which only one of Data and Auth is there.
type answer struct {
	RequestID string          `json:"request_id"`
	Data      json.RawMessage `json:"data"`
	Auth      *authAnswer     `json:"auth"`
}

// authAnswer is the answer to a login or a renewal.
type authAnswer struct {
	ClientToken   string `json:"client_token"`
	LeaseDuration int64  `json:"lease_duration"` // seconds; 0 means without end
	Renewable     bool   `json:"renewable"`
}

// lease returns how long the token is valid; 0 means without end.
func (a *authAnswer) lease() time.Duration { return seconds(a.LeaseDuration) }

// seconds is the duration of n seconds. Negative ones and those that no token
// has in practice count as endless.
func seconds(n int64) time.Duration {
	const century = 100 * 365 * 24 * 60 * 60
	if n < 0 || n > century {
		return 0
	}
	return time.Duration(n) * time.Second
}

// decode reads the data of an answer.
func (a *answer) decode(v any) error {
	if json.Unmarshal(a.Data, v) != nil {
		return errGarbage
	}
	return nil
}

// errGarbage is for answers that are not Vault's. The JSON package's own errors
// quote what they read.
var errGarbage = fmt.Errorf("%w: the answer is not one of Vault's", kms.ErrUnavailable)

// do sends a request and reads the answer. Errors are the context's if that has
// ended, a *statusError if Vault answered with one, and wrap kms.ErrUnavailable
// otherwise.
func (c *client) do(ctx context.Context, r request) (*answer, error) {
	callCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	status, header, raw, err := c.roundTrip(callCtx, r)
	defer clear(raw)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", kms.ErrUnavailable, err)
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		return nil, newStatusError(status, header, raw, append(r.secrets, r.token))
	}
	a := new(answer)
	if len(raw) > 0 && json.Unmarshal(raw, a) != nil {
		return nil, errGarbage
	}
	return a, nil
}

// roundTrip returns the status, header and body of the answer.
func (c *client) roundTrip(ctx context.Context, r request) (int, http.Header, []byte, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return 0, nil, nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base.JoinPath(r.path).String(), body)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("X-Vault-Request", "true") // agents may insist on it
	if r.token != "" {
		req.Header.Set("X-Vault-Token", r.token)
	}
	if c.namespace != "" {
		req.Header.Set("X-Vault-Namespace", c.namespace)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// An empty list is not sent. It tells net/http that the request may be sent
	// again when an idle connection turns out to be closed.
	req.Header["Idempotency-Key"] = nil
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	limit := r.limit
	if limit == 0 {
		limit = maxAnswer
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("the answer is larger than %d bytes", limit)
	}
	return resp.StatusCode, resp.Header, raw, err
}
