package rotation

import (
	"context"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Name names a version of an object.
type Name struct {
	Bucket, Key string
	// VersionID is empty for the current version, and "null" for the one from
	// times without versioning.
	VersionID string
}

// Entry is a version of an object in a listing.
type Entry struct {
	Key, VersionID string
	Latest         bool
	DeleteMarker   bool
	Size           int64
	ETag           string // without quotes
	Modified       time.Time

	// Envelope is the object's metadata header of the envelope, "" if it has
	// none. It is known only from stores that list metadata.
	Envelope      string
	EnvelopeKnown bool

	when time.Time // it is given when it is changed in place
	tied bool      // its order among other versions could not be kept then
}

// Object is what the store says of an object.
type Object struct {
	Header    http.Header
	Size      int64  // in bytes, as stored
	ETag      string // without quotes
	VersionID string
	Modified  time.Time // to the second
}

// Bucket says how a bucket treats its objects.
type Bucket struct {
	// Versioned says that every upload makes a new version.
	Versioned bool

	// LockDefault says that objects are locked when they are written without a
	// word about it.
	LockDefault bool
}

// Change is a copy of an object onto itself that gives it other metadata.
type Change struct {
	Name

	// Source is the version that is copied. It must have the given ETag.
	Source string
	ETag   string

	// Header are all metadata and conditions.
	Header http.Header
}

// Body is what an upload sends.
type Body struct {
	io.Reader
	Size   int64  // in bytes
	CRC32C uint32 // of all of it, for the store to compare
}

// Store is an S3 store. Errors that the store answered with are *s3api.Error.
// Implementations are safe for concurrent use.
type Store interface {
	// Kind returns what the store calls itself: its Server header. It is
	// known after the first answer.
	Kind() string

	// Buckets returns the names of all buckets, in order.
	Buckets(ctx context.Context) ([]string, error)

	// Versions lists the versions and delete markers of a bucket whose keys
	// have the prefix and come after the given key, those of one key from the
	// newest to the oldest.
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[Entry, error]

	// Bucket returns how a bucket treats its objects.
	Bucket(ctx context.Context, bucket string) (Bucket, error)

	// Head describes an object.
	Head(ctx context.Context, n Name) (*Object, error)

	// HeadPart describes a part of an object that was uploaded in parts, from 1.
	HeadPart(ctx context.Context, n Name, number int) (*Object, error)

	// Peek describes an object and returns its last n bytes, or all if there are
	// fewer.
	Peek(ctx context.Context, n Name, size int64) (*Object, []byte, error)

	// Get returns the body of an object if it has the ETag. A positive length
	// asks for that many bytes from the offset on.
	Get(ctx context.Context, n Name, etag string, offset, length int64) (io.ReadCloser, error)

	// Tags returns the tags of an object in the form of x-amz-tagging.
	Tags(ctx context.Context, n Name) (string, error)

	// ACL returns who may use an object, as S3's document, or nil if that is
	// its owner alone or the store knows nothing of ACLs.
	ACL(ctx context.Context, n Name) ([]byte, error)

	// PutACL sets what ACL returned.
	PutACL(ctx context.Context, n Name, doc []byte) error

	// Copy gives an object other metadata.
	Copy(ctx context.Context, c Change) (*s3api.CopyResult, error)

	// Put writes an object.
	Put(ctx context.Context, n Name, h http.Header, body Body) error

	// BeginUpload starts an upload in parts and returns its id. whole says that
	// all parts will come by PutPart, so that the store can keep a checksum of
	// the whole, if it has a use for that.
	BeginUpload(ctx context.Context, n Name, h http.Header, whole bool) (string, error)

	// PutPart uploads a part.
	PutPart(ctx context.Context, n Name, upload string, number int, body Body) (s3api.CompletedPart, error)

	// CopyPart makes a part of the bytes first to last of an object, if that has
	// the ETag.
	CopyPart(ctx context.Context, n Name, upload string, number int, source Name, etag string, first, last int64) (s3api.CompletedPart, error)

	// CompleteUpload makes an object of the parts.
	CompleteUpload(ctx context.Context, n Name, upload string, parts []s3api.CompletedPart, h http.Header) error

	// AbortUpload throws the parts away.
	AbortUpload(ctx context.Context, n Name, upload string) error
}

// isMinIO reports whether metadata can be changed in place.
func isMinIO(s Store) bool { return s.Kind() == "MinIO" }
