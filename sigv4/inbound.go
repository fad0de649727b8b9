package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// appendCanonicalRequest builds the canonical request in s.buf.
func (s *scratch) appendCanonicalRequest(c *claim, r *http.Request, path, rawQuery string, h http.Header) error {
	s.buf = append(append(s.buf[:0], r.Method...), '\n')
	var ok bool
	if s.buf, ok = appendPath(s.buf, path); !ok {
		return s3api.ErrInvalidURI
	}
	s.buf = append(s.buf, '\n')
	s.appendQuery(rawQuery, c.presigned) // its escapes have been checked
	s.buf = append(s.buf, '\n')
	if err := s.appendSignedHeaders(c, r, h); err != nil {
		return err
	}
	s.buf = append(append(s.buf, '\n'), c.signedHeaders...)
	s.buf = append(append(s.buf, '\n'), c.payload...)
	return nil
}

// appendSignedHeaders appends the canonical headers in the order in which
// SignedHeaders names them. Every one must be there, and none that has a
// meaning to S3 may be left out.
func (s *scratch) appendSignedHeaders(c *claim, r *http.Request, h http.Header) error {
	for list, more := c.signedHeaders, true; more; {
		var name string
		name, list, more = strings.Cut(list, ";")
		// A header that is named many times would be hashed, and shown, as often.
		if !isToken(name) || strings.ToLower(name) != name || len(s.names) == maxSignedHeaders || slices.Contains(s.names, name) {
			if c.presigned {
				return s3api.ErrAuthorizationQueryParameters.WithMessage("X-Amz-SignedHeaders is malformed")
			}
			return malformed(false, "the authorization component %q is malformed.", "SignedHeaders")
		}
		s.names = append(s.names, name)
		if !s.appendSignedHeader(name, r, h) {
			return signedHeaderMissing(name)
		}
	}
	var missing []string
	if !slices.Contains(s.names, "host") {
		missing = append(missing, "host")
	}
	for key, values := range h {
		if !hasPrefixFold(key, "x-amz-") || slices.ContainsFunc(s.names, func(n string) bool { return equalFold(n, key) }) {
			continue
		}
		if c.presigned && key == "X-Amz-Content-Sha256" && len(values) == 1 && values[0] == UnsignedPayload {
			continue
		}
		if missing = append(missing, strings.ToLower(key)); len(missing) > maxSignedHeaders {
			break // each is compared with all that are signed
		}
	}
	if missing != nil {
		return notSigned(missing)
	}
	return nil
}

// appendSignedHeader appends one canonical header, false if it is absent. Some
// are not in the header map: the server keeps them elsewhere, and answers
// Expect itself, so that it may be gone.
func (s *scratch) appendSignedHeader(name string, r *http.Request, h http.Header) bool {
	switch name {
	case "host":
		s.buf = append(s.buf, "host:"...)
		s.buf = append(appendCollapsed(s.buf, r.Host), '\n')
		return true
	case "content-length":
		if r.ContentLength < 0 {
			return false
		}
		s.buf = append(s.buf, "content-length:"...)
		s.buf = append(strconv.AppendInt(s.buf, r.ContentLength, 10), '\n')
		return true
	}
	values := s.lookup(h, name)
	if len(values) == 0 {
		switch name {
		case "transfer-encoding":
			values = r.TransferEncoding
		case "expect":
			s.buf = append(s.buf, "expect:100-continue\n"...)
			return true
		}
	}
	if len(values) == 0 {
		return false
	}
	s.buf = appendHeader(s.buf, name, values)
	return true
}

// appendStringToSign builds the string to sign for the canonical request in
// s.buf.
func appendStringToSign[T string | []byte](s *scratch, stamp string, scope T) {
	s.sum = sha256.Sum256(s.buf)
	s.toSign = append(append(s.toSign[:0], algorithm...), '\n')
	s.toSign = append(append(s.toSign, stamp...), '\n')
	s.toSign = append(append(s.toSign, scope...), '\n')
	s.toSign = hex.AppendEncode(s.toSign, s.sum[:])
}
