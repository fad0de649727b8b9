package s3api

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOperationsComplete holds the table against the list in testdata: all
// operations of the S3 API by class.
func TestOperationsComplete(t *testing.T) {
	data, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(data)) {
		class, names, _ := strings.Cut(line, ":")
		for name := range strings.FieldsSeq(names) {
			want[name] = class
		}
	}
	if len(want) != 116+1 {
		t.Fatalf("the list has %d operations", len(want))
	}
	got := map[string]string{}
	for _, o := range Operations() {
		if _, twice := got[o.Name]; twice {
			t.Errorf("%s is in the table twice", o.Name)
		}
		got[o.Name] = o.Class.String()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-list +table):\n%s", diff)
	}
}

// TestOperationsConsistent checks what the fields of a row must have to do
// with each other.
func TestOperationsConsistent(t *testing.T) {
	byName := map[string]*Operation{}
	for _, o := range Operations() {
		byName[o.Name] = o
	}
	for _, o := range Operations() {
		if (o.Method == http.MethodGet || o.Method == http.MethodHead) && (o.Write || o.Document || o.Streaming) {
			t.Errorf("%s writes or has a body with method %s", o.Name, o.Method)
		}
		if (o.Method == http.MethodPut || o.Method == http.MethodDelete) && !o.Write {
			t.Errorf("%s does not write with method %s", o.Name, o.Method)
		}
		if o.DigestRequired && !o.Document {
			t.Errorf("%s needs a digest of no document", o.Name)
		}
		if o.Streaming && o.Name != "PutObject" && o.Name != "UploadPart" {
			t.Errorf("%s takes a streaming body", o.Name)
		}
		if o.Header != http.CanonicalHeaderKey(o.Header) {
			t.Errorf("%s: header %q is not canonical", o.Name, o.Header)
		}
		for _, p := range o.Params {
			if slices.ContainsFunc(o.required, func(r requirement) bool { return r.name == p }) {
				t.Errorf("%s both requires and allows %s", o.Name, p)
			}
		}
		if o.AliasOf != "" {
			n := byName[o.AliasOf]
			if n == nil || n.AliasOf != "" || n.Method != o.Method || n.Level != o.Level ||
				!slices.Equal(n.Subresources, o.Subresources) || n.Class != o.Class {
				t.Errorf("%s is no alias of %q", o.Name, o.AliasOf)
			}
		}
	}
}

// TestOperationsDisjoint checks that no request can be two operations: of any
// two rows of one method and level, either a header tells them apart or one
// requires what the other does not allow.
func TestOperationsDisjoint(t *testing.T) {
	excludes := func(a, b *Operation) bool {
		return slices.ContainsFunc(a.required, func(r requirement) bool {
			return !slices.Contains(b.Params, r.name) &&
				!slices.ContainsFunc(b.required, func(s requirement) bool { return s.name == r.name && (s.any || r.any || s.value == r.value) })
		})
	}
	all := Operations()
	for i, a := range all {
		for _, b := range all[:i] {
			if a.Method != b.Method || a.Level != b.Level || a.AliasOf != "" || b.AliasOf != "" || a.Header != b.Header {
				continue
			}
			if !excludes(a, b) && !excludes(b, a) {
				t.Errorf("one request can be both %s and %s", a.Name, b.Name)
			}
		}
	}
}

// routeTarget routes a request as a server would see it.
func routeTarget(method, target string, h http.Header) (*Operation, error) {
	rawPath, rawQuery, _ := strings.Cut(target, "?")
	bucket, key, err := ParsePath(rawPath)
	if err != nil {
		return nil, err
	}
	q, err := ParseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	return Route(method, bucket, key, q, h)
}

// TestExamples checks that every operation's example is routed to it and to
// nothing else, whatever SDKs add to it, and under any other method to
// something else or nothing.
func TestExamples(t *testing.T) {
	for _, o := range Operations() {
		want := o.Name
		if o.AliasOf != "" {
			want = o.AliasOf
		}
		method, target, h := o.Example("bucket", "a//b c/../%2F")
		sep := "?"
		if strings.Contains(target, "?") {
			sep = "&"
		}
		variants := []string{target, target + sep + "x-id=" + o.Name}
		all := target
		for i, p := range o.Params {
			variants = append(variants, target+sep+p+"=v")
			all += []string{sep, "&"}[min(i, 1)] + p + "="
		}
		variants = append(variants, all)
		for _, v := range variants {
			got, err := routeTarget(method, v, h)
			if err != nil || got.Name != want {
				t.Errorf("%s: %s %s is routed to %v, %v", o.Name, method, v, got, err)
			}
		}
		for _, other := range methods {
			if other == method {
				continue
			}
			if got, err := routeTarget(other, target, h); err == nil && got.Name == want {
				t.Errorf("%s: also routed with method %s", o.Name, other)
			}
		}
		for _, v := range []string{target + sep + "invented", target + sep + "x-amz-acl=private", target + sep + "=v"} {
			if got, err := routeTarget(method, v, h); got != nil || err == nil {
				t.Errorf("%s: %s %s is routed to %s", o.Name, method, v, got.Name)
			}
		}
	}
}

func TestEnumNames(t *testing.T) {
	for c, want := range map[fmt.Stringer]string{
		Class(0): "Class(?)", Transform: "Transform", Pass: "Pass", Pass + 1: "Class(?)", Class(255): "Class(?)",
		ServiceLevel: "SERVICE", BucketLevel: "BUCKET", ObjectLevel: "OBJECT",
	} {
		if got := c.String(); got != want {
			t.Errorf("%d: %q, want %q", c, got, want)
		}
	}
}
