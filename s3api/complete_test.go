package s3api

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func completeBody(inner string) []byte {
	return []byte(`<CompleteMultipartUpload xmlns="` + xmlNamespace + `">` + inner + `</CompleteMultipartUpload>`)
}

func TestParseComplete(t *testing.T) {
	crc := Checksum{Algorithm: CRC32, Value: rawSum(CRC32, []byte("123456789"))}
	for _, tt := range []struct {
		name, body string
		want       []CompletedPart
	}{
		{
			"AWS", `<Part><PartNumber>1</PartNumber><ETag>"a54357aff0632cce46d942af68356b38"</ETag></Part><Part><PartNumber>3</PartNumber><ETag>&quot;0c78aef83f66abc1fa1e8477f296d394&quot;</ETag></Part>`,
			[]CompletedPart{{Number: 1, ETag: "a54357aff0632cce46d942af68356b38"}, {Number: 3, ETag: "0c78aef83f66abc1fa1e8477f296d394"}},
		},
		{
			"unquoted, checksum first, indented", "\n <Part>\n  <ChecksumCRC32>y/Q5Jg==</ChecksumCRC32>\n  <ETag> abc-1 </ETag>\n  <PartNumber> 10000 </PartNumber>\n </Part>\n",
			[]CompletedPart{{Number: 10000, ETag: "abc-1", Checksum: crc}},
		},
	} {
		got, err := ParseComplete(completeBody(tt.body))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	const part = `<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>`
	for _, doc := range []string{
		`<CompleteMultipartUpload>` + part + `</CompleteMultipartUpload>`,
		`<CompletedMultipartUpload>` + part + `</CompletedMultipartUpload>`,
		`<?xml version="1.0"?><x:CompleteMultipartUpload xmlns:x="` + xmlNamespace + `"><x:Part><x:PartNumber>1</x:PartNumber><x:ETag>a</x:ETag></x:Part></x:CompleteMultipartUpload>`,
	} {
		if got, err := ParseComplete([]byte(doc)); err != nil || len(got) != 1 || got[0].ETag != "a" {
			t.Errorf("%s: %v, %v", doc, got, err)
		}
	}
}

func TestParseCompleteAlgorithms(t *testing.T) {
	for _, a := range Algorithms() {
		sum := rawSum(a, []byte("x"))
		body := completeBody(fmt.Sprintf(`<Part><PartNumber>1</PartNumber><ETag>a</ETag><%s>%s</%[1]s></Part>`, a.Element(), base64.StdEncoding.EncodeToString(sum)))
		got, err := ParseComplete(body)
		want := []CompletedPart{{Number: 1, ETag: "a", Checksum: Checksum{Algorithm: a, Value: sum}}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v: %v (-want +got):\n%s", a, err, diff)
		}
	}
}

func TestParseCompleteRefuses(t *testing.T) {
	part := func(n, etag string) string {
		return "<Part><PartNumber>" + n + "</PartNumber><ETag>" + etag + "</ETag></Part>"
	}
	for _, tt := range []struct{ name, body, want string }{
		{"no part", ``, "MalformedXML"},
		{"an empty part", `<Part/>`, "MalformedXML"},
		{"no number", `<Part><ETag>a</ETag></Part>`, "MalformedXML"},
		{"no ETag", `<Part><PartNumber>1</PartNumber></Part>`, "MalformedXML"},
		{"an empty ETag", part("1", ""), "MalformedXML"},
		{"quotes only", part("1", `""`), "MalformedXML"},
		{"a long ETag", part("1", strings.Repeat("a", maxETag+1)), "MalformedXML"},
		{"two numbers", `<Part><PartNumber>1</PartNumber><PartNumber>1</PartNumber><ETag>a</ETag></Part>`, "MalformedXML"},
		{"two ETags", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><ETag>a</ETag></Part>`, "MalformedXML"},
		{"an element extra", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>1</Size></Part>`, "MalformedXML"},
		{"an element beside", part("1", "a") + `<Size>1</Size>`, "MalformedXML"},
		{"no number but text", part("one", "a"), "MalformedXML"},
		{"a sign", part("+1", "a"), "MalformedXML"},
		{"a fraction", part("1.0", "a"), "MalformedXML"},
		{"0", part("0", "a"), "InvalidArgument"},
		{"-1", part("-1", "a"), "InvalidArgument"},
		{"10001", part("10001", "a"), "MalformedXML"},
		{"too large for any integer", part("99999999999999999999", "a"), "MalformedXML"},
		{"descending", part("2", "a") + part("1", "a"), "InvalidPartOrder"},
		{"twice", part("1", "a") + part("1", "a"), "InvalidPartOrder"},
		{"broken base64", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>!</ChecksumCRC32></Part>`, "InvalidArgument"},
		{"a short checksum", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC64NVME>y/Q5Jg==</ChecksumCRC64NVME></Part>`, "InvalidArgument"},
		{"two checksums", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumCRC32C>4waSgw==</ChecksumCRC32C></Part>`, "InvalidArgument"},
		{"an unknown checksum", `<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC16>AAA=</ChecksumCRC16></Part>`, "MalformedXML"},
		{"not UTF-8", part("1", "\xff"), "MalformedXML"},
	} {
		got, err := ParseComplete(completeBody(tt.body))
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != tt.want {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	for _, doc := range []string{"", "text", `<CompleteMultipartUpload/>`, `<Delete>` + part("1", "a") + `</Delete>`, string(completeBody(part("1", "a"))) + "<a/>"} {
		if got, err := ParseComplete([]byte(doc)); !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%s: %v, %v", doc, got, err)
		}
	}
}

func TestParseCompleteLimits(t *testing.T) {
	var parts []CompletedPart
	for i := range MaxParts {
		parts = append(parts, CompletedPart{Number: i + 1, ETag: strings.Repeat("a", 32), Checksum: Checksum{Algorithm: SHA512, Value: make([]byte, 64)}})
	}
	doc := AppendComplete(nil, parts)
	if got, err := ParseComplete(doc); err != nil || len(got) != MaxParts {
		t.Errorf("%d parts in %d bytes: %v", MaxParts, len(doc), err)
	}
	more := strings.Replace(string(doc), "</CompleteM", "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteM", 1)
	if _, err := ParseComplete([]byte(more)); !errors.Is(err, ErrMalformedXML) {
		t.Errorf("%d parts: %v", MaxParts+1, err)
	}
	doc = completeBody(`<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>`)
	for _, extra := range []int{0, 1} {
		long := string(doc) + strings.Repeat(" ", MaxCompleteBody+extra-len(doc))
		if _, err := ParseComplete([]byte(long)); (err == nil) != (extra == 0) {
			t.Errorf("%d bytes: %v", len(long), err)
		}
	}
}

func TestCompleteRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(1, MaxParts), 1, 5, rapid.ID).Draw(t, "numbers")
		var want []CompletedPart
		for i, n := range numbers {
			p := CompletedPart{Number: n, ETag: rapid.StringMatching(`[0-9a-f]{32}(-[0-9]+)?`).Draw(t, "etag")}
			if i > 0 && n <= numbers[i-1] {
				return
			}
			if rapid.Bool().Draw(t, "checksum") {
				a := rapid.SampledFrom(Algorithms()).Draw(t, "algorithm")
				p.Checksum = Checksum{Algorithm: a, Value: rapid.SliceOfN(rapid.Byte(), a.Size(), a.Size()).Draw(t, "value")}
			}
			want = append(want, p)
		}
		got, err := ParseComplete(AppendComplete(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzParseComplete holds what is read against encoding/xml.
func FuzzParseComplete(f *testing.F) {
	f.Add(completeBody(`<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part>`))
	f.Add(completeBody(`<!-- --><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part><Part><ETag>b</ETag><PartNumber>2</PartNumber></Part>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		parts, err := ParseComplete(doc)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		sent := AppendComplete(nil, parts)
		again, err := ParseComplete(sent)
		if err != nil {
			// A quote inside an ETag is no ETag of ours, and comes off again.
			return
		}
		last := 0
		for _, p := range again {
			if p.Number <= last || p.Number > MaxParts || p.ETag == "" {
				t.Fatalf("part %+v after %d", p, last)
			}
			last = p.Number
		}
		var read struct {
			Part []struct {
				PartNumber int
				ETag       string
			}
		}
		if xml.Unmarshal(sent, &read) != nil {
			return // control characters
		}
		for i, p := range read.Part {
			if p.PartNumber != parts[i].Number {
				t.Fatalf("encoding/xml reads part %d as %d", parts[i].Number, p.PartNumber)
			}
		}
	})
}
