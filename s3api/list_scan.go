package s3api

import (
	"bytes"
	"errors"
	"fmt"
)

// tagKind tells opening, closing and self-closing tags apart.
type tagKind uint8

const (
	tagOpen tagKind = iota
	tagClose
	tagEmpty
	tagNone // the document has ended
)

// tag is one tag of a document, at doc[start:end].
type tag struct {
	kind       tagKind
	name       []byte // with its prefix, if any
	start, end int
}

// local returns the name without a namespace prefix.
func (t *tag) local() []byte {
	return t.name[bytes.IndexByte(t.name, ':')+1:]
}

// xmlScanner finds the tags of an XML document and where they stand, which is
// what copying a document with changes needs. It checks that tags nest, and
// leaves text, attributes and names that nobody asks about unread: documents
// of object stores carry control characters and header names in places where
// XML has none, and encoding/xml, besides being ten times slower, refuses
// them.
type xmlScanner struct {
	doc []byte
	pos int
}

var errTruncated = errors.New("the document ends inside an element")

// errAt says where in the document something is wrong, and never quotes it.
func errAt(pos int, format string, a ...any) error {
	return fmt.Errorf("offset %d: "+format, append([]any{pos}, a...)...)
}

// next returns the next tag, stepping over text, comments, CDATA sections and
// processing instructions. Document type declarations are refused.
func (s *xmlScanner) next() (tag, error) {
	for {
		i := bytes.IndexByte(s.doc[s.pos:], '<')
		if i < 0 {
			s.pos = len(s.doc)
			return tag{kind: tagNone, start: s.pos, end: s.pos}, nil
		}
		s.pos += i
		rest := s.doc[s.pos:]
		if len(rest) < 2 || rest[1] != '!' && rest[1] != '?' {
			return s.tag()
		}
		var opening, closing string
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			opening, closing = "<!--", "-->"
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			opening, closing = "<![CDATA[", "]]>"
		case bytes.HasPrefix(rest, []byte("<?")):
			opening, closing = "<?", "?>"
		default:
			return tag{}, errAt(s.pos, "unexpected declaration")
		}
		end := bytes.Index(rest[len(opening):], []byte(closing))
		if end < 0 {
			return tag{}, errTruncated
		}
		s.pos += len(opening) + end + len(closing)
	}
}

// tag reads the tag at pos, which is at its '<'.
func (s *xmlScanner) tag() (tag, error) {
	t := tag{start: s.pos}
	i := s.pos + 1
	if i < len(s.doc) && s.doc[i] == '/' {
		t.kind = tagClose
		i++
	}
	nameStart := i
	for i < len(s.doc) && !endsName[s.doc[i]] {
		i++
	}
	if t.name = s.doc[nameStart:i]; i == nameStart {
		return tag{}, errAt(t.start, "a tag without a name")
	}
	if i < len(s.doc) && s.doc[i] == '>' {
		t.end, s.pos = i+1, i+1
		return t, nil
	}
	end, err := s.tagEnd(i)
	if err != nil {
		return tag{}, err
	}
	switch inner := s.doc[i : end-1]; {
	case t.kind == tagClose && len(bytes.TrimSpace(inner)) > 0:
		return tag{}, errAt(t.start, "a closing tag with attributes")
	case t.kind == tagOpen && bytes.HasSuffix(inner, []byte("/")):
		t.kind = tagEmpty
	}
	t.end, s.pos = end, end
	return t, nil
}

// tagEnd returns the offset after the '>' that ends a tag whose name ends at
// i, taking no '>' inside a quoted attribute for it.
func (s *xmlScanner) tagEnd(i int) (int, error) {
	for i < len(s.doc) {
		switch c := s.doc[i]; c {
		case '>':
			return i + 1, nil
		case '<':
			return 0, errAt(i, "unexpected '<' in a tag")
		case '"', '\'':
			n := bytes.IndexByte(s.doc[i+1:], c)
			if n < 0 {
				return 0, errTruncated
			}
			i += n + 2
		default:
			i++
		}
	}
	return 0, errTruncated
}

// endsName are the bytes that no name holds.
var endsName = [256]bool{
	' ': true, '\t': true, '\r': true, '\n': true, '/': true, '>': true,
	'<': true, '=': true, '"': true, '\'': true, '&': true,
}
