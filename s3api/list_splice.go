package s3api

import (
	"bytes"
	"strconv"
)

// quotes are the forms in which stores write the quotation marks of an ETag.
var quotes = [][]byte{[]byte("&quot;"), []byte("&#34;"), []byte("&#x22;"), []byte(`"`)}

// etagRange returns where in doc the ETag is, without its quotes.
func (o *listedObject) etagRange(doc []byte) (start, end int) {
	start, end = o.etag.textStart, o.etag.textEnd
	text := doc[start:end]
	for _, q := range quotes {
		if inner, ok := bytes.CutPrefix(text, q); ok {
			start, text = start+len(q), inner
			break
		}
	}
	for _, q := range quotes {
		if inner, ok := bytes.CutSuffix(text, q); ok {
			return start, start + len(inner)
		}
	}
	return start, end
}

func (o *listedObject) etagText(doc []byte) []byte {
	start, end := o.etagRange(doc)
	return doc[start:end]
}

// splice appends the document to dst with the edits applied.
func (l *listing) splice(dst []byte, entries []Entry, rewritten []Rewritten) []byte {
	doc := l.scan.doc
	done := 0
	for i := range l.edits {
		e := &l.edits[i]
		dst = append(dst, doc[done:e.start]...)
		done = e.end
		switch e.kind {
		case editRemove:
		case editSize:
			dst = l.appendSize(dst, doc[e.start:e.end], entries[e.object].Size, rewritten[e.object].Size)
		case editETag:
			dst = l.appendETag(dst, &l.objects[e.object], entries[e.object].ETag, rewritten[e.object].ETag)
		case editChecksum:
			dst = appendChecksum(dst, rewritten[e.object])
		case editMissing:
			if tag := rewritten[e.object].ETag; tag != "" {
				dst = appendQuoted(dst, tag)
			}
			dst = appendChecksum(dst, rewritten[e.object])
		case editV1:
			dst = l.appendV1(dst)
		}
	}
	return append(dst, doc[done:]...)
}

func (l *listing) appendSize(dst, original []byte, before, after int64) []byte {
	if before == after {
		return append(dst, original...)
	}
	return strconv.AppendInt(dst, after, 10)
}

// appendETag appends o's ETag element with another ETag in it, within the
// quotes that are there.
func (l *listing) appendETag(dst []byte, o *listedObject, before, after string) []byte {
	doc := l.scan.doc
	switch {
	case before == after:
		return append(dst, doc[o.etag.start:o.etag.end]...)
	case o.etag.textStart == o.etag.textEnd || after == "":
		return appendQuoted(dst, after)
	}
	start, end := o.etagRange(doc)
	dst = append(dst, doc[o.etag.start:start]...)
	dst = appendXMLText(dst, after)
	return append(dst, doc[end:o.etag.end]...)
}

// appendQuoted appends an ETag element as S3 writes it, empty for an empty
// ETag.
func appendQuoted(dst []byte, etag string) []byte {
	if etag == "" {
		return append(dst, "<ETag></ETag>"...)
	}
	return appendElement(dst, "ETag", `"`+etag+`"`)
}

func appendChecksum(dst []byte, r Rewritten) []byte {
	if !r.Checksum.Valid() {
		return dst
	}
	dst = appendElement(dst, "ChecksumAlgorithm", r.Checksum.String())
	kind := "FULL_OBJECT"
	if r.Composite {
		kind = "COMPOSITE"
	}
	return appendElement(dst, "ChecksumType", kind)
}
