package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/kms"
)

// Pace of logins and renewals.
const (
	loginInterval = time.Second      // at least between the beginnings of two logins
	maxBackoff    = 30 * time.Second // between logins that Vault refuses
	checkInterval = time.Second      // between looks at whether the token was replaced
	renewRetry    = 5 * time.Second  // between renewals while Vault does not work
)

// session always has a valid token, or is obtaining one. It is safe for
// concurrent use.
type session struct {
	method method
	client *client
	log    *slog.Logger

	ctx    context.Context // ends with stop
	cancel context.CancelFunc

	mu      sync.Mutex
	grant   grant     // what is used; no token if there is none
	since   time.Time // when it was obtained
	expires time.Time // when it ends; zero means never
	full    time.Duration

	login   *attempt      // under way, or nil
	began   time.Time     // when the last login began
	retry   time.Time     // no login before, after one that failed
	failure error         // of the last login, or nil
	backoff time.Duration // after the next refusal
	checked time.Time     // when the method was last asked for changes
	timer   *time.Timer   // renews the token; nil before the first
}

// attempt is a login that is under way.
type attempt struct {
	done  chan struct{}
	grant grant // once done is closed
	err   error
}

func newSession(m method, c *client, log *slog.Logger) *session {
	ctx, cancel := context.WithCancel(context.Background())
	return &session{method: m, client: c, log: log, ctx: ctx, cancel: cancel, backoff: loginInterval}
}

// Format shows nothing of the token.
func (*session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "vaultkeys.session") }

// stop ends the session.
func (s *session) stop() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// next returns when the next login may begin.
func (s *session) next() time.Time {
	if floor := s.began.Add(loginInterval); s.retry.Before(floor) {
		return floor
	}
	return s.retry
}

// token returns a token that is valid as far as is known, and logs in for it if
// need be. It waits for one login at most, and for none while logins fail.
func (s *session) token(ctx context.Context) (string, error) {
	token, login, err := s.tokenOrLogin(time.Now())
	if token != "" || err != nil {
		return token, err
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-login.done:
		return login.grant.token, login.err
	}
}

// tokenOrLogin returns the token, or the login to wait for.
func (s *session) tokenOrLogin(now time.Time) (string, *attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return "", nil, fmt.Errorf("%w: shutting down", kms.ErrUnavailable)
	}
	if s.login == nil && now.Sub(s.checked) >= checkInterval {
		s.checked = now
		if s.method.changed() {
			s.grant, s.retry, s.failure, s.backoff = grant{}, time.Time{}, nil, loginInterval
		}
	}
	if s.grant.token != "" && (s.expires.IsZero() || now.Before(s.expires)) {
		return s.grant.token, nil, nil
	}
	if s.login == nil {
		if wait := s.next().Sub(now); s.failure != nil && wait > 0 {
			return "", nil, kms.WithRetryAfter(s.failure, wait)
		}
		s.startLogin()
	}
	return "", s.login, nil
}

// reject says that Vault does not accept the token. It does nothing if there is
// another one by now.
func (s *session) reject(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grant.token != token {
		return
	}
	s.log.Warn("Vault does not accept the token any more", "age", time.Since(s.since).Round(time.Second))
	s.grant = grant{}
}

// age returns for how long the token has been used; zero if it is not any more.
func (s *session) age(token string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grant.token != token {
		return 0
	}
	return time.Since(s.since)
}

// startLogin begins a login, if none is under way. The lock is held.
func (s *session) startLogin() {
	if s.login != nil {
		return
	}
	a := &attempt{done: make(chan struct{})}
	s.login = a
	wait := time.Until(s.next())
	go func() {
		defer close(a.done)
		g, err := s.logIn(wait)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.login = nil
		if err != nil {
			a.err = s.failed(err)
			return
		}
		s.retry, s.failure, s.backoff = time.Time{}, nil, loginInterval
		s.since, s.full = time.Now(), g.ttl
		s.log.Info("logged in at Vault", "ttl", g.ttl, "renewable", g.renewable)
		s.use(g)
		a.grant = g
	}()
}

// logIn waits and logs in.
func (s *session) logIn(wait time.Duration) (grant, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return grant{}, s.ctx.Err()
	case <-timer.C:
	}
	s.mu.Lock()
	s.began = time.Now()
	s.mu.Unlock()
	return s.method.login(s.ctx, s.client)
}

// failed takes note of a login that failed. The lock is held.
func (s *session) failed(err error) error {
	if s.ctx.Err() != nil {
		return fmt.Errorf("%w: shutting down", kms.ErrUnavailable)
	}
	s.retry = time.Now().Add(loginInterval)
	if e, ok := errors.AsType[*statusError](err); ok && e.vault && e.status/100 == 4 && e.status != http.StatusTooManyRequests {
		s.retry = time.Now().Add(s.backoff)
		s.backoff = min(2*s.backoff, maxBackoff)
	}
	s.failure = fmt.Errorf("%w: log in at Vault: %w", kms.ErrUnavailable, err)
	s.log.Warn("cannot log in at Vault", "error", err)
	if s.grant.token != "" {
		s.schedule(time.Until(s.retry))
	}
	return s.failure
}

// use makes g the token from now on. The lock is held.
func (s *session) use(g grant) {
	s.grant, s.expires = g, time.Time{}
	if g.ttl == 0 {
		return
	}
	s.expires = time.Now().Add(g.ttl)
	if g.renewable || !s.method.static() {
		s.schedule(g.ttl * 2 / 3)
	}
}

// schedule calls maintain after d, at least a second. The lock is held.
func (s *session) schedule(d time.Duration) {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(max(d, loginInterval), s.maintain)
}
