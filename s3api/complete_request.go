package s3api

import (
	"crypto/md5" //nolint:gosec // what ETags are made of
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// CompleteRequest is what the headers of a CompleteMultipartUpload say the
// object must come out as.
type CompleteRequest struct {
	// Type is the checksum type the client believes the upload has, zero if it
	// does not say.
	Type ChecksumType
	// Checksum is the object's checksum; its Parts are 0 if the client did not
	// write the number of parts with it, and its Type is not set.
	Checksum Checksum
	// Size is the object's length in bytes, or -1.
	Size int64
}

// ParseCompleteRequest reads x-amz-checksum-type, the x-amz-checksum-… value
// and x-amz-mp-object-size. Errors are *Error.
func ParseCompleteRequest(h http.Header) (CompleteRequest, error) {
	r := CompleteRequest{Size: -1}
	var err error
	if r.Type, err = parseChecksumType(h); err != nil {
		return CompleteRequest{}, err
	}
	for name, values := range h {
		a, err := checksumHeader(name)
		if err != nil {
			return CompleteRequest{}, err
		}
		if a == 0 || len(values) == 0 {
			continue
		}
		if !r.Checksum.IsZero() || len(values) > 1 {
			return CompleteRequest{}, errSeveralChecksums
		}
		var ok bool
		if r.Checksum, ok = parseObjectChecksum(a, values[0]); !ok {
			return CompleteRequest{}, ErrInvalidRequest.WithMessage("Value for %s header is invalid.", strings.ToLower(a.Header()))
		}
	}
	if values := h["X-Amz-Mp-Object-Size"]; len(values) > 0 {
		if r.Size, err = parseObjectSize(values); err != nil {
			return CompleteRequest{}, err
		}
	}
	return r, nil
}

// parseObjectChecksum reads a checksum that may have the number of parts
// behind it.
func parseObjectChecksum(a Algorithm, s string) (Checksum, bool) {
	c := Checksum{Algorithm: a}
	value, parts, composite := strings.Cut(s, "-")
	if composite {
		n, ok := parseOffset(parts)
		if !ok || n < 1 || n > MaxParts || a == CRC64NVME {
			return Checksum{}, false
		}
		c.Parts = int(n)
	}
	var ok bool
	c.Value, ok = a.decode(value)
	return c, ok
}

func parseObjectSize(values []string) (int64, error) {
	n, err := strconv.ParseInt(values[0], 10, 64)
	switch {
	case err != nil || len(values) > 1 || strings.HasPrefix(values[0], "+"):
		return 0, ErrInvalidRequest.WithMessage("Value for x-amz-mp-object-size header is invalid: '%s'", values[0])
	case n < 0:
		return 0, ErrInvalidRequest.WithMessage("Value for x-amz-mp-object-size header is less than zero: '%d'", n)
	}
	return n, nil
}

// checkSize compares what the client expects of the object's length with what
// came out.
func (r *CompleteRequest) checkSize(size int64) error {
	if r.Size < 0 || r.Size == size {
		return nil
	}
	return ErrInvalidRequest.WithMessage("The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", r.Size, size)
}

// CompositeETag returns the ETag of an object of parts with the given ETags,
// without quotes: the MD5 of their raw values and "-" with their number. It
// returns false if there is none, which is so unless every part's ETag is 32
// hexadecimal digits.
func CompositeETag(etags []string) (string, bool) {
	raw := make([]byte, 0, md5.Size*len(etags))
	for _, e := range etags {
		e = unquoteETag(e)
		if len(e) != hex.EncodedLen(md5.Size) {
			return "", false
		}
		var err error
		if raw, err = hex.AppendDecode(raw, []byte(e)); err != nil {
			return "", false
		}
	}
	if len(etags) == 0 {
		return "", false
	}
	sum := md5.Sum(raw) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:]) + "-" + strconv.Itoa(len(etags)), true
}
