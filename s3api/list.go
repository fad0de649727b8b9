package s3api

import "errors"

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

// V1Listing is what V1Query remembers of a ListObjects request.
type V1Listing struct {
	Marker    string // decoded
	Delimited bool   // a delimiter was given
}

// V1Query makes a ListObjectsV2 query from a ListObjects query; the returned
// V1Listing turns the answer back.
//
// It relies on the store taking start-after as it takes marker, that is, not
// returning a common prefix equal to it.
func V1Query(q Query) (Query, *V1Listing) {
	return nil, nil
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
// What is not replaced or removed is copied byte for byte. User metadata, tags
// and other extensions of the store are removed.
func RewriteListing(dst, doc []byte, opts ListOptions, f func([]Entry) ([]Rewritten, error)) ([]byte, error) {
	return nil, errors.ErrUnsupported
}
