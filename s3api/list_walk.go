package s3api

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// maxDepth bounds how deep elements nest; S3 documents stay below six.
const maxDepth = 32

// skip steps over the rest of the element that open began and returns the
// offset after it.
func (s *xmlScanner) skip(open tag) (end int, err error) {
	if open.kind == tagEmpty {
		return open.end, nil
	}
	if i := bytes.IndexByte(s.doc[s.pos:], '<'); i >= 0 && s.closes(open, s.pos+i) {
		return s.pos, nil
	}
	var stack [maxDepth][]byte
	stack[0] = open.name
	for depth := 1; depth > 0; {
		t, err := s.next()
		if err != nil {
			return 0, err
		}
		switch t.kind {
		case tagNone:
			return 0, errTruncated
		case tagOpen:
			if depth == maxDepth {
				return 0, errAt(t.start, "elements nest too deep")
			}
			stack[depth] = t.name
			depth++
		case tagClose:
			depth--
			if !bytes.Equal(stack[depth], t.name) {
				return 0, errAt(t.start, "an element is closed by another's tag")
			}
		case tagEmpty:
		}
	}
	return s.pos, nil
}

// closes steps over the tag at pos if that, in its usual form, closes the
// element that open began.
func (s *xmlScanner) closes(open tag, pos int) bool {
	rest := s.doc[pos:]
	n := len(open.name)
	if len(rest) < n+3 || rest[1] != '/' || rest[n+2] != '>' || !bytes.Equal(rest[2:n+2], open.name) {
		return false
	}
	s.pos = pos + n + 3
	return true
}

// leaf is an element that holds text only: the element is at
// doc[start:end], its text at doc[textStart:textEnd].
type leaf struct {
	start, end         int
	textStart, textEnd int
}

// text reads the rest of the element that open began, which must hold nothing
// but text.
func (s *xmlScanner) text(open tag) (leaf, error) {
	l := leaf{start: open.start, textStart: open.end, textEnd: open.end, end: open.end}
	if open.kind == tagEmpty {
		return l, nil
	}
	i := bytes.IndexByte(s.doc[s.pos:], '<')
	if i < 0 {
		return leaf{}, errTruncated
	}
	l.textEnd = s.pos + i
	if s.closes(open, l.textEnd) {
		l.end = s.pos
		return l, nil
	}
	s.pos = l.textEnd
	t, err := s.tag()
	if err != nil {
		return leaf{}, err
	}
	if t.kind != tagClose || !bytes.Equal(t.name, open.name) {
		return leaf{}, errAt(t.start, "an element holds more than text")
	}
	l.end = t.end
	return l, nil
}

// root reads the opening tag of the document's root element.
func (s *xmlScanner) root() (tag, error) {
	t, err := s.next()
	if err != nil {
		return tag{}, err
	}
	if t.kind != tagOpen {
		return tag{}, errors.New("the document has no content")
	}
	return t, nil
}

// child returns the next child of the element that parent began: an opening
// or empty tag. ok is false, and t the closing tag, after the last one.
func (s *xmlScanner) child(parent tag) (t tag, ok bool, err error) {
	t, err = s.next()
	switch {
	case err != nil:
		return tag{}, false, err
	case t.kind == tagNone:
		return tag{}, false, errTruncated
	case t.kind != tagClose:
		return t, true, nil
	case !bytes.Equal(t.name, parent.name):
		return tag{}, false, errAt(t.start, "an element is closed by another's tag")
	}
	return t, false, nil
}

// finish checks that nothing follows the root element.
func (s *xmlScanner) finish() error {
	t, err := s.next()
	if err != nil {
		return err
	}
	if t.kind != tagNone {
		return errAt(t.start, "more than one root element")
	}
	return nil
}

// eachChild calls f with the opening tag of every child of the element that
// parent began. f reads the rest of the child.
func eachChild(scan *xmlScanner, parent tag, f func(tag) error) error {
	if parent.kind == tagEmpty {
		return nil
	}
	for {
		t, ok, err := scan.child(parent)
		if err != nil || !ok {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
	}
}

// textOf reads the text of the element that t began.
func textOf(scan *xmlScanner, t tag) (string, error) {
	l, err := scan.text(t)
	if err != nil {
		return "", err
	}
	text, err := xmlText(scan.doc[l.textStart:l.textEnd])
	if err == nil && !utf8.ValidString(text) {
		err = errAt(l.start, "text that is not UTF-8")
	}
	return text, err
}

// elements reads the children of the element that parent began, each by the
// function of its name. Any other child, one that comes twice, and the absence
// of a required one are ErrMalformedXML.
func elements(scan *xmlScanner, parent tag, read map[string]func(tag) error, required ...string) error {
	seen := make(map[string]bool, len(read))
	err := eachChild(scan, parent, func(t tag) error {
		name := string(t.local())
		f := read[name]
		if f == nil || seen[name] {
			return ErrMalformedXML
		}
		seen[name] = true
		return f(t)
	})
	if err != nil {
		return err
	}
	for _, name := range required {
		if !seen[name] {
			return ErrMalformedXML
		}
	}
	return nil
}
