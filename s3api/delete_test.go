package s3api

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func deleteBody(inner string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="` + xmlNamespace + `">` + inner + `</Delete>`)
}

func TestParseDelete(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       DeleteRequest
	}{
		{"AWS", `<Object><Key>sample1.txt</Key></Object><Object><Key>sample2.txt</Key><VersionId>OYcLXagmS.WaD</VersionId></Object><Quiet>true</Quiet>`, DeleteRequest{
			Objects: []DeleteObject{{Key: "sample1.txt"}, {Key: "sample2.txt", VersionID: "OYcLXagmS.WaD"}}, Quiet: true,
		}},
		{"quiet first", "\n <Quiet>False</Quiet>\n <Object>\n  <Key>a</Key>\n </Object>\n", DeleteRequest{Objects: []DeleteObject{{Key: "a"}}}},
		{"ETag", `<Object><ETag>&quot;abc&quot;</ETag><Key>a</Key></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: "a", ETag: `"abc"`}}}},
		{"any ETag", `<Object><Key>a</Key><ETag>*</ETag></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: "a", ETag: "*"}}}},
		{"markup and controls", `<Object><Key>&lt;a&gt;&amp;&quot;&apos;&#x1;&#13;&#10; é🙂</Key></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: "<a>&\"'\x01\r\n é🙂"}}}},
		{"the same key twice", `<Object><Key>a</Key></Object><Object><Key>a</Key></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: "a"}, {Key: "a"}}}},
		{"empty version", `<Object><Key>a</Key><VersionId/></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: "a"}}}},
		{"longest key", `<Object><Key>` + strings.Repeat("é", 512) + `</Key></Object>`, DeleteRequest{Objects: []DeleteObject{{Key: strings.Repeat("é", 512)}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseDelete(deleteBody(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, body := range []string{
		`<Delete><Object><Key>a</Key></Object></Delete>`,
		`<d:Delete xmlns:d="` + xmlNamespace + `"><d:Object><d:Key>a</d:Key></d:Object></d:Delete>`,
	} {
		if got, err := ParseDelete([]byte(body)); err != nil || got.Objects[0].Key != "a" {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

func TestParseDeleteRefuses(t *testing.T) {
	const object = `<Object><Key>a</Key></Object>`
	for name, body := range map[string]string{
		"no object":         ``,
		"no key":            `<Object/>`,
		"an empty key":      `<Object><Key></Key></Object>`,
		"only a version":    `<Object><VersionId>a</VersionId></Object>`,
		"a long key":        `<Object><Key>` + strings.Repeat("a", 1025) + `</Key></Object>`,
		"two keys":          `<Object><Key>a</Key><Key>b</Key></Object>`,
		"two versions":      `<Object><Key>a</Key><VersionId>1</VersionId><VersionId>2</VersionId></Object>`,
		"an element in it":  `<Object><Key>a<b/></Key></Object>`,
		"an element extra":  `<Object><Key>a</Key><VersionPurgeStatus>COMPLETE</VersionPurgeStatus></Object>`,
		"an element beside": object + `<MFA>1</MFA>`,
		"no boolean":        object + `<Quiet>maybe</Quiet>`,
		"an empty boolean":  object + `<Quiet/>`,
		"quiet twice":       object + `<Quiet>true</Quiet><Quiet>false</Quiet>`,
		"not UTF-8":         "<Object><Key>a\xff</Key></Object>",
		"not UTF-8 in ETag": "<Object><Key>a</Key><ETag>\xff</ETag></Object>",
		"an unknown entity": `<Object><Key>&e;</Key></Object>`,
		"crossed":           `<Object><Key>a</Object></Key>`,
	} {
		if got, err := ParseDelete(deleteBody(body)); !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, body := range map[string]string{
		"nothing":      "",
		"a text":       "delete it all",
		"empty":        `<Delete/>`,
		"another root": `<Remove>` + object + `</Remove>`,
		"no end":       `<Delete>` + object,
		"two roots":    `<Delete>` + object + `</Delete><Delete/>`,
		"a DTD":        `<!DOCTYPE Delete [<!ENTITY e "e">]><Delete>` + object + `</Delete>`,
	} {
		if got, err := ParseDelete([]byte(body)); !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, condition := range []string{"LastModifiedTime", "Size"} {
		body := fmt.Sprintf(`<Object><Key>a</Key><%s>1</%[1]s></Object>`, condition)
		if got, err := ParseDelete(deleteBody(body)); !errors.Is(err, ErrNotImplemented) {
			t.Errorf("%s: %v, %v", condition, got, err)
		}
	}
}

func TestParseDeleteLimits(t *testing.T) {
	for _, n := range []int{1, 999, 1000, 1001} {
		d, err := ParseDelete(deleteBody(strings.Repeat(`<Object><Key>a</Key></Object>`, n)))
		if n <= MaxDeleteObjects && (err != nil || len(d.Objects) != n) || n > MaxDeleteObjects && !errors.Is(err, ErrMalformedXML) {
			t.Errorf("%d objects: %v", n, err)
		}
	}
	body := string(deleteBody(`<Object><Key>a</Key></Object>`))
	for _, extra := range []int{0, 1} {
		long := body + strings.Repeat(" ", MaxDeleteBody+extra-len(body))
		if _, err := ParseDelete([]byte(long)); (err == nil) != (extra == 0) {
			t.Errorf("%d bytes: %v", len(long), err)
		}
	}
}

func TestDeleteRequestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s && len(s) <= 1024 })
		want := &DeleteRequest{
			Objects: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) DeleteObject {
				return DeleteObject{"k" + text.Draw(t, "key"), text.Draw(t, "version"), text.Draw(t, "etag")}
			}), 1, 5).Draw(t, "objects"),
			Quiet: rapid.Bool().Draw(t, "quiet"),
		}
		body := want.AppendXML(nil)
		got, err := ParseDelete(body)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, body)
		}
	})
}

const deleteResult = `<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult xmlns="` + xmlNamespace + `"><Deleted><Key>a&amp;b</Key></Deleted><Deleted><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>dm</DeleteMarkerVersionId><Key>c</Key><VersionId>v</VersionId><New>1</New></Deleted><Error><Code>AccessDenied</Code><Message>Access Denied</Message><Key>d</Key><VersionId></VersionId><New/></Error><New><a/></New></DeleteResult>
`

func TestParseDeleteResult(t *testing.T) {
	want := &DeleteResult{
		Deleted: []Deleted{{Key: "a&b"}, {Key: "c", VersionID: "v", DeleteMarker: true, DeleteMarkerVersionID: "dm"}},
		Errors:  []DeleteError{{Key: "d", Code: "AccessDenied", Message: "Access Denied"}},
	}
	got, err := ParseDeleteResult([]byte(deleteResult))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, doc := range []string{
		"", "text", `<Error><Code>InternalError</Code></Error>`, `</DeleteResult>`, `<DeleteResult>`,
		`<DeleteResult><Deleted><Key>a</Deleted></DeleteResult>`,
		`<DeleteResult><Deleted><Key>&x;</Key></Deleted></DeleteResult>`,
		`<DeleteResult><Deleted><DeleteMarker>x</DeleteMarker></Deleted></DeleteResult>`,
		`<DeleteResult><Error><Code><a/></Code></Error></DeleteResult>`,
		`<DeleteResult><New></Old></DeleteResult>`,
		`<DeleteResult/><DeleteResult/>`,
	} {
		if got, err := ParseDeleteResult([]byte(doc)); err == nil {
			t.Errorf("%s: %v", doc, got)
		}
		if got, err := MergeDeleteResult([]byte("kept"), []byte(doc), DeleteResult{}); err == nil || string(got) != "kept" {
			t.Errorf("%s: %s, %v", doc, got, err)
		}
	}
}

func TestMergeDeleteResult(t *testing.T) {
	more := DeleteResult{
		Deleted: []Deleted{{Key: "a&\x01"}, {Key: "b", VersionID: "v", DeleteMarker: true, DeleteMarkerVersionID: "v"}},
		Errors: []DeleteError{
			{Key: "e<\x01", Code: "PreconditionFailed", Message: "At least one"},
			{Key: "f", VersionID: "v", Code: "NoSuchVersion"},
		},
	}
	const added = `<Deleted><Key>a&amp;&#x1;</Key></Deleted>` +
		`<Deleted><Key>b</Key><VersionId>v</VersionId><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>v</DeleteMarkerVersionId></Deleted>` +
		`<Error><Key>e&lt;&#x1;</Key><Code>PreconditionFailed</Code><Message>At least one</Message></Error>` +
		`<Error><Key>f</Key><VersionId>v</VersionId><Code>NoSuchVersion</Code><Message></Message></Error>`
	for _, tt := range []struct{ doc, want string }{
		{deleteResult, strings.Replace(deleteResult, `</DeleteResult>`, added+`</DeleteResult>`, 1)},
		{`<DeleteResult/>`, `<DeleteResult>` + added + `</DeleteResult>`},
		{`<x:DeleteResult xmlns:x="y" /> `, `<x:DeleteResult xmlns:x="y" >` + added + `</x:DeleteResult> `},
	} {
		got, err := MergeDeleteResult(nil, []byte(tt.doc), more)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	got, err := MergeDeleteResult([]byte("kept"), nil, more)
	if want := "kept" + xml.Header + `<DeleteResult xmlns="` + xmlNamespace + `">` + added + `</DeleteResult>`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := MergeDeleteResult(nil, []byte(deleteResult), DeleteResult{}); err != nil || string(got) != deleteResult {
		t.Errorf("nothing to add: %s, %v", got, err)
	}
}

// FuzzParseDelete holds the request against encoding/xml, which has to read
// the same objects from what is sent on.
func FuzzParseDelete(f *testing.F) {
	f.Add(deleteBody(`<Object><Key>a&#x1;</Key><VersionId>v</VersionId><ETag>"e"</ETag></Object><Quiet>true</Quiet>`))
	f.Add(deleteBody(`<!-- --><Object><Key>a</Key></Object><?pi?>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := ParseDelete(body)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		sent := d.AppendXML(nil)
		again, err := ParseDelete(sent)
		if err != nil {
			t.Fatalf("%v\n%s", err, sent)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		var read struct {
			Object []struct {
				Key       string
				VersionID string `xml:"VersionId"`
				ETag      string
			}
			Quiet bool
		}
		if xml.Unmarshal(sent, &read) != nil {
			return // control characters
		}
		oracle := &DeleteRequest{Quiet: read.Quiet}
		for _, o := range read.Object {
			oracle.Objects = append(oracle.Objects, DeleteObject(o))
		}
		if diff := cmp.Diff(oracle, d); diff != "" {
			t.Fatalf("(-encoding/xml +got):\n%s\n%s", diff, sent)
		}
	})
}

func FuzzDeleteResult(f *testing.F) {
	f.Add([]byte(deleteResult))
	f.Add([]byte(`<DeleteResult/>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		before, err := ParseDeleteResult(doc)
		merged, mergeErr := MergeDeleteResult(nil, doc, DeleteResult{Errors: []DeleteError{{Key: "k", Code: "c"}}})
		if doc != nil && (err == nil) != (mergeErr == nil) {
			t.Fatalf("%v, but %v", err, mergeErr)
		}
		if err != nil || mergeErr != nil {
			return
		}
		after, err := ParseDeleteResult(merged)
		if err != nil {
			t.Fatalf("%v\n%s", err, merged)
		}
		before.Errors = append(before.Errors, DeleteError{Key: "k", Code: "c"})
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if _, err := tokens(doc, nothing); err != nil {
			return
		}
		if _, err := tokens(merged, nothing); err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, merged)
		}
	})
}
