package s3api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestListPartsResult(t *testing.T) {
	sum := Checksum{Algorithm: CRC32, Value: rawSum(CRC32, []byte("123456789"))}
	r := &ListPartsResult{
		Bucket: "b", Key: "k<", UploadID: "id", Initiator: Owner{"i", "me"}, Owner: Owner{ID: "o"}, StorageClass: "STANDARD",
		Page: PartsPage{Marker: 1, Max: 2}, Next: 3, Truncated: true,
		Parts: []Part{
			{Number: 2, Size: MinPartSize, ETag: "e2", Modified: someTime, Checksum: sum},
			{Number: 3, Size: 0, ETag: "e3", Modified: someTime},
		},
		Checksum: UploadChecksum{CRC32, FullObject},
	}
	const want = xml.Header + `<ListPartsResult xmlns="` + xmlNamespace + `"><Bucket>b</Bucket><Key>k&lt;</Key><UploadId>id</UploadId>` +
		`<Initiator><ID>i</ID><DisplayName>me</DisplayName></Initiator><Owner><ID>o</ID></Owner><StorageClass>STANDARD</StorageClass>` +
		`<PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>3</NextPartNumberMarker><MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>` +
		`<Part><PartNumber>2</PartNumber><LastModified>2026-03-04T05:06:07.089Z</LastModified><ETag>&quot;e2&quot;</ETag><Size>5242880</Size><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part>` +
		`<Part><PartNumber>3</PartNumber><LastModified>2026-03-04T05:06:07.089Z</LastModified><ETag>&quot;e3&quot;</ETag><Size>0</Size></Part>` +
		`<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType></ListPartsResult>`
	doc := r.AppendXML(nil)
	if diff := cmp.Diff(want, string(doc)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err := ParseListParts(doc)
	if err != nil {
		t.Fatal(err)
	}
	r.Checksum, r.Parts[0].Checksum = UploadChecksum{}, Checksum{}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParsePartsPage(t *testing.T) {
	for _, tt := range []struct {
		query string
		want  PartsPage
		err   string
	}{
		{"", PartsPage{0, 1000}, ""},
		{"max-parts=&part-number-marker=", PartsPage{0, 1000}, ""},
		{"max-parts=0", PartsPage{0, 0}, ""},
		{"max-parts=1&part-number-marker=9999", PartsPage{9999, 1}, ""},
		{"max-parts=1000", PartsPage{0, 1000}, ""},
		{"max-parts=1001", PartsPage{0, 1000}, ""},
		{"max-parts=2147483647", PartsPage{0, 1000}, ""},
		{"max-parts=2147483648", PartsPage{}, "InvalidArgument: Argument max-parts must be an integer between 0 and 2147483647"},
		{"max-parts=-1", PartsPage{}, "InvalidArgument: Argument max-parts must be an integer between 0 and 2147483647"},
		{"max-parts=%2B1", PartsPage{}, "InvalidArgument: Argument max-parts must be an integer between 0 and 2147483647"},
		{"max-parts=x", PartsPage{}, "InvalidArgument: Argument max-parts must be an integer between 0 and 2147483647"},
		{"part-number-marker=x", PartsPage{}, "InvalidArgument: Argument part-number-marker must be an integer between 0 and 2147483647"},
	} {
		q, err := ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParsePartsPage(q)
		if got != tt.want || message(err) != tt.err {
			t.Errorf("%s: %v, %v", tt.query, got, err)
		}
	}
}

// TestPartsPages walks through all pages and meets every part once.
func TestPartsPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Part
		for n := range 30 {
			if rapid.Bool().Draw(t, "there") {
				all = append(all, Part{Number: n + 1})
			}
		}
		p := PartsPage{Max: rapid.IntRange(1, 8).Draw(t, "max")}
		var met []Part
		for {
			page, next, truncated := p.Of(all)
			if len(page) > p.Max || truncated && len(page) == 0 {
				t.Fatalf("%d parts, truncated %v", len(page), truncated)
			}
			met = append(met, page...)
			if !truncated {
				break
			}
			p.Marker = next
		}
		if diff := cmp.Diff(all, met); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
	if page, next, truncated := (PartsPage{}).Of([]Part{{Number: 1}}); len(page) != 0 || next != 0 || truncated {
		t.Errorf("no parts wanted: %v, %d, %v", page, next, truncated)
	}
}

func TestParsePartNumber(t *testing.T) {
	for query, want := range map[string]int{
		"": 0, "versionId=v": 0, "partNumber=1": 1, "partNumber=10000": 10000,
		"partNumber": -1, "partNumber=": -1, "partNumber=0": -1, "partNumber=10001": -1, "partNumber=-1": -1,
		"partNumber=%2B1": -1, "partNumber=1.0": -1, "partNumber=x": -1, "partNumber=99999999999999999999": -1,
	} {
		q, err := ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParsePartNumber(q)
		if want >= 0 && (got != want || err != nil) || want < 0 && !errors.Is(err, ErrPartNumberValue) {
			t.Errorf("%q: %d, %v", query, got, err)
		}
	}
	e := NoSuchPart(4, 3)
	want := []Field{{"ActualPartCount", "3"}, {"PartNumberRequested", "4"}}
	if e.Status != http.StatusRequestedRangeNotSatisfiable || !cmp.Equal(e.Fields, want) {
		t.Errorf("%+v", e)
	}
}
