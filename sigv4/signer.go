package sigv4

import (
	"encoding/hex"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Signer signs outbound requests. The zero value is ready to use; it must not
// be copied. Safe for concurrent use.
type Signer struct {
	keys  keyCache
	stamp atomic.Pointer[stamp]
}

// stamp is the formatted time of one second.
type stamp struct {
	unix  int64
	basic string
}

// Sign sets X-Amz-Date, X-Amz-Content-Sha256 and Authorization on r, which
// must be complete otherwise. payloadHash is the hex SHA-256 of the body or
// one of the literals of x-amz-content-sha256.
//
// The signature covers the URL as net/http writes it (Opaque, RawPath and
// RawQuery included), the host and every header that is set, except those
// which a hop on the way may add, change or remove. Header keys must be in
// canonical form. c must hold a secret.
func (s *Signer) Sign(r *http.Request, c Credential, region, payloadHash string, now time.Time) {
	st := s.second(now)
	if r.Header == nil {
		r.Header = make(http.Header, 3)
	}
	values := new([3]string) // one allocation for the three headers
	values[0], values[1] = st.basic, payloadHash
	r.Header["X-Amz-Date"] = values[0:1:1]
	r.Header["X-Amz-Content-Sha256"] = values[1:2:2]

	scope := keyScope{c.AccessKey, st.basic[:8], region}
	key := s.keys.get(scope, c.Secret)
	if key == nil {
		key = deriveKey(c.Secret, scope.date, region)
		s.keys.put(scope, key)
	}

	b := newScratch()
	defer b.release()
	listStart, listEnd := b.appendOutbound(r, payloadHash)

	out := append(b.arena[:0], algorithm+" Credential="...)
	out = append(append(out, c.AccessKey...), '/')
	scopeStart := len(out)
	out = append(append(out, scope.date...), '/')
	out = append(append(out, region...), "/"+service+"/"+terminator...)
	appendStringToSign(b, st.basic, out[scopeStart:])
	key.sign(b.sum[:0], b.toSign)
	out = append(append(out, ", SignedHeaders="...), b.buf[listStart:listEnd]...)
	out = hex.AppendEncode(append(out, ", Signature="...), b.sum[:])
	b.arena = out
	values[2] = string(out)
	r.Header["Authorization"] = values[2:3:3]
}

// second returns the formatted time, which many requests share.
func (s *Signer) second(now time.Time) *stamp {
	unix := now.Unix()
	if st := s.stamp.Load(); st != nil && st.unix == unix {
		return st
	}
	st := &stamp{unix, now.UTC().Format(basicFormat)}
	s.stamp.Store(st)
	return st
}

// appendOutbound builds the canonical request of r in b.buf and returns where
// the list of signed headers is in it.
func (b *scratch) appendOutbound(r *http.Request, payloadHash string) (listStart, listEnd int) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	path := r.URL.EscapedPath()
	if r.URL.Opaque != "" {
		path = opaquePath(r.URL.Opaque)
	}
	b.buf = append(append(b.buf[:0], method...), '\n')
	b.buf, _ = appendPath(b.buf, path)
	b.buf = append(b.buf, '\n')
	b.appendQuery(r.URL.RawQuery, false)
	b.buf = append(b.buf, '\n')

	b.collectHeaders(r)
	for _, f := range b.fields {
		b.buf = appendHeader(b.buf, b.arena[f.start:f.end], f.values)
	}
	b.buf = append(b.buf, '\n')
	listStart = len(b.buf)
	for i, f := range b.fields {
		if i > 0 {
			b.buf = append(b.buf, ';')
		}
		b.buf = append(b.buf, b.arena[f.start:f.end]...)
	}
	listEnd = len(b.buf)
	b.buf = append(append(b.buf, '\n'), payloadHash...)
	return listStart, listEnd
}

// opaquePath returns the path of an opaque URL. net/http writes "//host/path"
// as an absolute URL.
func opaquePath(opaque string) string {
	rest, ok := strings.CutPrefix(opaque, "//")
	if !ok {
		return opaque
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "/"
	}
	return rest[i:]
}

// collectHeaders puts the headers to be signed into b.fields, in order.
func (b *scratch) collectHeaders(r *http.Request) {
	b.host[0] = r.Host
	if r.Host == "" {
		b.host[0] = r.URL.Host
	}
	b.arena = append(b.arena[:0], "host"...)
	b.fields = append(b.fields[:0], field{0, len(b.arena), b.host[:]})
	for key, values := range r.Header {
		if len(values) == 0 || unstable(key) {
			continue
		}
		start := len(b.arena)
		for i := range len(key) {
			b.arena = append(b.arena, lower(key[i]))
		}
		b.fields = append(b.fields, field{start, len(b.arena), values})
	}
	b.sortFields()
}

// unstable reports whether a header is left out of the signature: written by
// net/http itself, or open to change by every hop.
func unstable(key string) bool {
	switch key {
	case "Authorization", "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Te",
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade", "Expect",
		"User-Agent", "Accept-Encoding", "Via", "Forwarded", "X-Real-Ip", "X-Request-Id", "Traceparent", "Tracestate":
		return true
	}
	return hasPrefixFold(key, "x-forwarded-")
}
