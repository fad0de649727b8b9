package s3api

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// ChecksumType says what an object's checksum was computed over. Zero is the
// checksum of a part, which has no type.
type ChecksumType uint8

const (
	// FullObject: over the content, however many parts it came in.
	FullObject ChecksumType = iota + 1
	// Composite: over the raw checksums of the parts.
	Composite
)

const headerChecksumType = "X-Amz-Checksum-Type"

// ParseChecksumType reads the value of x-amz-checksum-type, in any case.
func ParseChecksumType(s string) (ChecksumType, bool) {
	for _, t := range [...]ChecksumType{FullObject, Composite} {
		if strings.EqualFold(s, t.String()) {
			return t, true
		}
	}
	return 0, false
}

// String returns FULL_OBJECT, COMPOSITE or "".
func (t ChecksumType) String() string {
	switch t {
	case FullObject:
		return "FULL_OBJECT"
	case Composite:
		return "COMPOSITE"
	}
	return ""
}

// Checksum is the checksum of an object or, without a Type, of a part. The
// zero value is none.
type Checksum struct {
	Algorithm Algorithm
	Type      ChecksumType
	// Value is the raw checksum, as long as the algorithm's.
	Value []byte
	// Parts is the number of parts of a composite checksum, otherwise 0.
	Parts int
}

// IsZero reports whether there is no checksum.
func (c Checksum) IsZero() bool { return c.Algorithm == 0 }

// String returns the value as it stands in a header and in most documents: in
// base64, with "-" and the number of parts if it is composite.
func (c Checksum) String() string {
	s := base64.StdEncoding.EncodeToString(c.Value)
	if c.Type == Composite {
		s += "-" + strconv.Itoa(c.Parts)
	}
	return s
}

// Set puts the checksum, and its type if it has one, into the headers of a
// response. Without a checksum it does nothing.
func (c Checksum) Set(h http.Header) {
	if c.IsZero() {
		return
	}
	h[c.Algorithm.Header()] = []string{c.String()}
	if c.Type != 0 {
		h[headerChecksumType] = []string{c.Type.String()}
	}
}

// append appends the elements of the checksum: its value and its type.
func (c Checksum) append(dst []byte) []byte {
	if c.IsZero() {
		return dst
	}
	dst = appendElement(dst, c.Algorithm.Element(), c.String())
	return appendNonEmpty(dst, "ChecksumType", c.Type.String())
}

// Element returns the name of the XML element that carries a's values, such as
// "ChecksumCRC32". a must be valid.
func (a Algorithm) Element() string { return "Checksum" + algorithms[a].name }

// algorithmOfElement returns the algorithm whose values the named element
// carries.
func algorithmOfElement(name []byte) (Algorithm, bool) {
	for a := CRC32; int(a) < len(algorithms); a++ {
		if string(name) == a.Element() {
			return a, true
		}
	}
	return 0, false
}
