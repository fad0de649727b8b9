package s3api

import (
	"crypto/subtle"
	"strconv"
)

// UploadedPart is a part as it was uploaded.
type UploadedPart struct {
	// ETag is the one the client was given, quoted or not.
	ETag string
	// Size is the length of the plaintext in bytes.
	Size int64
	// Checksum is the raw checksum of UploadChecksum.PartAlgorithm, nil if none
	// was kept.
	Checksum []byte
}

// CompletedObject is what an upload comes out as.
type CompletedObject struct {
	// Size is in bytes.
	Size int64
	// Checksum is zero if the parts have none.
	Checksum Checksum
	// ETag is made of the ETags of the parts, without quotes; empty if those
	// are not all of the form of an MD5.
	ETag string
}

// Complete checks a CompleteMultipartUpload of upload id against the parts
// there are, and computes what the object has to have. uploaded returns the
// part of that number as it was uploaded last. listed is what ParseComplete
// returned.
//
// Errors are *Error: ErrInvalidPart, ErrInvalidPartOrder, ErrEntityTooSmall,
// ErrBadDigest and ErrInvalidRequest with the texts and elements of S3; it is
// ErrInternalError if a part lacks the checksum that this upload needs.
func (u UploadChecksum) Complete(id string, listed []CompletedPart, uploaded func(number int) (UploadedPart, bool), r CompleteRequest) (CompletedObject, error) {
	if r.Type != 0 && r.Type != u.Type {
		return CompletedObject{}, u.modeMismatch()
	}
	sum := newPartSum(u)
	var size int64
	etags := make([]string, len(listed))
	for i := range listed {
		l := &listed[i]
		p, ok := uploaded(l.Number)
		if !ok || unquoteETag(p.ETag) != l.ETag {
			return CompletedObject{}, invalidPart(id, l)
		}
		if p.Size < MinPartSize && i < len(listed)-1 {
			return CompletedObject{}, partTooSmall(l, p.Size)
		}
		if err := u.checkCompleted(id, l, &p, i+1); err != nil {
			return CompletedObject{}, err
		}
		sum.add(&p)
		size += p.Size
		etags[i] = l.ETag
	}
	if err := r.checkSize(size); err != nil {
		return CompletedObject{}, err
	}
	c, err := sum.checksum()
	if err != nil {
		return CompletedObject{}, err
	}
	if err := r.checkChecksum(u, c, len(listed)); err != nil {
		return CompletedObject{}, err
	}
	etag, _ := CompositeETag(etags)
	return CompletedObject{Size: size, Checksum: c, ETag: etag}, nil
}

// checkCompleted checks the checksum of the part that is listed as the n-th.
func (u UploadChecksum) checkCompleted(id string, l *CompletedPart, p *UploadedPart, n int) error {
	given := l.Checksum.Algorithm
	switch {
	case given == 0 && u.Type == Composite:
		return ErrInvalidRequest.WithMessage("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
			lower(u.Algorithm), l.Number)
	case given == 0:
		return nil
	case u.Algorithm == 0:
		return invalidPart(id, l)
	case given != u.Algorithm:
		return ErrBadDigest.WithMessage("The %s you specified for part %d did not match what we received.", lower(given), l.Number)
	case subtle.ConstantTimeCompare(l.Checksum.Value, p.Checksum) != 1:
		return invalidPart(id, l)
	case l.Number != n:
		// With checksums, parts are numbered from 1 without gaps.
		return ErrInvalidPartOrder
	}
	return nil
}

// checkChecksum compares the object's checksum c with the one the client
// expects, if any.
func (r *CompleteRequest) checkChecksum(u UploadChecksum, c Checksum, parts int) error {
	want := &r.Checksum
	switch {
	case want.IsZero():
		return nil
	case u.Algorithm == 0 && c.Algorithm != want.Algorithm:
		return u.modeMismatch()
	case c.Algorithm != want.Algorithm:
		return checksumMismatch(u.Algorithm, want.Algorithm)
	case subtle.ConstantTimeCompare(c.Value, want.Value) != 1,
		want.Parts != 0 && (c.Type != Composite || want.Parts != parts):
		return ErrBadDigest.WithMessage("The %s you specified did not match the calculated checksum.", lower(want.Algorithm))
	}
	return nil
}

func (u UploadChecksum) modeMismatch() *Error {
	mode := u.Type.String()
	if mode == "" {
		mode = "null"
	}
	return ErrInvalidRequest.WithMessage("The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", mode)
}

func invalidPart(id string, l *CompletedPart) *Error {
	return ErrInvalidPart.
		With("UploadId", id).
		With("PartNumber", strconv.Itoa(l.Number)).
		With("ETag", l.ETag)
}

func partTooSmall(l *CompletedPart, size int64) *Error {
	return ErrEntityTooSmall.
		With("ProposedSize", strconv.FormatInt(size, 10)).
		With("MinSizeAllowed", strconv.Itoa(MinPartSize)).
		With("PartNumber", strconv.Itoa(l.Number)).
		With("ETag", l.ETag)
}
