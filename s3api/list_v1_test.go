package s3api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestV1Query(t *testing.T) {
	for _, tt := range []struct {
		query, want string
		back        V1Listing
	}{
		{"", "fetch-owner=true&list-type=2", V1Listing{}},
		{
			"prefix=a%2F&delimiter=%2F&max-keys=7&encoding-type=url&marker=a%2Fb+c",
			"delimiter=%2F&encoding-type=url&fetch-owner=true&list-type=2&max-keys=7&prefix=a%2F&start-after=a%2Fb%20c",
			V1Listing{Marker: "a/b c", Delimited: true},
		},
		{"delimiter=&marker=", "delimiter=&fetch-owner=true&list-type=2&start-after=", V1Listing{}},
		{
			"continuation-token=x&start-after=y&fetch-owner=false&list-type=1&metadata=true&x-id=ListObjects",
			"fetch-owner=true&list-type=2",
			V1Listing{},
		},
	} {
		q, err := ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		v2, back := V1Query(q)
		if got := v2.Encode(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.query, got, tt.want)
		}
		if diff := cmp.Diff(&tt.back, back); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.query, diff)
		}
	}
}

// TestNextMarker walks which of the last key and the last common prefix is
// named, compared as they are and not as they are encoded.
func TestNextMarker(t *testing.T) {
	const (
		truncated = `<IsTruncated>true</IsTruncated>`
		encoded   = `<EncodingType>url</EncodingType>`
		key       = `<Contents><Key>b</Key><ETag/><Size>1</Size></Contents>`
		before    = `<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>`
		after     = `<CommonPrefixes><Extra/><Prefix>c/</Prefix></CommonPrefixes>`
	)
	for _, tt := range []struct{ name, doc, want string }{
		{"key last", truncated + before + key, "b"},
		{"key last, listed first", truncated + key + before, "b"},
		{"prefix last", truncated + key + after, "c/"},
		{"prefix last, listed first", truncated + after + key, "c/"},
		{"prefixes only", truncated + before + after, "c/"},
		{"said at the end", key + truncated, "b"},
		{"said with space", key + "<IsTruncated> true\n</IsTruncated>", "b"},
		{"not truncated", `<IsTruncated>false</IsTruncated>` + key, ""},
		{"not said", key, ""},
		{"truncated after nothing", truncated, ""},
		{"an empty prefix element", truncated + key + `<CommonPrefixes/>`, "b"},
		// "~" is 7E, "é" is C3 A9; encoded they compare the other way round.
		{"encoded", truncated + encoded + `<Contents><Key>~</Key><Size>1</Size></Contents><CommonPrefixes><Prefix>%C3%A9/</Prefix></CommonPrefixes>`, "%C3%A9/"},
		{"not encoded", truncated + `<Contents><Key>~</Key><Size>1</Size></Contents><CommonPrefixes><Prefix>é/</Prefix></CommonPrefixes>`, "é/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := ListOptions{V1: &V1Listing{Delimited: true}}
			out, err := RewriteListing(nil, []byte(listHead+tt.doc+listTail), opts, identity)
			if err != nil {
				t.Fatal(err)
			}
			want := listHead + `<Marker></Marker>`
			if tt.want != "" {
				want += `<NextMarker>` + tt.want + `</NextMarker>`
			}
			if diff := cmp.Diff(want+tt.doc+listTail, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name, doc := range map[string]string{
		"a broken prefix":           truncated + `<CommonPrefixes><Prefix>&x;</Prefix></CommonPrefixes>`,
		"a broken percent-encoding": truncated + encoded + `<CommonPrefixes><Prefix>%</Prefix></CommonPrefixes>`,
		"crossed":                   `<CommonPrefixes><a></b></CommonPrefixes>`,
		"an element in IsTruncated": `<IsTruncated><a/></IsTruncated>`,
	} {
		opts := ListOptions{V1: &V1Listing{Delimited: true}}
		if out, err := RewriteListing(nil, []byte(listHead+doc+listTail), opts, identity); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestV1Position puts Marker after Prefix, after Name or first, and takes out
// what only ListObjectsV2 has, wherever that is.
func TestV1Position(t *testing.T) {
	for doc, want := range map[string]string{
		`<Name>b</Name>`: `<Name>b</Name><Marker>m</Marker>`,
		`<Prefix/>`:      `<Prefix/><Marker>m</Marker>`,
		`<MaxKeys>1</MaxKeys><StartAfter>m</StartAfter><Name>b</Name>`:                                                                                    `<Marker>m</Marker><MaxKeys>1</MaxKeys><Name>b</Name>`,
		`<KeyCount>1</KeyCount><ContinuationToken/><NextContinuationToken>x</NextContinuationToken><Marker>old</Marker><NextMarker>x[cache]</NextMarker>`: `<Marker>m</Marker>`,
	} {
		opts := ListOptions{V1: &V1Listing{Marker: "m"}}
		out, err := RewriteListing(nil, []byte(`<ListBucketResult>`+doc+listTail), opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(`<ListBucketResult>`+want+listTail, string(out)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", doc, diff)
		}
	}
}
