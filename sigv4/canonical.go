package sigv4

import (
	"strings"
)

// splitTarget cuts a request target into its raw path and raw query. The
// absolute form, as sent to proxies, loses scheme and authority.
func splitTarget(target string) (path, query string) {
	path, query, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		if _, rest, ok := strings.Cut(path, "://"); ok {
			i := strings.IndexByte(rest, '/')
			if i < 0 {
				return "/", query
			}
			path = rest[i:]
		}
	}
	return path, query
}

const upperHex = "0123456789ABCDEF"

// charClass marks the bytes that stay as they are: 1 for the unreserved ones
// of RFC 3986, 2 for '/', which a path keeps and a query does not.
var charClass = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			t[c] = 1
		case c == '/':
			t[c] = 2
		}
	}
	return t
}()

// appendReencoded appends s decoded once and encoded once: the canonical form,
// whichever bytes the client chose to escape. keep is the highest charClass
// that stays plain, and plus says that '+' is a space. A broken escape gives
// false; its '%' is taken literally.
func appendReencoded(dst []byte, s string, keep uint8, plus bool) ([]byte, bool) {
	ok := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 < len(s) {
				hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
				if hi < 16 && lo < 16 {
					c = hi<<4 | lo
					i += 2
					break
				}
			}
			ok = false
		case c == '+' && plus:
			c = ' '
		}
		if class := charClass[c]; class != 0 && class <= keep {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst, ok
}

// hexDigit returns the value of a hex digit, or 255.
func hexDigit(c byte) byte {
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return lowerHexDigit(c)
}

// appendPath appends the canonical URI of a raw path: nothing is cleaned, "//"
// and ".." are part of a key.
func appendPath(dst []byte, raw string) ([]byte, bool) {
	if raw == "" {
		return append(dst, '/'), true
	}
	return appendReencoded(dst, raw, 2, false)
}

const signatureParam = "X-Amz-Signature"

// appendQuery appends the canonical form of a raw query to s.buf. Pairs are
// separated by '&' alone. presigned leaves the signature itself out.
func (s *scratch) appendQuery(raw string, presigned bool) bool {
	allOK := true
	s.arena, s.pairs = s.arena[:0], s.pairs[:0]
	for raw != "" {
		var one string
		one, raw, _ = strings.Cut(raw, "&")
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		p := pair{start: len(s.arena)}
		var ok1, ok2 bool
		s.arena, ok1 = appendReencoded(s.arena, name, 1, true)
		if p.eq = len(s.arena); presigned && equalFold(s.arena[p.start:p.eq], signatureParam) {
			s.arena = s.arena[:p.start]
			continue
		}
		s.arena, ok2 = appendReencoded(s.arena, value, 1, true)
		p.end = len(s.arena)
		s.pairs = append(s.pairs, p)
		allOK = allOK && ok1 && ok2
	}
	s.sortPairs()
	for i, p := range s.pairs {
		if i > 0 {
			s.buf = append(s.buf, '&')
		}
		s.buf = append(s.buf, s.arena[p.start:p.eq]...)
		s.buf = append(s.buf, '=')
		s.buf = append(s.buf, s.arena[p.eq:p.end]...)
	}
	return allOK
}

// appendHeader appends one canonical header line: values trimmed, runs of
// white space inside them made one space, several values joined by commas.
func appendHeader[T string | []byte](dst []byte, name T, values []string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCollapsed(dst, v)
	}
	return append(dst, '\n')
}

func appendCollapsed(dst []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	if !strings.Contains(v, "  ") && strings.IndexByte(v, '\t') < 0 {
		return append(dst, v...)
	}
	space := false
	for i := range len(v) {
		c := v[i]
		if c == ' ' || c == '\t' {
			space = true
			continue
		}
		if space {
			dst = append(dst, ' ')
			space = false
		}
		dst = append(dst, c)
	}
	return dst
}

// equalFold is strings.EqualFold for ASCII.
func equalFold[A, B string | []byte](a A, b B) bool {
	return len(a) == len(b) && hasPrefixFold(a, b)
}

// hasPrefixFold reports whether s begins with prefix, ASCII letters of either
// case being equal.
func hasPrefixFold[A, B string | []byte](s A, prefix B) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// isToken reports whether s can be a header name (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if charClass[c] != 1 && !strings.ContainsRune("!#$%&'*+^`|", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can be a header value: no control characters
// but the tab.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
