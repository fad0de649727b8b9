package sigv4

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const (
	// maxSkew is how far the time of a header-signed request may be off, and
	// how far that of a presigned URL may lie ahead.
	maxSkew = 15 * time.Minute
	// maxSignedHeaders bounds the work a request can ask for. The 8 KiB of
	// headers that S3 allows hold fewer.
	maxSignedHeaders = 512
)

// Verifier checks the signatures of inbound requests. Its fields must not
// change after first use, and it must not be copied. Safe for concurrent use.
type Verifier struct {
	// Lookup returns the secret of an access key. It must be safe for
	// concurrent use. A changed secret takes effect with the next request.
	Lookup func(accessKey string) (Secret, bool)
	// Region is the only region a signature may name; "" accepts any.
	Region string
	// Now is the clock, time.Now if nil.
	Now func() time.Time

	keys   keyCache
	derive func(secret Secret, date, region string) *signingKey // deriveKey if nil
}

// decoy is the secret that requests with an unknown access key are verified
// with, so that they take the same path and time as a wrong signature.
var decoy = sync.OnceValue(func() Secret {
	s := rand.Text()
	return Secret{&s}
})

// Verify authenticates r. target is the request target exactly as the client
// sent it: routing may have rewritten r.URL, but the original was signed. h is
// used in place of r.Header, so that headers which a front server removed can
// be supplied; its keys must be in canonical form. Host, ContentLength and
// TransferEncoding are taken from r.
//
// A request without any authentication gives an Auth with an empty AccessKey.
// The body is not touched: what the signature says about it is enforced by
// [Auth.Body], which every operation with a body must read to io.EOF before
// anything becomes durable. Errors are of type *s3api.Error.
func (v *Verifier) Verify(r *http.Request, target string, h http.Header) (*Auth, error) {
	path, rawQuery := splitTarget(target)
	query, err := s3api.ParseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if err := refuseCustomerKeys(query); err != nil {
		return nil, err
	}
	params := scanQuery(query)
	presigned := params.presigned()
	authorization, inHeader := h["Authorization"]
	switch {
	case inHeader && (presigned || params.v2):
		return nil, s3api.ErrMultipleAuth.With("ArgumentName", "Authorization")
	case params.v2:
		return nil, s3api.ErrUnsupportedSignatureVersion
	case !inHeader && !presigned:
		return anonymous(r, h, query)
	}

	c := claim{presigned: presigned}
	if err := v.readClaim(&c, &params, authorization, h); err != nil {
		return nil, err
	}
	mode, sum, err := parsePayload(c.payload)
	if err != nil {
		return nil, err
	}
	a := &Auth{
		AccessKey: c.accessKey, Presigned: presigned, Query: query,
		Payload: mode, sum: sum, stamp: c.stamp, scope: c.scope,
	}
	if err := v.verifySignature(a, &c, r, path, rawQuery, h); err != nil {
		return nil, err
	}
	if presigned {
		if a.Query, a.Hoisted, err = hoist(query, h); err != nil {
			return nil, err
		}
	}
	if err := a.setLength(r, h); err != nil {
		return nil, err
	}
	return a, nil
}

// anonymous is the result for a request without authentication.
func anonymous(r *http.Request, h http.Header, query s3api.Query) (*Auth, error) {
	a := &Auth{Query: query, Payload: PayloadUnsigned}
	if values, ok := h["X-Amz-Content-Sha256"]; ok {
		var err error
		if a.Payload, a.sum, err = parsePayload(strings.Join(values, ",")); err != nil {
			return nil, err
		}
	}
	if a.Payload.signedChunks() {
		return nil, s3api.ErrAnonymousStreaming
	}
	if err := a.setLength(r, h); err != nil {
		return nil, err
	}
	return a, nil
}

// readClaim reads and checks everything about the authentication that needs no
// secret.
func (v *Verifier) readClaim(c *claim, params *queryAuth, authorization []string, h http.Header) error {
	var err error
	if c.presigned {
		err = queryClaim(c, params, h)
	} else {
		err = headerClaim(c, authorization, h)
	}
	if err != nil {
		return err
	}
	if err := c.checkRegion(v.Region); err != nil {
		return err
	}
	// Session tokens belong to temporary credentials; there are none here.
	if _, ok := h["X-Amz-Security-Token"]; ok || c.presigned && params.seen[paramSecurityToken] {
		return s3api.ErrInvalidToken
	}
	now := v.now()
	if c.presigned {
		return checkPresignedTime(c, params.values[paramExpires], now)
	}
	if c.at.Before(now.Add(-maxSkew)) || c.at.After(now.Add(maxSkew)) {
		return s3api.ErrRequestTimeTooSkewed.
			With("RequestTime", c.stamp).
			With("ServerTime", now.UTC().Format(time.RFC3339)).
			With("MaxAllowedSkewMilliseconds", strconv.FormatInt(maxSkew.Milliseconds(), 10))
	}
	return nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// verifySignature computes the signature of the request and compares.
func (v *Verifier) verifySignature(a *Auth, c *claim, r *http.Request, path, rawQuery string, h http.Header) error {
	s := newScratch()
	defer s.release()
	if err := s.appendCanonicalRequest(c, r, path, rawQuery, h); err != nil {
		return err
	}
	appendStringToSign(s, c.stamp, c.scope)
	key, known, match := v.authenticate(c, &s.sum, s.toSign)
	switch {
	case !known:
		return s3api.ErrInvalidAccessKeyID.With("AWSAccessKeyId", c.accessKey)
	case !match:
		return mismatch(c, s.buf, s.toSign)
	}
	a.key, a.seed = key, s.sum
	return nil
}

// authenticate puts the signature of toSign into sum and compares it with the
// one that is claimed. For an unknown access key it does the same with the
// decoy.
func (v *Verifier) authenticate(c *claim, sum *[32]byte, toSign []byte) (key *signingKey, known, match bool) {
	var secret Secret
	if v.Lookup != nil {
		secret, known = v.Lookup(c.accessKey)
	}
	known = known && !secret.IsZero()
	scope := keyScope{c.accessKey, c.date, c.region}
	if !known {
		secret, scope.accessKey = decoy(), ""
	}
	key = v.keys.get(scope, secret)
	cached := key != nil
	if !cached {
		key = v.deriveKey(secret, c.date, c.region)
	}

	var provided [32]byte
	wellFormed := parseHex32(&provided, c.signature)
	key.sign(sum[:0], toSign)
	match = subtle.ConstantTimeCompare(sum[:], provided[:]) == 1 && wellFormed
	if !cached && known {
		v.remember(scope, key, match)
	}
	return key, known, match
}

func (v *Verifier) deriveKey(secret Secret, date, region string) *signingKey {
	if v.derive != nil {
		return v.derive(secret, date, region)
	}
	return deriveKey(secret, date, region)
}

// remember files the key of a known access key, for a day and region in which
// some signature was valid: others could be invented to fill the cache. The
// decoy's key goes with the first one, so that known and unknown access keys
// are cached alike.
func (v *Verifier) remember(scope keyScope, key *signingKey, match bool) {
	decoyScope := keyScope{"", scope.date, scope.region}
	cached := v.keys.has(decoyScope)
	if !match && !cached {
		return
	}
	if !cached {
		v.keys.put(decoyScope, v.deriveKey(decoy(), scope.date, scope.region))
	}
	v.keys.put(scope, key)
}
