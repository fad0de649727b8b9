package vaultkeys

import (
	"errors"
	"net/http"
	"time"
)

// maintain renews the token in good time, or obtains another one if it cannot be
// renewed. Meanwhile the token stays in use.
func (s *session) maintain() {
	s.mu.Lock()
	g := s.grant
	if s.ctx.Err() != nil || g.token == "" || s.login != nil {
		s.mu.Unlock()
		return
	}
	if !g.renewable {
		s.startLogin()
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()

	a, err := s.client.do(s.ctx, request{
		method: http.MethodPost, path: "auth/token/renew-self", token: g.token, body: struct{}{},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || s.grant.token != g.token {
		return
	}
	if err == nil && a.Auth == nil {
		err = errGarbage
	}
	if err == nil {
		s.renewed(a.Auth.lease(), a.Auth.Renewable)
	} else {
		s.notRenewed(err)
	}
}

// renewed takes note of a renewal. A token that comes to the end of its maximum
// time to live is renewed for ever shorter times: it is replaced before it ends,
// if another one can be had. The lock is held.
func (s *session) renewed(ttl time.Duration, renewable bool) {
	s.log.Debug("renewed the token", "ttl", ttl)
	ending := ttl > 0 && ttl < s.full/2
	s.use(grant{s.grant.token, ttl, renewable && (!ending || s.method.static())})
}

// notRenewed takes note of a renewal that failed. The lock is held.
func (s *session) notRenewed(err error) {
	s.log.Warn("cannot renew the token", "error", err)
	e, ok := errors.AsType[*statusError](err)
	switch {
	case !ok || !e.vault || e.status/100 != 4 || e.status == http.StatusTooManyRequests:
		s.schedule(renewRetry)
	case e.dead:
		s.grant = grant{} // the next who needs one logs in
	case s.method.static():
		s.grant.renewable = false // it serves as long as it does
	default:
		s.grant.renewable = false
		s.startLogin()
	}
}
