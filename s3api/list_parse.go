package s3api

import (
	"bytes"
	"errors"
	"strconv"
	"sync"
)

// listing is a listing document taken apart: what it says, and the places
// where the rewritten one differs from it.
type listing struct {
	scan    xmlScanner
	opts    ListOptions
	objects []listedObject
	edits   []edit // in the order of the document

	urlEncoded bool // keys, prefixes and markers are URL-encoded
	truncated  bool
	lastKey    leaf // of an object
	lastPrefix leaf // of a common prefix
	next       leaf // the last of them, if ListObjects is to name it
}

// listedObject is where an object's properties stand.
type listedObject struct {
	key, version, etag, modified leaf

	size          int64
	hasSize       bool
	metadata      []byte // undecoded value of the metadata asked for
	metadataKnown bool
}

// edit replaces doc[start:end].
type edit struct {
	start, end int
	object     int32 // index of the object that the edit is about
	kind       editKind
}

type editKind uint8

const (
	editRemove   editKind = iota
	editSize              // replace the digits
	editETag              // replace the element
	editChecksum          // insert the checksum algorithm, if any
	editMissing           // insert an ETag and the checksum algorithm, if any
	editV1                // insert what ListObjects has more than ListObjectsV2
)

// listingRoom is memory for what is found in a listing, some hundred KiB for
// one of a thousand entries.
type listingRoom struct {
	objects []listedObject
	edits   []edit
}

var listingRooms sync.Pool

func (l *listing) remove(start, end int) {
	l.edits = append(l.edits, edit{kind: editRemove, start: start, end: end})
}

// parse reads the whole document.
func (l *listing) parse() error {
	root, err := l.scan.root()
	if err != nil {
		return err
	}
	switch string(root.local()) {
	case "ListBucketResult":
	case "ListVersionsResult":
		if l.opts.V1 != nil {
			return errors.New("an answer to another request")
		}
	default:
		return errors.New("not a listing")
	}
	if l.opts.V1 != nil {
		l.edits = append(l.edits, edit{kind: editV1, start: root.end, end: root.end})
	}
	for {
		t, ok, err := l.scan.child(root)
		if err != nil {
			return err
		}
		if !ok {
			return l.scan.finish()
		}
		if err := l.element(t); err != nil {
			return err
		}
	}
}

// element reads a child of the root element.
func (l *listing) element(t tag) error {
	switch string(t.local()) {
	case "Contents", "Version":
		return l.object(t)
	case "DeleteMarker":
		return l.deleteMarker(t)
	case "EncodingType":
		text, err := l.scan.text(t)
		l.urlEncoded = bytes.EqualFold(l.scan.doc[text.textStart:text.textEnd], []byte("url"))
		return err
	}
	if l.opts.V1 != nil {
		return l.elementV1(t)
	}
	_, err := l.scan.skip(t)
	return err
}

// object reads an entry that is an object or a version of one.
func (l *listing) object(entry tag) error {
	if entry.kind == tagEmpty {
		return errAt(entry.start, "an empty entry")
	}
	l.objects = append(l.objects, listedObject{})
	n := int32(len(l.objects) - 1) //nolint:gosec // bounded by MaxListing
	o := &l.objects[n]
	for {
		t, ok, err := l.scan.child(entry)
		if err != nil {
			return err
		}
		if ok {
			if err := l.property(o, n, t); err != nil {
				return err
			}
			continue
		}
		if o.key.end == 0 || !o.hasSize {
			return errAt(entry.start, "an entry without key or size")
		}
		if o.etag.end == 0 {
			l.edits = append(l.edits, edit{kind: editMissing, start: t.start, end: t.start, object: n})
		}
		l.lastKey = o.key
		return nil
	}
}

// property reads a child of the entry of object o, which has index n.
func (l *listing) property(o *listedObject, n int32, t tag) (err error) {
	switch string(t.local()) {
	case "Key":
		err = l.once(&o.key, t)
	case "VersionId":
		err = l.once(&o.version, t)
	case "LastModified":
		err = l.once(&o.modified, t)
	case "ETag":
		err = l.once(&o.etag, t)
		l.edits = append(l.edits,
			edit{kind: editETag, start: o.etag.start, end: o.etag.end, object: n},
			edit{kind: editChecksum, start: o.etag.end, end: o.etag.end, object: n})
	case "Size":
		if o.hasSize {
			return errAt(t.start, "an element occurs twice")
		}
		var text leaf
		if text, err = l.scan.text(t); err != nil {
			return err
		}
		o.hasSize = true
		o.size, err = parseSize(l.scan.doc[text.textStart:text.textEnd])
		l.edits = append(l.edits, edit{kind: editSize, start: text.textStart, end: text.textEnd, object: n})
	case "UserMetadata":
		o.metadataKnown = true
		err = l.userMetadata(o, t)
	case "Internal":
		// MinIO leaves UserMetadata out when there is none, Internal never.
		o.metadataKnown = true
		err = l.removeElement(t)
	case "UserTags", "ChecksumAlgorithm", "ChecksumType":
		err = l.removeElement(t)
	default:
		_, err = l.scan.skip(t)
	}
	return err
}

// once reads a text element that may not occur again.
func (l *listing) once(to *leaf, t tag) (err error) {
	if to.end != 0 {
		return errAt(t.start, "an element occurs twice")
	}
	*to, err = l.scan.text(t)
	return err
}

func (l *listing) removeElement(t tag) error {
	end, err := l.scan.skip(t)
	l.remove(t.start, end)
	return err
}

// deleteMarker reads a delete marker, which in S3 has neither size nor ETag
// nor storage class.
func (l *listing) deleteMarker(entry tag) error {
	if entry.kind == tagEmpty {
		return nil
	}
	for {
		t, ok, err := l.scan.child(entry)
		if err != nil || !ok {
			return err
		}
		switch string(t.local()) {
		case "UserMetadata":
			err = l.userMetadata(&listedObject{}, t)
		case "ETag", "Size", "StorageClass", "Internal", "UserTags", "ChecksumAlgorithm", "ChecksumType":
			err = l.removeElement(t)
		default:
			_, err = l.scan.skip(t)
		}
		if err != nil {
			return err
		}
	}
}

// parseSize reads the digits of a size.
func parseSize(text []byte) (int64, error) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 63)
	if err != nil {
		return 0, errors.New("a size that is no number")
	}
	return int64(n), nil //nolint:gosec // 63 bits
}
