package s3api

import (
	"bytes"
	"strings"
)

// userMetadata reads and removes MinIO's UserMetadata element, whose children
// are named after the metadata. Header names may hold characters that element
// names may not, such as '&', and MinIO writes them all the same, so the
// children are read as they are written: <name>, text, </name>.
func (l *listing) userMetadata(o *listedObject, t tag) error {
	if t.kind == tagEmpty {
		l.remove(t.start, t.end)
		return nil
	}
	doc := l.scan.doc
	for pos := t.end; ; {
		if rest, ok := bytes.CutPrefix(doc[pos:], []byte("</UserMetadata>")); ok {
			l.scan.pos = len(doc) - len(rest)
			l.remove(t.start, l.scan.pos)
			return nil
		}
		nameEnd := bytes.IndexByte(doc[pos:], '>')
		if nameEnd < 2 || doc[pos] != '<' {
			return errAt(pos, "malformed UserMetadata")
		}
		name := doc[pos+1 : pos+nameEnd]
		value := doc[pos+nameEnd+1:]
		valueEnd := bytes.IndexByte(value, '<')
		if valueEnd < 0 {
			return errTruncated
		}
		rest := value[valueEnd:]
		// "</" + name + ">"
		size := len(name) + 3
		if len(rest) < size || rest[1] != '/' || !bytes.Equal(rest[2:size-1], name) || rest[size-1] != '>' {
			return errAt(pos, "malformed UserMetadata")
		}
		if sameHeader(name, l.opts.MetadataName) {
			if o.metadata != nil {
				return errAt(pos, "metadata occurs twice")
			}
			o.metadata = value[:valueEnd:valueEnd]
		}
		pos = len(doc) - len(rest) + size
	}
}

// sameHeader compares header names.
func sameHeader(a []byte, b string) bool {
	return len(a) == len(b) && strings.EqualFold(string(a), b)
}
