package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tokens reads a document with encoding/xml, without the elements for which
// drop, given the path of local names, is true. It returns an error where
// encoding/xml finds one.
func tokens(doc []byte, drop func(path []string) bool) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	var out, path []string
	roots := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			if roots != 1 {
				return nil, errors.New("not one root")
			}
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(path) == 0 {
				roots++
			}
			path = append(path, tok.Name.Local)
			if drop(path) {
				if err := d.Skip(); err != nil {
					return nil, err
				}
				path = path[:len(path)-1]
				continue
			}
			out = append(out, fmt.Sprintf("<%s %v>", tok.Name.Local, tok.Attr))
		case xml.EndElement:
			out = append(out, "</"+tok.Name.Local+">")
			path = path[:len(path)-1]
		case xml.CharData:
			// Text around a dropped element becomes one.
			if n := len(out) - 1; n >= 0 && strings.HasPrefix(out[n], "text:") {
				out[n] += string(tok)
			} else if len(path) > 0 {
				out = append(out, "text:"+string(tok))
			}
		case xml.Comment, xml.ProcInst, xml.Directive:
		}
	}
}

// stripped tells what an identical rewriting leaves out.
func stripped(path []string) bool {
	if len(path) != 3 {
		return false
	}
	switch path[1] {
	case "Contents", "Version":
		return slices.Contains([]string{"UserMetadata", "UserTags", "Internal", "ChecksumAlgorithm", "ChecksumType"}, path[2])
	case "DeleteMarker":
		return slices.Contains([]string{"UserMetadata", "UserTags", "Internal", "ChecksumAlgorithm", "ChecksumType", "ETag", "Size", "StorageClass"}, path[2])
	}
	return false
}

func nothing([]string) bool { return false }

// checkIdentity holds an identical rewriting against encoding/xml: for every
// document that both accept, the result has the tokens of the original but for
// what is stripped, is accepted again and does not change any more. It reports
// whether both accept the document.
func checkIdentity(t interface{ Fatalf(string, ...any) }, doc []byte) bool {
	opts := ListOptions{MetadataName: "X-Amz-Meta-S3sse"}
	out, err := RewriteListing(nil, doc, opts, identity)
	if err != nil {
		return false
	}
	again, err := RewriteListing(nil, out, opts, identity)
	if err != nil || !bytes.Equal(again, out) {
		t.Fatalf("the second rewriting differs: %v\n%s\n%s", err, out, again)
	}
	want, err := tokens(doc, stripped)
	if err != nil {
		return false
	}
	got, err := tokens(out, nothing)
	if err != nil {
		t.Fatalf("not well-formed: %v\n%s", err, out)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	return true
}

// checkV1 checks that the conversion to ListObjects, with everything replaced,
// leaves a document well-formed.
func checkV1(t interface{ Fatalf(string, ...any) }, doc []byte) {
	opts := ListOptions{MetadataName: "X-Amz-Meta-S3sse", V1: &V1Listing{Marker: "m&", Delimited: true}}
	out, err := RewriteListing(nil, doc, opts, halve)
	if err != nil {
		return
	}
	if _, err := tokens(doc, stripped); err != nil {
		return
	}
	if _, err := tokens(out, nothing); err != nil {
		t.Fatalf("not well-formed: %v\n%s", err, out)
	}
}

func FuzzRewriteListing(f *testing.F) {
	for _, file := range listingFiles(f) {
		f.Add([]byte(readListing(f, file).in))
	}
	f.Add([]byte(listHead + `<Contents><Key>&#x1;</Key><Size>1</Size><Internal><![CDATA[</Internal>]]></Internal></Contents>` + listTail))
	f.Fuzz(func(t *testing.T, doc []byte) {
		checkIdentity(t, doc)
		checkV1(t, doc)
	})
}

// TestRewriteListingFragments puts documents together from pieces of markup,
// most of them nonsense.
func TestRewriteListingFragments(t *testing.T) {
	fragments := []string{
		"<Contents>", "</Contents>", "<Contents>", "</Contents>", "<DeleteMarker>", "</DeleteMarker>", "<Contents/>",
		"<Key>k</Key>", "<Key>k</Key>", "<Key>&lt;</Key >", "<Size>1</Size>", "<Size>2</Size>", "<Size>", "</Size>",
		"<ETag/>", `<ETag>"e"</ETag>`, "<ETag>&quot;e&quot;</ETag>", `<ETag>"</ETag>`, "<ETag></ETag>",
		"<UserMetadata>", "</UserMetadata>", "<UserMetadata/>", "<X-Amz-Meta-S3sse>v</X-Amz-Meta-S3sse>", "<Internal>", "</Internal>",
		"<ChecksumType>a</ChecksumType>", "<VersionId>v</VersionId>", "<a>", "</a>", "<a/>", "<a b='>'>", "<n:a>", "</n:a>",
		"<!--", "-->", "<![CDATA[", "]]>", "<?pi ", "?>", "text", "&amp;", " ", "\n", "<", ">", "\"", "'",
		"<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>", "<EncodingType>url</EncodingType>", "<IsTruncated>true</IsTruncated>",
		"<StartAfter>", "</StartAfter>", "<Name>b</Name>", "<Prefix/>",
	}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 12).Draw(t, "fragments"), "")
		if rapid.Bool().Draw(t, "whole entry") {
			body = "<Contents><Key>k</Key><Size>1</Size>" + body + "</Contents>"
		}
		doc := []byte("<ListBucketResult>" + body + "</ListBucketResult>")
		if checkIdentity(t, doc) {
			accepted++
		}
		checkV1(t, doc)
	})
	if accepted == 0 {
		t.Error("no document was accepted; the test tests nothing")
	}
}

// oracleEntry is what encoding/xml reads of an entry.
type oracleEntry struct {
	Key               string
	VersionID         string `xml:"VersionId"`
	Size              int64
	ETag              string
	ChecksumAlgorithm string
	ChecksumType      string
	UserMetadata      *struct{}
	Other             string
}

type oracleListing struct {
	Contents []oracleEntry
	Version  []oracleEntry
}

// TestRewriteListingProperty writes random listings with encoding/xml and
// reads their rewriting with encoding/xml.
func TestRewriteListingProperty(t *testing.T) {
	text := rapid.StringMatching(`[ -~äö€🙂\t]{0,12}`)
	hex := rapid.StringMatching(`([0-9a-f]{32}(-[1-9])?)?`)
	size := rapid.Int64Range(0, 1<<63-1)
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			Key          string
			ETag         string `xml:",omitempty"`
			Size         int64
			UserMetadata *struct {
				M string `xml:"x-m"`
			}
			ChecksumAlgorithm []string
			Other             string
		}
		type document struct {
			XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
			Contents []entry
		}
		var doc document
		var entries []Entry
		var rewritten []Rewritten
		var want oracleListing
		for range rapid.IntRange(0, 5).Draw(t, "entries") {
			in := Entry{Key: text.Draw(t, "key"), Size: size.Draw(t, "size"), ETag: hex.Draw(t, "etag"), MetadataKnown: rapid.Bool().Draw(t, "known")}
			e := entry{Key: in.Key, ETag: in.ETag, Size: in.Size, Other: text.Draw(t, "other"), ChecksumAlgorithm: rapid.SliceOfN(rapid.Just("SHA1"), 0, 2).Draw(t, "checksums")}
			if quoted := rapid.Bool().Draw(t, "quoted"); quoted {
				e.ETag = `"` + in.ETag + `"`
			}
			if in.MetadataKnown {
				in.Metadata = text.Draw(t, "metadata")
				e.UserMetadata = &struct {
					M string `xml:"x-m"`
				}{in.Metadata}
			}
			r := Rewritten{Size: size.Draw(t, "new size"), ETag: hex.Draw(t, "new etag"), Checksum: Algorithm(rapid.IntRange(0, 10).Draw(t, "checksum")), Composite: rapid.Bool().Draw(t, "composite")}
			out := oracleEntry{Key: e.Key, Size: r.Size, ETag: r.ETag, Other: e.Other}
			if r.Checksum != 0 {
				out.ChecksumAlgorithm, out.ChecksumType = r.Checksum.String(), map[bool]string{true: "COMPOSITE", false: "FULL_OBJECT"}[r.Composite]
			}
			doc.Contents, entries, rewritten = append(doc.Contents, e), append(entries, in), append(rewritten, r)
			want.Contents = append(want.Contents, out)
		}
		raw, err := xml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		out, err := RewriteListing(nil, raw, ListOptions{MetadataName: "X-M"}, func(got []Entry) ([]Rewritten, error) {
			if diff := cmp.Diff(entries, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			return rewritten, nil
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		var got oracleListing
		if err := xml.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for i := range got.Contents {
			got.Contents[i].ETag = strings.Trim(got.Contents[i].ETag, `"`)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, out)
		}
	})
}

// TestXMLText holds what is written against what is read, by us and, where
// XML has a form for it, by encoding/xml.
func TestXMLText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		raw := appendXMLText(nil, s)
		got, err := xmlText(raw)
		if want := strings.ToValidUTF8(s, "\uFFFD"); err != nil || got != want {
			t.Fatalf("%q: %q, %v", raw, got, err)
		}
		var oracle string
		if err := xml.Unmarshal(appendElement(nil, "a", s), &oracle); err == nil && oracle != got {
			t.Fatalf("%q: encoding/xml reads %q", raw, oracle)
		}
	})
	for c := range rune(0x20) {
		raw := appendXMLText(nil, string(c))
		if got, err := xmlText(raw); err != nil || got != string(c) {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]string{"a\r\nb\rc\nd": "a\nb\nc\nd", "&#13;&#xa;": "\r\n", "&apos;&#x27;": "''"} {
		if got, err := xmlText([]byte(raw)); err != nil || got != want {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
}

func BenchmarkRewriteListing(b *testing.B) {
	golden := readListing(b, "testdata/list/minio-v2-metadata.txtar")
	head, rest, _ := strings.Cut(golden.in, "<Contents>")
	first, _, _ := strings.Cut(rest, "</Contents>")
	envelope := strings.Repeat("A", 400)
	entry := "<Contents>" + strings.Replace(first, "abc_-=", envelope, 1) + "</Contents>"
	doc := []byte(head + strings.Repeat(entry, 1000) + listTail)
	rewritten := make([]Rewritten, 1000)
	for i := range rewritten {
		rewritten[i] = Rewritten{Size: int64(i), ETag: strings.Repeat("a", 32), Checksum: CRC64NVME}
	}
	var dst []byte
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		dst, err = RewriteListing(dst[:0], doc, golden.opts, func(e []Entry) ([]Rewritten, error) {
			return rewritten[:len(e)], nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
