package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Limits on what is read of a store's error document. They are far above any
// real one and keep a misbehaving store from filling memory.
const (
	maxErrorBody   = 64 << 10
	maxErrorFields = 32
	maxErrorText   = 4 << 10
	maxErrorCode   = 128
)

// XML returns the error document: Code, Message, the fields, then Resource,
// RequestId and HostId where they are not empty. Characters XML 1.0 cannot
// hold are replaced by U+FFFD, and fields whose name is no element name are
// left out, so the document is well formed whatever the error was made from.
func (e *Error) XML(resource, requestID, hostID string) []byte {
	var b bytes.Buffer
	b.Grow(512)
	b.WriteString(xml.Header)
	b.WriteString("<Error>")
	writeElement(&b, "Code", e.Code)
	writeElement(&b, "Message", e.Message)
	for _, f := range e.Fields {
		if validElementName(f.Name) {
			writeElement(&b, f.Name, f.Value)
		}
	}
	for _, f := range [...]Field{{"Resource", resource}, {"RequestId", requestID}, {"HostId", hostID}} {
		if f.Value != "" {
			writeElement(&b, f.Name, f.Value)
		}
	}
	b.WriteString("</Error>")
	return b.Bytes()
}

func writeElement(b *bytes.Buffer, name, value string) {
	b.WriteByte('<')
	b.WriteString(name)
	b.WriteByte('>')
	// A bytes.Buffer never fails a write, and EscapeText has no other error.
	_ = xml.EscapeText(b, []byte(value))
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

// validElementName reports whether name is an XML element name of the plain
// kind S3 uses: ASCII letters, digits, '-', '.' and '_', a letter first.
func validElementName(name string) bool {
	if name == "" || len(name) > maxErrorCode {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9', c == '-', c == '.', c == '_':
			if i == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// ParseError reads the error document of a store's response. It always returns
// an error. Extra elements become Fields; those that identify the store's own
// request (RequestId, HostId, Resource) are dropped. Only the first 64 KiB of
// body are looked at.
//
// The result has the given status if that is an error status. Otherwise, as
// for a 200 response that ends in an error, it has the one that belongs to the
// code, or 500. A body that is empty (as of HEAD), not a document or without a
// usable code gives the general error of the status, with the status of that
// error: 404 NoSuchKey, but 503 ServiceUnavailable for the 502 and 504 of
// whatever stands before the store.
func ParseError(status int, body []byte) *Error {
	e := readErrorDocument(body[:min(len(body), maxErrorBody)])
	if e == nil {
		return errorOfStatus(status)
	}
	known := catalogue[e.Code]
	switch {
	case status >= 400 && status <= 599:
		e.Status = status
	case known != nil:
		e.Status = known.Status
	default:
		e.Status = http.StatusInternalServerError
	}
	if e.Message == "" && known != nil {
		e.Message = known.Message
	}
	return e
}

// IsError reports whether body is a document from which ParseError can tell
// more than from the status alone.
func IsError(body []byte) bool {
	return readErrorDocument(body[:min(len(body), maxErrorBody)]) != nil
}

// readErrorDocument returns nil unless body begins with an Error element that
// has a Code. What follows a mistake in the document is ignored, what came
// before it is used.
func readErrorDocument(body []byte) *Error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	// Every encoding is read as if it were UTF-8: the codes and names that
	// matter are ASCII, and reading ends where that turns out wrong.
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	if root, err := nextStart(d); err != nil || root != "Error" {
		return nil
	}
	e := &Error{}
	for len(e.Fields) < maxErrorFields {
		name, err := nextStart(d)
		if err != nil {
			break
		}
		text, err := elementText(d)
		if err != nil {
			break
		}
		switch name {
		case "Code":
			e.Code = strings.TrimSpace(text)
		case "Message":
			e.Message = text
		case "RequestId", "HostId", "Resource":
		default:
			if validElementName(name) && e.Field(name) == "" {
				e.Fields = append(e.Fields, Field{name, text})
			}
		}
	}
	if !validElementName(e.Code) {
		return nil
	}
	return e
}

var errEndOfElement = errors.New("end of element")

// nextStart returns the name of the next element at this level, or
// errEndOfElement at the end of the enclosing one.
func nextStart(d *xml.Decoder) (string, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t.Name.Local, nil
		case xml.EndElement:
			return "", errEndOfElement
		}
	}
}

// elementText returns the text of the element just opened, nested elements
// left out, cut to maxErrorText bytes and again to whole characters.
func elementText(d *xml.Decoder) (string, error) {
	var b []byte
	for depth := 1; ; {
		t, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			if depth--; depth == 0 {
				return strings.ToValidUTF8(string(b), ""), nil
			}
		case xml.CharData:
			if depth == 1 {
				b = append(b, t[:min(len(t), maxErrorText-len(b))]...)
			}
		}
	}
}

// errorOfStatus is what an error response means that says nothing but its
// status.
func errorOfStatus(status int) *Error {
	general := map[int]*Error{
		http.StatusForbidden:                    ErrAccessDenied,
		http.StatusNotFound:                     ErrNoSuchKey,
		http.StatusMethodNotAllowed:             ErrMethodNotAllowed,
		http.StatusConflict:                     ErrOperationAborted,
		http.StatusLengthRequired:               ErrMissingContentLength,
		http.StatusPreconditionFailed:           ErrPreconditionFailed,
		http.StatusRequestedRangeNotSatisfiable: ErrInvalidRange,
		http.StatusNotImplemented:               ErrNotImplemented,
		http.StatusTooManyRequests:              ErrSlowDown,
		http.StatusBadGateway:                   ErrServiceUnavailable,
		http.StatusServiceUnavailable:           ErrServiceUnavailable,
		http.StatusGatewayTimeout:               ErrServiceUnavailable,
	}[status]
	if general == nil {
		general = ErrInternalError
		if status >= 400 && status <= 499 {
			general = ErrInvalidRequest
		}
	}
	c := *general
	return &c
}
