package s3api

import "fmt"

// MaxListing is the size in bytes of the largest listing document that is
// rewritten. A thousand entries with the longest keys and the most metadata
// stay well below it.
const MaxListing = 16 << 20

// Entry is one object of a listing as the store gave it.
type Entry struct {
	// Key is the object's key, decoded.
	Key string
	// VersionID is empty in listings without versions and "null" for the
	// version made without versioning.
	VersionID string
	// Size is what the store holds, in bytes.
	Size int64
	// ETag is without quotes; empty if the store gave none.
	ETag string
	// Modified is when the object was written, in the store's words.
	Modified string
	// Metadata is the value of the user metadata named in ListOptions, empty
	// if the object has none of that name.
	Metadata string
	// MetadataKnown tells an object without that metadata from a store that
	// does not give metadata in listings.
	MetadataKnown bool
}

// Rewritten is what clients shall see of an Entry.
type Rewritten struct {
	// Size in bytes.
	Size int64
	// ETag without quotes.
	ETag string
	// Checksum is the algorithm of the object's checksum, zero for none.
	Checksum Algorithm
	// Composite tells a checksum of part checksums from one of the object.
	Composite bool
}

// ListOptions says how a listing is rewritten.
type ListOptions struct {
	// MetadataName is the header name of the one piece of user metadata that
	// Entry.Metadata is about, for instance "X-Amz-Meta-Name". Compared
	// without regard to case.
	MetadataName string
	// V1 makes an answer to ListObjects from one to ListObjectsV2; see V1Query.
	V1 *V1Listing
}

// RewriteListing appends to dst the ListObjects, ListObjectsV2 or
// ListObjectVersions answer doc with sizes, ETags and checksums replaced.
//
// f is called at most once, with every object of the listing in order (delete
// markers have neither size nor ETag and are left out), and returns as many
// values in the same order. It must not keep the slice. Its error is returned
// as it is; every other error means that the store's document cannot be
// understood, and then nothing of it should be shown to a client.
//
// What is not replaced or removed is copied byte for byte. Removed are the
// user metadata, tags and internals that a store may list on request
// (MinIO's metadata=true), its own checksum algorithms, which describe what it
// stores, and the sizes that MinIO gives delete markers.
func RewriteListing(dst, doc []byte, opts ListOptions, f func([]Entry) ([]Rewritten, error)) ([]byte, error) {
	if len(doc) > MaxListing {
		return dst, fmt.Errorf("listing: %d bytes are more than the limit of %d", len(doc), MaxListing)
	}
	room, ok := listingRooms.Get().(*listingRoom)
	if !ok {
		room = new(listingRoom)
	}
	l := listing{scan: xmlScanner{doc: doc}, opts: opts, objects: room.objects[:0], edits: room.edits[:0]}
	defer func() {
		clear(l.objects) // which point into the document
		room.objects, room.edits = l.objects, l.edits
		listingRooms.Put(room)
	}()
	if err := l.parse(); err != nil {
		return dst, fmt.Errorf("listing: %w", err)
	}
	entries, err := l.entries()
	if err != nil {
		return dst, fmt.Errorf("listing: %w", err)
	}
	if l.next, err = l.nextMarker(); err != nil {
		return dst, fmt.Errorf("listing: %w", err)
	}
	var rewritten []Rewritten
	if len(entries) > 0 {
		if rewritten, err = f(entries); err != nil {
			return dst, err
		}
		if len(rewritten) != len(entries) {
			return dst, fmt.Errorf("listing: %d entries were rewritten into %d", len(entries), len(rewritten))
		}
	}
	return l.splice(dst, entries, rewritten), nil
}

// entries decodes the objects found, once it is known whether the keys are
// URL-encoded: the element that says so may come last.
func (l *listing) entries() ([]Entry, error) {
	entries := make([]Entry, len(l.objects))
	for i := range l.objects {
		o, e := &l.objects[i], &entries[i]
		var err error
		if e.Key, err = l.key(o.key); err != nil {
			return nil, err
		}
		if e.VersionID, err = l.text(o.version); err != nil {
			return nil, err
		}
		if e.ETag, err = xmlText(o.etagText(l.scan.doc)); err != nil {
			return nil, errAt(o.etag.start, "ETag: %w", err)
		}
		if e.Modified, err = l.text(o.modified); err != nil {
			return nil, err
		}
		if e.Metadata, err = xmlText(o.metadata); err != nil {
			return nil, errAt(o.key.start, "UserMetadata: %w", err)
		}
		e.Size, e.MetadataKnown = o.size, o.metadataKnown
	}
	return entries, nil
}

// text returns what a text element of the document says; the zero leaf says
// nothing.
func (l *listing) text(t leaf) (string, error) {
	s, err := xmlText(l.scan.doc[t.textStart:t.textEnd])
	if err != nil {
		return "", errAt(t.start, "%w", err)
	}
	return s, nil
}

// key returns the key or prefix in a text element, decoded as EncodingType
// says.
func (l *listing) key(t leaf) (string, error) {
	s, err := l.text(t)
	if err != nil || !l.urlEncoded {
		return s, err
	}
	if s, err = urlDecoded(s); err != nil {
		return "", errAt(t.start, "%w", err)
	}
	return s, nil
}
