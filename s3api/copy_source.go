package s3api

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

const headerCopySourceRange = "X-Amz-Copy-Source-Range"

// CopySource names the object that a copy is made from.
type CopySource struct {
	Bucket, Key string
	// VersionID is empty for the current version.
	VersionID string
}

// ParseCopySource reads x-amz-copy-source of a CopyObject or UploadPartCopy:
// bucket and key, perhaps with a slash before them, URL-encoded as one or
// piece by piece, and perhaps ?versionId= behind them. It is decoded once, a
// plus sign to a space. Errors are InvalidArgument.
func ParseCopySource(h http.Header) (CopySource, error) {
	values := h[headerCopySource]
	if len(values) != 1 {
		return CopySource{}, ErrCopySourceInvalid
	}
	// Only a bare question mark begins the version; one in a key is encoded.
	path, query, hasQuery := strings.Cut(values[0], "?")
	s := CopySource{}
	if hasQuery {
		version, ok := strings.CutPrefix(query, "versionId=")
		if !ok {
			return CopySource{}, copySourceError("Invalid copy source encoding", values[0])
		}
		if s.VersionID, ok = unescape(version, true); !ok {
			return CopySource{}, copySourceError("Invalid copy source encoding", values[0])
		}
		if s.VersionID == "" {
			return CopySource{}, errEmptyVersion
		}
	}
	decoded, ok := unescape(path, true)
	if !ok || !utf8.ValidString(decoded) || strings.IndexByte(decoded, 0) >= 0 {
		return CopySource{}, copySourceError("Invalid copy source encoding", values[0])
	}
	s.Bucket, s.Key, ok = strings.Cut(strings.TrimPrefix(decoded, "/"), "/")
	switch {
	case !ok:
		return CopySource{}, ErrCopySourceInvalid.With("ArgumentValue", values[0])
	case !ValidBucketName(s.Bucket):
		return CopySource{}, copySourceError("Invalid copy source bucket name", values[0])
	case s.Key == "" || len(s.Key) > maxKeyBytes:
		return CopySource{}, copySourceError("Invalid copy source object key", values[0])
	}
	return s, nil
}

// String returns the source as it stands in the header.
func (s CopySource) String() string {
	path := EscapePath("/" + s.Bucket + "/" + s.Key)
	if s.VersionID != "" {
		path += "?versionId=" + escape(s.VersionID, false)
	}
	return path
}

// CheckSelf refuses the copy of an object's current version onto the object
// itself unless something changes by it: its metadata, storage class, website
// redirect or encryption.
func (s CopySource) CheckSelf(bucket, key string, changes bool) error {
	if changes || s.VersionID != "" || s.Bucket != bucket || s.Key != key {
		return nil
	}
	return ErrCopyToItself
}

// CheckCopySize refuses to copy size bytes at once if those are more than S3
// copies.
func CheckCopySize(size int64) error {
	if size <= MaxPartSize {
		return nil
	}
	return ErrCopySourceTooLarge
}

func copySourceError(message, value string) *Error {
	return ErrCopySourceInvalid.WithMessage("%s", message).With("ArgumentValue", value)
}

// ParseCopyRange reads x-amz-copy-source-range of an UploadPartCopy, which
// must have the form bytes=first-last; ok is false if there is none.
func ParseCopyRange(h http.Header) (r Range, ok bool, err error) {
	values := h[headerCopySourceRange]
	if len(values) == 0 {
		return Range{}, false, nil
	}
	bad := ErrCopyRangeInvalid.With("ArgumentValue", values[0])
	spec, ok := strings.CutPrefix(values[0], "bytes=")
	if !ok || len(values) != 1 {
		return Range{}, false, bad
	}
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return Range{}, false, bad
	}
	if r.First, ok = parseOffset(first); !ok {
		return Range{}, false, bad
	}
	if r.Last, ok = parseOffset(last); !ok || r.Last < r.First {
		return Range{}, false, bad
	}
	return r, true, nil
}

// ResolveCopy applies the range to a source of size bytes, as Resolve does;
// but a copy gets the whole range or nothing. The error is InvalidArgument.
func (r Range) ResolveCopy(size int64) (off, n int64, err error) {
	if r.First < 0 || r.Last < r.First || r.Last >= size {
		return 0, 0, ErrInvalidArgument.
			WithMessage("Range specified is not valid for source object of size: %s", strconv.FormatInt(size, 10)).
			With("ArgumentName", strings.ToLower(headerCopySourceRange)).
			With("ArgumentValue", r.String())
	}
	return r.First, r.Last - r.First + 1, nil
}
