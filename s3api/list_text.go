package s3api

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlNamespace is the namespace of S3 documents.
const xmlNamespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// appendXMLText appends s as the text of an element. Characters that XML 1.0
// has no form for become numeric references all the same, as S3 writes them:
// most clients read those, and a key must not silently turn into another. What
// is not UTF-8 becomes the replacement character.
func appendXMLText(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '&':
				dst = append(dst, "&amp;"...)
			case c == '<':
				dst = append(dst, "&lt;"...)
			case c == '>':
				dst = append(dst, "&gt;"...)
			case c == '"':
				dst = append(dst, "&quot;"...)
			case c < ' ' || c == 0x7f:
				dst = fmt.Appendf(dst, "&#x%x;", c)
			default:
				dst = append(dst, c)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch r {
		case 0xFFFE, 0xFFFF:
			dst = fmt.Appendf(dst, "&#x%x;", r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
		i += n
	}
	return dst
}

// appendElement appends <name>text</name>.
func appendElement(dst []byte, name, text string) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = appendXMLText(dst, text)
	return append(append(append(dst, "</"...), name...), '>')
}

// xmlText returns the characters that the text of an element stands for:
// references resolved, control characters among them, and line ends made \n.
func xmlText(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return string(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '&':
			end := bytes.IndexByte(raw[i:], ';')
			if end < 0 {
				return "", errors.New("an unfinished reference")
			}
			r, ok := reference(string(raw[i+1 : i+end]))
			if !ok {
				return "", errors.New("an unknown reference")
			}
			out = utf8.AppendRune(out, r)
			i += end
		case '\r':
			out = append(out, '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		default:
			out = append(out, raw[i])
		}
	}
	return string(out), nil
}

// reference returns the character that &name; stands for.
func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// urlDecoded undoes encoding-type=url.
func urlDecoded(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	out, ok := unescape(s, true)
	if !ok {
		return "", errors.New("a broken percent-encoding")
	}
	return out, nil
}

// urlEncoded encodes s as S3 does with encoding-type=url: slashes stay and
// spaces become plus signs.
func urlEncoded(s string) string {
	return strings.ReplaceAll(escape(s, true), "%20", "+")
}
