package s3api

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// listingFile is a file of testdata/list: settings, the store's document in
// "in.xml", the entries to be read from it in "entries", the document for the
// client in "want.xml".
type listingFile struct {
	opts              ListOptions
	in, entries, want string
}

func readListing(tb testing.TB, file string) listingFile {
	tb.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var f listingFile
	for line := range strings.Lines(string(archive.Comment)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "v1":
			f.opts.V1 = &V1Listing{}
		case "delimited":
			f.opts.V1.Delimited = true
		case "marker":
			f.opts.V1.Marker = value
		case "metadata":
			f.opts.MetadataName = value
		}
	}
	for _, part := range archive.Files {
		switch part.Name {
		case "in.xml":
			f.in = string(part.Data)
		case "entries":
			f.entries = string(part.Data)
		case "want.xml":
			f.want = string(part.Data)
		}
	}
	return f
}

func listingFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/list/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no test data: %v", err)
	}
	return files
}

// halve is the rewriting of the golden files: what has metadata gets an ETag
// made of it, 1000 bytes less and a checksum.
func halve(entries []Entry) ([]Rewritten, error) {
	out := make([]Rewritten, len(entries))
	for i, e := range entries {
		out[i] = Rewritten{Size: e.Size, ETag: e.ETag}
		if e.Metadata != "" {
			out[i] = Rewritten{Size: e.Size - 1000, ETag: e.Metadata, Checksum: CRC32, Composite: strings.Contains(e.Key, "parts")}
		}
	}
	return out, nil
}

func identity(entries []Entry) ([]Rewritten, error) {
	out := make([]Rewritten, len(entries))
	for i, e := range entries {
		out[i] = Rewritten{Size: e.Size, ETag: e.ETag}
	}
	return out, nil
}

func formatEntries(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%q version=%q size=%d etag=%q metadata=%q known=%v\n", e.Key, e.VersionID, e.Size, e.ETag, e.Metadata, e.MetadataKnown)
	}
	return b.String()
}

func TestRewriteListingGolden(t *testing.T) {
	for _, file := range listingFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			f := readListing(t, file)
			var entries string
			got, err := RewriteListing([]byte("kept"), []byte(f.in), f.opts, func(e []Entry) ([]Rewritten, error) {
				entries = formatEntries(e)
				return halve(e)
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.entries, entries); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff("kept"+f.want, string(got)); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	listHead = `<ListBucketResult xmlns="` + xmlNamespace + `"><Name>b</Name><Prefix></Prefix>`
	listTail = `</ListBucketResult>`
	entryOK  = `<Contents><Key>k</Key><ETag>"e"</ETag><Size>1</Size></Contents>`
)

func TestRewriteListingRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"nothing":                   "",
		"text":                      "Service Unavailable",
		"an error":                  `<Error><Code>SlowDown</Code></Error>`,
		"HTML":                      `<!DOCTYPE html><html></html>`,
		"an empty root":             `<ListBucketResult/>`,
		"no end":                    listHead + entryOK,
		"half an entry":             listHead + entryOK[:len(entryOK)-3],
		"half a tag":                listHead + `<Contents`,
		"half a comment":            listHead + `<!-->` + listTail,
		"half an attribute":         listHead + `<Owner a=">` + listTail,
		"another root's end":        listHead + `</ListVersionsResult>`,
		"two roots":                 listHead + listTail + listHead + listTail,
		"crossed elements":          listHead + `<a><b></a></b>` + listTail,
		"an attribute at the end":   listHead + `<a></a b="c">` + listTail,
		"a nameless element":        listHead + `< a></ a>` + listTail,
		"a tag in a tag":            listHead + `<a <b></a>` + listTail,
		"a declaration":             listHead + `<!ENTITY a "b">` + listTail,
		"deep elements":             listHead + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + listTail,
		"an empty entry":            listHead + `<Contents/>` + listTail,
		"an entry without key":      listHead + `<Contents><Size>1</Size></Contents>` + listTail,
		"an entry without size":     listHead + `<Contents><Key>k</Key></Contents>` + listTail,
		"an empty size":             listHead + `<Contents><Key>k</Key><Size/></Contents>` + listTail,
		"a negative size":           listHead + `<Contents><Key>k</Key><Size>-1</Size></Contents>` + listTail,
		"a signed size":             listHead + `<Contents><Key>k</Key><Size>+1</Size></Contents>` + listTail,
		"a size of 2^63":            listHead + `<Contents><Key>k</Key><Size>9223372036854775808</Size></Contents>` + listTail,
		"two keys":                  listHead + `<Contents><Key>k</Key><Key>l</Key><Size>1</Size></Contents>` + listTail,
		"two sizes":                 listHead + `<Contents><Key>k</Key><Size>1</Size><Size>1</Size></Contents>` + listTail,
		"two ETags":                 listHead + `<Contents><Key>k</Key><ETag/><ETag/><Size>1</Size></Contents>` + listTail,
		"two versions":              listHead + `<Version><Key>k</Key><VersionId>a</VersionId><VersionId>b</VersionId><Size>1</Size></Version>` + listTail,
		"an element in a key":       listHead + `<Contents><Key>k<b/></Key><Size>1</Size></Contents>` + listTail,
		"an element in a size":      listHead + `<Contents><Key>k</Key><Size>1<!-- -->0</Size></Contents>` + listTail,
		"an unknown entity":         listHead + `<Contents><Key>&nbsp;</Key><Size>1</Size></Contents>` + listTail,
		"an unfinished entity":      listHead + `<Contents><Key>a&amp</Key><Size>1</Size></Contents>` + listTail,
		"a surrogate":               listHead + `<Contents><Key>&#xD800;</Key><Size>1</Size></Contents>` + listTail,
		"beyond Unicode":            listHead + `<Contents><Key>&#x110000;</Key><Size>1</Size></Contents>` + listTail,
		"a reference with a sign":   listHead + `<Contents><Key>&#+65;</Key><Size>1</Size></Contents>` + listTail,
		"a broken version":          listHead + `<Version><Key>k</Key><VersionId>&x;</VersionId><Size>1</Size></Version>` + listTail,
		"a broken ETag":             listHead + `<Contents><Key>k</Key><ETag>&x;</ETag><Size>1</Size></Contents>` + listTail,
		"a broken percent-encoding": listHead + `<Contents><Key>%4</Key><Size>1</Size></Contents><EncodingType>url</EncodingType>` + listTail,
		"metadata without end":      listHead + `<Contents><UserMetadata><a>b</a>` + listTail,
		"metadata with text":        listHead + `<Contents><UserMetadata>x</UserMetadata>` + listTail,
		"metadata half":             listHead + `<Contents><UserMetadata><a>b`,
		"metadata crossed":          listHead + `<Contents><UserMetadata><a>b</c></UserMetadata>` + listTail,
		"metadata twice":            listHead + `<Contents><Key>k</Key><Size>1</Size><UserMetadata><m>1</m><M>2</M></UserMetadata></Contents>` + listTail,
		"broken metadata":           listHead + `<Contents><Key>k</Key><Size>1</Size><UserMetadata><m>&x;</m></UserMetadata></Contents>` + listTail,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := RewriteListing([]byte("kept"), []byte(doc), ListOptions{MetadataName: "m"}, identity)
			if err == nil || !strings.HasPrefix(err.Error(), "listing: ") || string(got) != "kept" {
				t.Errorf("%q, error %v", got, err)
			}
		})
	}
}

func TestRewriteListingCallback(t *testing.T) {
	mine := errors.New("mine")
	_, err := RewriteListing(nil, []byte(listHead+entryOK+listTail), ListOptions{}, func([]Entry) ([]Rewritten, error) { return nil, mine })
	if err != mine { //nolint:errorlint // it is to be the same
		t.Errorf("error %v, want the callback's own", err)
	}
	if _, err = RewriteListing(nil, []byte(listHead+entryOK+listTail), ListOptions{}, func([]Entry) ([]Rewritten, error) { return nil, nil }); err == nil {
		t.Error("an answer with too few entries is taken")
	}
	got, err := RewriteListing(nil, []byte(listHead+listTail), ListOptions{}, nil)
	if err != nil || string(got) != listHead+listTail {
		t.Errorf("empty listing: %s, %v", got, err)
	}
	versions := `<ListVersionsResult><DeleteMarker><Key>k</Key></DeleteMarker><DeleteMarker/></ListVersionsResult>`
	got, err = RewriteListing(nil, []byte(versions), ListOptions{}, nil)
	if err != nil || string(got) != versions {
		t.Errorf("delete markers only: %s, %v", got, err)
	}
	if _, err = RewriteListing(nil, []byte(versions), ListOptions{V1: &V1Listing{}}, nil); err == nil {
		t.Error("ListObjectVersions is taken for ListObjects")
	}
}

func TestRewriteListingLimit(t *testing.T) {
	for _, extra := range []int{0, 1} {
		doc := listHead + strings.Repeat(" ", MaxListing+extra-len(listHead)-len(listTail)) + listTail
		if _, err := RewriteListing(nil, []byte(doc), ListOptions{}, nil); (err == nil) != (extra == 0) {
			t.Errorf("%d bytes: %v", len(doc), err)
		}
	}
}

func TestRewriteListingSizes(t *testing.T) {
	for _, size := range []int64{0, 1, 9, 10, 1<<32 - 1, 1 << 32, 1<<63 - 1} {
		doc := listHead + `<Contents><Key>k</Key><Size>` + strconv.FormatInt(size, 10) + `</Size></Contents>` + listTail
		got, err := RewriteListing(nil, []byte(doc), ListOptions{}, func(e []Entry) ([]Rewritten, error) {
			return []Rewritten{{Size: e[0].Size ^ 1, ETag: "<&>"}}, nil
		})
		want := listHead + `<Contents><Key>k</Key><Size>` + strconv.FormatInt(size^1, 10) + `</Size><ETag>&quot;&lt;&amp;&gt;&quot;</ETag></Contents>` + listTail
		if err != nil || string(got) != want {
			t.Errorf("%d: %s, %v", size, got, err)
		}
	}
}
