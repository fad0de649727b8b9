package s3api

import (
	"encoding/xml"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAttributesRequest(t *testing.T) {
	page := PartsPage{0, 1000}
	const name = "x-amz-object-attributes"
	for _, tt := range []struct {
		pairs []string
		want  AttributesRequest
		err   string
	}{
		{[]string{name, "ETag"}, AttributesRequest{ETag: true, Page: page}, ""},
		{[]string{name, "ETag,Checksum, ObjectParts ,StorageClass,ObjectSize"}, AttributesRequest{true, true, true, true, true, page}, ""},
		{[]string{name, "ETag", name, "ObjectSize,ETag"}, AttributesRequest{ETag: true, ObjectSize: true, Page: page}, ""},
		{[]string{name, "ObjectParts", "x-amz-max-parts", "2", "x-amz-part-number-marker", "3"}, AttributesRequest{ObjectParts: true, Page: PartsPage{3, 2}}, ""},
		{nil, AttributesRequest{}, errNoAttributes.Error()},
		{[]string{name, ""}, AttributesRequest{}, errNoAttributes.Error()},
		{[]string{name, " , "}, AttributesRequest{}, errNoAttributes.Error()},
		{[]string{name, "etag"}, AttributesRequest{}, errAttributeName.Error()},
		{[]string{name, "ETag,Owner"}, AttributesRequest{}, errAttributeName.Error()},
		{[]string{name, "ETag", "x-amz-max-parts", "-1"}, AttributesRequest{}, "InvalidArgument: Argument max-parts must be an integer between 0 and 2147483647"},
	} {
		got, err := ParseAttributesRequest(header(tt.pairs...))
		if got != tt.want || message(err) != tt.err {
			t.Errorf("%v: %+v, %v", tt.pairs, got, err)
		}
	}
	_, err := ParseAttributesRequest(header(name, "Owner"))
	if e, ok := errors.AsType[*Error](err); !ok || e.Field("ArgumentValue") != "Owner" || e.Field("ArgumentName") != name {
		t.Errorf("%+v", err)
	}
}

func TestAttributesXML(t *testing.T) {
	value := rawSum(CRC32, []byte("123456789"))
	part := Checksum{Algorithm: CRC32, Value: value}
	parts := []Part{{Number: 1, Size: 10, Checksum: part}, {Number: 2, Size: 20, Checksum: part}, {Number: 3, Size: 30, Checksum: part}}
	all := AttributesRequest{true, true, true, true, true, PartsPage{0, 1000}}
	second := all
	second.Page = PartsPage{1, 1}
	for _, tt := range []struct {
		name string
		r    AttributesRequest
		o    ObjectAttributes
		want string
	}{
		{"put", all, ObjectAttributes{ETag: "e", Checksum: Checksum{CRC32, FullObject, value, 0}, StorageClass: "STANDARD", Size: 5}, `<ETag>e</ETag><Checksum><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></Checksum><StorageClass>STANDARD</StorageClass><ObjectSize>5</ObjectSize>`},
		{"nothing known", all, ObjectAttributes{}, `<ObjectSize>0</ObjectSize>`},
		{"only the size", AttributesRequest{ObjectSize: true}, ObjectAttributes{ETag: "e", Checksum: part, StorageClass: "STANDARD", Size: 5, Parts: parts}, `<ObjectSize>5</ObjectSize>`},
		{"full object", all, ObjectAttributes{ETag: "e-3", Checksum: Checksum{CRC32, FullObject, value, 0}, Size: 60, Parts: parts}, `<ETag>e-3</ETag><Checksum><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></Checksum><ObjectParts><PartsCount>3</PartsCount></ObjectParts><ObjectSize>60</ObjectSize>`},
		{"composite, second page", second, ObjectAttributes{ETag: "e-3", Checksum: Checksum{CRC32, Composite, value, 3}, Size: 60, Parts: parts}, `<ETag>e-3</ETag><Checksum><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></Checksum>` +
			`<ObjectParts><PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>` +
			`<Part><PartNumber>2</PartNumber><Size>20</Size><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part><PartsCount>3</PartsCount></ObjectParts><ObjectSize>60</ObjectSize>`},
	} {
		want := xml.Header + `<GetObjectAttributesResponse xmlns="` + xmlNamespace + `">` + tt.want + `</GetObjectAttributesResponse>`
		if diff := cmp.Diff(want, string(tt.r.AppendXML(nil, &tt.o))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
