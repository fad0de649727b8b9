package transport

import (
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
)

// maxBody bounds the bodies that are sent before the response is read, in
// bytes. With its header, such a request fits into the buffers of a socket, so
// that a server that answers before it reads cannot block the sender.
const maxBody = 64 << 10

// suitable reports whether nothing in the settings of base stands against
// handling requests to the endpoint here.
func suitable(base *http.Transport, endpoint *url.URL) bool {
	return canProbe &&
		endpoint.Scheme == "http" && endpoint.Hostname() != "" && printable(endpoint.Host) &&
		base.MaxConnsPerHost == 0 &&
		base.DisableCompression && !base.DisableKeepAlives &&
		(base.Protocols == nil || base.Protocols.HTTP1() && !base.Protocols.UnencryptedHTTP2())
}

// lean reports whether req is one to handle here. Requests that are not valid
// are none: base rejects them.
func (t *Transport) lean(req *http.Request) bool {
	if req.URL == nil || req.URL.Scheme != "http" || req.URL.Host != t.host || req.URL.Opaque != "" {
		return false
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete:
	default:
		return false
	}
	if req.Body == nil || req.Body == http.NoBody {
		if req.ContentLength != 0 {
			return false
		}
	} else if req.ContentLength <= 0 || req.ContentLength > maxBody || req.GetBody == nil {
		return false // of unknown or great length, or still on its way here
	}
	return !req.Close && len(req.TransferEncoding) == 0 && len(req.Trailer) == 0 &&
		plainHeader(req.Header) &&
		httptrace.ContextClientTrace(req.Context()) == nil &&
		t.unproxied(req)
}

// unproxied reports whether the request goes to the server itself.
func (t *Transport) unproxied(req *http.Request) bool {
	if t.base.Proxy == nil {
		return true
	}
	if proxy, err := t.base.Proxy(req); proxy != nil || err != nil {
		t.handsOff.Store(true) // so that a proxy is not chosen twice for each request
		return false
	}
	return true
}

// plainHeader reports whether h is a valid header that is about the request
// alone and not about the connection.
func plainHeader(h http.Header) bool {
	if h == nil {
		return false
	}
	for name, values := range h {
		switch name {
		case "Connection", "Expect", "Upgrade":
			return false
		}
		if !token(name) {
			return false
		}
		for _, v := range values {
			if !fieldValue(v) {
				return false
			}
		}
	}
	return true
}

// token reports whether s is a token as of RFC 9110, section 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// fieldValue reports whether s has no control characters but tabs: RFC 9110,
// section 5.5.
func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// printable reports whether s is of printable ASCII characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
