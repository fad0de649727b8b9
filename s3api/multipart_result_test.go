package s3api

import (
	"encoding/xml"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var someTime = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

func TestMultipartResults(t *testing.T) {
	crc := Checksum{Algorithm: CRC32, Value: rawSum(CRC32, []byte("123456789"))}
	object, composite := crc, crc
	object.Type = FullObject
	composite.Type, composite.Parts = Composite, 2
	const ns = ` xmlns="` + xmlNamespace + `"`
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"create": {
			(&CreateUploadResult{"b", "a&b", "id"}).AppendXML(nil),
			`<InitiateMultipartUploadResult` + ns + `><Bucket>b</Bucket><Key>a&amp;b</Key><UploadId>id</UploadId></InitiateMultipartUploadResult>`,
		},
		"complete": {
			(&CompleteUploadResult{Location: "http://h/b/k", Bucket: "b", Key: "k", ETag: "e-2", Checksum: composite}).AppendXML(nil),
			`<CompleteMultipartUploadResult` + ns + `><Location>http://h/b/k</Location><Bucket>b</Bucket><Key>k</Key><ETag>&quot;e-2&quot;</ETag>` +
				`<ChecksumCRC32>y/Q5Jg==-2</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></CompleteMultipartUploadResult>`,
		},
		"complete without checksum": {
			(&CompleteUploadResult{ETag: "e"}).AppendXML(nil),
			`<CompleteMultipartUploadResult` + ns + `><Location></Location><Bucket></Bucket><Key></Key><ETag>&quot;e&quot;</ETag></CompleteMultipartUploadResult>`,
		},
		"copy": {
			(&CopyResult{ETag: "e", Modified: someTime, Checksum: object}).AppendObjectXML(nil),
			`<CopyObjectResult` + ns + `><LastModified>2026-03-04T05:06:07.089Z</LastModified><ETag>&quot;e&quot;</ETag>` +
				`<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></CopyObjectResult>`,
		},
		"copy part": {
			(&CopyResult{ETag: "e", Modified: someTime, Checksum: crc}).AppendPartXML(nil),
			`<CopyPartResult` + ns + `><LastModified>2026-03-04T05:06:07.089Z</LastModified><ETag>&quot;e&quot;</ETag>` +
				`<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></CopyPartResult>`,
		},
	} {
		if diff := cmp.Diff(xml.Header+tt.want, string(tt.got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseMultipartResults(t *testing.T) {
	created, err := ParseCreateUploadResult([]byte("\n \n" + xml.Header + `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>id</UploadId><New/></InitiateMultipartUploadResult>`))
	if diff := cmp.Diff(&CreateUploadResult{"b", "k", "id"}, created); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	completed, err := ParseCompleteUploadResult([]byte(`<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"e-1"</ETag><ChecksumCRC32>x</ChecksumCRC32></CompleteMultipartUploadResult>`))
	if diff := cmp.Diff(&CompleteUploadResult{Location: "l", Bucket: "b", Key: "k", ETag: "e-1"}, completed); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	want := &CopyResult{ETag: "e", Modified: someTime}
	for _, doc := range [][]byte{want.AppendObjectXML(nil), want.AppendPartXML(nil)} {
		copied, err := ParseCopyResult(doc)
		if diff := cmp.Diff(want, copied); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

// resultParsers are the parsers of what stores answer.
var resultParsers = map[string]func([]byte) error{
	"create":   func(doc []byte) error { _, err := ParseCreateUploadResult(doc); return err },
	"complete": func(doc []byte) error { _, err := ParseCompleteUploadResult(doc); return err },
	"copy":     func(doc []byte) error { _, err := ParseCopyResult(doc); return err },
	"parts":    func(doc []byte) error { _, err := ParseListParts(doc); return err },
}

func TestParseResultsRefuse(t *testing.T) {
	for name, parse := range resultParsers {
		for _, doc := range []string{
			"", "text", "<Result/>", "<Result><ETag>e</ETag></Result>", "<InitiateMultipartUploadResult/>",
			"<InitiateMultipartUploadResult><Key>k</Key></InitiateMultipartUploadResult>",
			"<InitiateMultipartUploadResult><UploadId><a/></UploadId></InitiateMultipartUploadResult>",
			"<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>",
			"<CompleteMultipartUploadResult><ETag>e</ETag>",
			"<CopyObjectResult><ETag>e</ETag><LastModified>yesterday</LastModified></CopyObjectResult>",
			"<CopyPartResult><LastModified>2026-03-04T05:06:07Z</LastModified></CopyPartResult>",
			"<ListPartsResult><Part><Size>1</Size></Part></ListPartsResult>",
			"<ListPartsResult><Part><PartNumber>1</PartNumber><Size>-1</Size></Part></ListPartsResult>",
			"<ListPartsResult><MaxParts>-1</MaxParts></ListPartsResult>",
			"<ListPartsResult><IsTruncated>perhaps</IsTruncated></ListPartsResult>",
		} {
			if err := parse([]byte(doc)); err == nil {
				t.Errorf("%s takes %s", name, doc)
			}
		}
		err := parse([]byte(xml.Header + `<Error><Code>InvalidPart</Code><Message>m</Message><PartNumber>1</PartNumber></Error>`))
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != "InvalidPart" || e.Status != 400 || e.Field("PartNumber") != "1" {
			t.Errorf("%s: an error is %v", name, err)
		}
	}
}

func FuzzParseResults(f *testing.F) {
	f.Add([]byte(`<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>"e"</ETag><Size>5</Size></Part><IsTruncated>true</IsTruncated></ListPartsResult>`))
	f.Add((&CreateUploadResult{"b", "k", "id"}).AppendXML(nil))
	f.Add((&CompleteUploadResult{Location: "l", Bucket: "b", Key: "k", ETag: "e"}).AppendXML(nil))
	f.Add((&CopyResult{ETag: "e", Modified: someTime}).AppendObjectXML(nil))
	f.Add([]byte(`<Error><Code>SlowDown</Code></Error>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		taken := 0
		for _, parse := range resultParsers {
			if parse(doc) == nil {
				taken++
			}
		}
		if taken > 1 {
			t.Fatalf("%d parsers take the document", taken)
		}
		r, err := ParseListParts(doc)
		if err != nil {
			return
		}
		for i := range r.Parts {
			r.Parts[i].ETag = "" // may hold quotes, which come off
			r.Parts[i].Modified = time.Time{}
		}
		again, err := ParseListParts(r.AppendXML(nil))
		if err != nil {
			t.Fatal(err)
		}
		if r.Initiator.ID == "" {
			r.Initiator = Owner{}
		}
		if r.Owner.ID == "" {
			r.Owner = Owner{}
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
