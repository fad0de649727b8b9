package s3api

import "strings"

// V1Listing is what V1Query remembers of a ListObjects request.
type V1Listing struct {
	// Marker is the request's marker, decoded.
	Marker string
	// Delimited tells that the request has a delimiter.
	Delimited bool
}

// V1Query makes the query of a ListObjectsV2 request from that of a
// ListObjects request, and what RewriteListing needs to turn the answer back.
// Only what the two have in common is kept.
//
// It relies on the store taking start-after as it takes marker, so that a
// common prefix equal to it is not listed again. MinIO does.
func V1Query(q Query) (Query, *V1Listing) {
	v2 := Query{
		{Name: "list-type", Value: "2", HasValue: true},
		{Name: "fetch-owner", Value: "true", HasValue: true},
	}
	for _, p := range q {
		switch p.Name {
		case "prefix", "delimiter", "max-keys", "encoding-type":
			v2 = append(v2, p)
		case "marker":
			v2 = append(v2, Param{Name: "start-after", Value: p.Value, HasValue: p.HasValue})
		}
	}
	return v2, &V1Listing{Marker: q.Get("marker"), Delimited: q.Get("delimiter") != ""}
}

// elementV1 reads a child of the root element of a ListObjectsV2 answer that
// becomes one to ListObjects. That has the elements in the order Name, Prefix,
// Marker, NextMarker.
func (l *listing) elementV1(t tag) error {
	switch string(t.local()) {
	case "KeyCount", "StartAfter", "ContinuationToken", "NextContinuationToken", "Marker", "NextMarker":
		return l.removeElement(t)
	case "Name", "Prefix":
		end, err := l.scan.skip(t)
		l.insertV1(end)
		return err
	case "IsTruncated":
		text, err := l.scan.text(t)
		if err != nil {
			return err
		}
		said, err := l.text(text)
		l.truncated = strings.TrimSpace(said) == "true"
		return err
	case "CommonPrefixes":
		return l.commonPrefixes(t)
	}
	_, err := l.scan.skip(t)
	return err
}

// insertV1 moves the place where Marker and NextMarker go to offset pos, if
// nothing else has been changed before it.
func (l *listing) insertV1(pos int) {
	if e := &l.edits[len(l.edits)-1]; e.kind == editV1 {
		e.start, e.end = pos, pos
	}
}

// commonPrefixes remembers the last common prefix.
func (l *listing) commonPrefixes(parent tag) error {
	if parent.kind == tagEmpty {
		return nil
	}
	for {
		t, ok, err := l.scan.child(parent)
		if err != nil || !ok {
			return err
		}
		if string(t.local()) == "Prefix" {
			l.lastPrefix, err = l.scan.text(t)
		} else {
			_, err = l.scan.skip(t)
		}
		if err != nil {
			return err
		}
	}
}

// nextMarker returns where in a truncated listing the next one goes on, still
// encoded: at the last key or common prefix. S3 says so only in answers to
// requests with a delimiter; others go on at the last key, which they have.
func (l *listing) nextMarker() (leaf, error) {
	if l.opts.V1 == nil || !l.opts.V1.Delimited || !l.truncated {
		return leaf{}, nil
	}
	key, err := l.key(l.lastKey)
	if err != nil {
		return leaf{}, err
	}
	prefix, err := l.key(l.lastPrefix)
	if err != nil {
		return leaf{}, err
	}
	if prefix > key {
		return l.lastPrefix, nil
	}
	return l.lastKey, nil
}

// appendV1 appends Marker and NextMarker.
func (l *listing) appendV1(dst []byte) []byte {
	marker := l.opts.V1.Marker
	if l.urlEncoded {
		marker = urlEncoded(marker)
	}
	dst = appendElement(dst, "Marker", marker)
	if l.next == (leaf{}) {
		return dst
	}
	dst = append(dst, "<NextMarker>"...)
	dst = append(dst, l.scan.doc[l.next.textStart:l.next.textEnd]...)
	return append(dst, "</NextMarker>"...)
}
