package s3api

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErrorCopies(t *testing.T) {
	before := *ErrInvalidArgument
	base := ErrInvalidArgument.With("ArgumentName", "a")
	one, two := base.With("ArgumentValue", "1"), base.With("ArgumentValue", "2")
	renamed := one.With("ArgumentName", "b").WithMessage("%d%%", 5)

	for _, tt := range []struct {
		name string
		got  *Error
		want []Field
	}{
		{"base", base, []Field{{"ArgumentName", "a"}}},
		{"one", one, []Field{{"ArgumentName", "a"}, {"ArgumentValue", "1"}}},
		{"two", two, []Field{{"ArgumentName", "a"}, {"ArgumentValue", "2"}}},
		{"renamed", renamed, []Field{{"ArgumentName", "b"}, {"ArgumentValue", "1"}}},
	} {
		if diff := cmp.Diff(tt.want, tt.got.Fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if diff := cmp.Diff(before, *ErrInvalidArgument); diff != "" {
		t.Errorf("the shared error changed (-before +after):\n%s", diff)
	}
	if got, want := renamed.Error(), "InvalidArgument: 5%"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := (&Error{Code: "Strange"}).Error(), "Strange"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got := renamed.Field("Missing"); got != "" {
		t.Errorf("Field of an absent name = %q", got)
	}
}

func TestErrorIs(t *testing.T) {
	wrapped := fmt.Errorf("read part: %w", ErrSSECWrongKey.With("Key", "k"))
	if !errors.Is(wrapped, ErrAccessDenied) {
		t.Error("a copy is not the error it was made from")
	}
	if errors.Is(wrapped, ErrNoSuchKey) || errors.Is(wrapped, (*Error)(nil)) {
		t.Error("errors of different codes are the same")
	}
}

// TestCatalogue holds the codes and their statuses against the list in
// testdata, which is written from the API reference.
func TestCatalogue(t *testing.T) {
	data, err := os.ReadFile("testdata/codes.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		for _, code := range words[1:] {
			want[code] = words[0]
		}
	}
	got := map[string]string{}
	for code, e := range catalogue {
		got[code] = fmt.Sprint(e.Status)
		if e.Message == "" || e.Code != code || !validElementName(code) {
			t.Errorf("%s: incomplete entry %+v", code, e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes and statuses (-want +got):\n%s", diff)
	}
}
