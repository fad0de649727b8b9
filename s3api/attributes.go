package s3api

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// AttributesRequest says which attributes a GetObjectAttributes asks for.
type AttributesRequest struct {
	ETag, Checksum, ObjectParts, StorageClass, ObjectSize bool
	// Page is the parts wanted of ObjectParts.
	Page PartsPage
}

// ParseAttributesRequest reads x-amz-object-attributes, x-amz-max-parts and
// x-amz-part-number-marker. Errors are *Error.
func ParseAttributesRequest(h http.Header) (AttributesRequest, error) {
	var r AttributesRequest
	found := false
	for _, list := range h["X-Amz-Object-Attributes"] {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			switch name {
			case "":
				continue
			case "ETag":
				r.ETag = true
			case "Checksum":
				r.Checksum = true
			case "ObjectParts":
				r.ObjectParts = true
			case "StorageClass":
				r.StorageClass = true
			case "ObjectSize":
				r.ObjectSize = true
			default:
				return AttributesRequest{}, errAttributeName.With("ArgumentValue", name)
			}
			found = true
		}
	}
	if !found {
		return AttributesRequest{}, errNoAttributes
	}
	var err error
	r.Page, err = parsePartsPage(h.Get("X-Amz-Part-Number-Marker"), h.Get("X-Amz-Max-Parts"), "part-number-marker", "max-parts")
	if err != nil {
		return AttributesRequest{}, err
	}
	return r, nil
}

var (
	errNoAttributes  = ErrInvalidRequest.WithMessage("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	errAttributeName = ErrInvalidArgument.WithMessage("Invalid attribute name specified.").With("ArgumentName", "x-amz-object-attributes")
)

// ObjectAttributes is all that GetObjectAttributes can tell of an object.
type ObjectAttributes struct {
	// ETag is without quotes.
	ETag         string
	Checksum     Checksum
	StorageClass string
	// Size is the length of the plaintext in bytes.
	Size int64
	// Parts are all parts of the object in order, with Number, Size and
	// Checksum; none if it was not uploaded in parts.
	Parts []Part
}

// AppendXML appends the answer with those of the attributes that r asks for.
// As S3 does, it lists parts only where each has a checksum of its own, which
// is so with a composite checksum, and otherwise says how many there are.
func (r AttributesRequest) AppendXML(dst []byte, o *ObjectAttributes) []byte {
	dst = append(dst, xml.Header+`<GetObjectAttributesResponse xmlns="`+xmlNamespace+`">`...)
	if r.ETag {
		dst = appendNonEmpty(dst, "ETag", o.ETag)
	}
	if r.Checksum && !o.Checksum.IsZero() {
		dst = append(dst, "<Checksum>"...)
		dst = o.Checksum.appendValue(dst)
		dst = appendNonEmpty(dst, "ChecksumType", o.Checksum.Type.String())
		dst = append(dst, "</Checksum>"...)
	}
	if r.ObjectParts && len(o.Parts) > 0 {
		dst = append(dst, "<ObjectParts>"...)
		if o.Checksum.Type == Composite {
			dst = r.appendParts(dst, o.Parts)
		}
		dst = appendElement(dst, "PartsCount", strconv.Itoa(len(o.Parts)))
		dst = append(dst, "</ObjectParts>"...)
	}
	if r.StorageClass {
		dst = appendNonEmpty(dst, "StorageClass", o.StorageClass)
	}
	if r.ObjectSize {
		dst = appendElement(dst, "ObjectSize", strconv.FormatInt(o.Size, 10))
	}
	return append(dst, "</GetObjectAttributesResponse>"...)
}

func (r AttributesRequest) appendParts(dst []byte, parts []Part) []byte {
	page, next, truncated := r.Page.Of(parts)
	dst = appendElement(dst, "PartNumberMarker", strconv.Itoa(r.Page.Marker))
	dst = appendElement(dst, "NextPartNumberMarker", strconv.Itoa(next))
	dst = appendElement(dst, "MaxParts", strconv.Itoa(r.Page.Max))
	dst = appendElement(dst, "IsTruncated", strconv.FormatBool(truncated))
	for _, p := range page {
		dst = append(dst, "<Part>"...)
		dst = appendElement(dst, "PartNumber", strconv.Itoa(p.Number))
		dst = appendElement(dst, "Size", strconv.FormatInt(p.Size, 10))
		dst = p.Checksum.appendValue(dst)
		dst = append(dst, "</Part>"...)
	}
	return dst
}

// appendValue appends the element of the value alone, without the number of
// parts.
func (c Checksum) appendValue(dst []byte) []byte {
	if c.IsZero() {
		return dst
	}
	return appendElement(dst, c.Algorithm.Element(), base64.StdEncoding.EncodeToString(c.Value))
}
