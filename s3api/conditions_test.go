package s3api

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	testETag  = "9b2cf535f27731c974343645a3985328"
	otherETag = "00000000000000000000000000000000"
)

// testModified has a fraction of a second, which headers cannot carry.
var testModified = time.Date(2026, 3, 4, 5, 6, 7, 999e6, time.UTC)

const (
	dateBefore = "Wed, 04 Mar 2026 05:06:06 GMT"
	dateSame   = "Wed, 04 Mar 2026 05:06:07 GMT"
	dateAfter  = "Wed, 04 Mar 2026 05:06:08 GMT"
)

func TestConditionsSingle(t *testing.T) {
	const (
		match      = "If-Match"
		none       = "If-None-Match"
		modified   = "If-Modified-Since"
		unmodified = "If-Unmodified-Since"
	)
	tests := []struct {
		name, value string
		status      int
	}{
		{match, `"` + testETag + `"`, 0},
		{match, testETag, 0},
		{match, `*`, 0},
		{match, `"` + otherETag + `", "` + testETag + `"`, 0},
		{match, otherETag + "," + testETag + " ", 0},
		{match, `"` + testETag, 0},
		{match, `"` + otherETag + `"`, 412},
		{match, `W/"` + testETag + `"`, 412},
		{match, `"*"`, 412},
		{match, `W/*`, 412},
		{match, `"` + testETag + `,"`, 412},
		{match, testETag[:31], 412},
		{match, `""`, 412},
		{match, ``, 0},
		{match, ` , `, 0},

		{none, `"` + testETag + `"`, 304},
		{none, testETag, 304},
		{none, `W/"` + testETag + `"`, 304},
		{none, `*`, 304},
		{none, `"` + otherETag + `",W/"` + testETag + `"`, 304},
		{none, `"` + otherETag + `"`, 0},
		{none, `"*"`, 0},
		{none, ``, 0},

		{modified, dateBefore, 0},
		{modified, dateSame, 304},
		{modified, dateAfter, 304},
		{modified, "Wednesday, 04-Mar-26 05:06:07 GMT", 304},
		{modified, "2026-03-04T05:06:07Z", 0},
		{modified, "", 0},

		{unmodified, dateBefore, 412},
		{unmodified, dateSame, 0},
		{unmodified, dateAfter, 0},
		{unmodified, "yesterday", 0},
	}
	for _, tt := range tests {
		c := ParseConditions(header(tt.name, tt.value))
		for _, etag := range []string{testETag, `"` + testETag + `"`} {
			status, condition := c.Evaluate(etag, testModified)
			want := ""
			if tt.status != 0 {
				want = tt.name
			}
			if status != tt.status || condition != want {
				t.Errorf("%s: %s for %s: %d %q, want %d", tt.name, tt.value, etag, status, condition, tt.status)
			}
		}
		if c.IsZero() && tt.status != 0 {
			t.Errorf("%s: %s: no condition", tt.name, tt.value)
		}
	}
}

// TestConditionsPrecedence goes through all combinations of the four headers,
// each absent, true or false, and compares with the steps of RFC 9110,
// section 13.2.2, written out.
func TestConditionsPrecedence(t *testing.T) {
	const absent, yes, no = 0, 1, 2
	values := [4][3]string{
		{"", testETag, otherETag},
		{"", dateAfter, dateBefore},
		{"", otherETag, testETag},
		{"", dateBefore, dateAfter},
	}
	names := [4]string{headerIfMatch, headerIfUnmodifiedSince, headerIfNoneMatch, headerIfModifiedSince}
	for i := range 81 {
		set := [4]int{i % 3, i / 3 % 3, i / 9 % 3, i / 27}
		h := http.Header{}
		for k, s := range set {
			if s != absent {
				h.Set(names[k], values[k][s])
			}
		}
		want := "0 "
		switch {
		case set[0] == no:
			want = "412 If-Match"
		case set[0] == absent && set[1] == no:
			want = "412 If-Unmodified-Since"
		case set[2] == no:
			want = "304 If-None-Match"
		case set[2] == absent && set[3] == no:
			want = "304 If-Modified-Since"
		}
		c := ParseConditions(h)
		status, condition := c.Evaluate(testETag, testModified)
		if got := fmt.Sprintf("%d %s", status, condition); got != want {
			t.Errorf("%v: %s, want %s", h, got, want)
		}
		if c.IsZero() != (len(h) == 0) {
			t.Errorf("%v: IsZero() = %v", h, c.IsZero())
		}
	}
}

func TestConditionsRepeatedHeaders(t *testing.T) {
	h := header("If-None-Match", otherETag, "If-None-Match", testETag)
	if status, _ := ParseConditions(h).Evaluate(testETag, testModified); status != http.StatusNotModified {
		t.Errorf("the second header line is not read: %d", status)
	}
	h = header("If-Modified-Since", dateAfter, "If-Modified-Since", dateBefore)
	if status, _ := ParseConditions(h).Evaluate(testETag, testModified); status != 0 {
		t.Errorf("two dates are read as one: %d", status)
	}
}

func TestWriteCondition(t *testing.T) {
	quoted := `"` + testETag + `"`
	tests := []struct {
		h           http.Header
		put, delete WriteCondition
		putErr      string // the Header field of NotImplemented
		deleteErr   string
	}{
		{h: nil},
		{h: header("If-Modified-Since", dateSame)},
		{h: header("If-Match", quoted), put: WriteCondition{ETag: testETag}, delete: WriteCondition{ETag: testETag}},
		{h: header("If-Match", testETag), put: WriteCondition{ETag: testETag}, delete: WriteCondition{ETag: testETag}},
		{h: header("If-Match", "*"), putErr: "If-Match", delete: WriteCondition{Present: true}},
		{h: header("If-None-Match", "*"), put: WriteCondition{Absent: true}, deleteErr: "If-None-Match"},
		{h: header("If-None-Match", quoted), putErr: "If-None-Match", deleteErr: "If-None-Match"},
		{h: header("If-None-Match", `"*"`), putErr: "If-None-Match", deleteErr: "If-None-Match"},
		{h: header("If-None-Match", "*, *"), putErr: "If-None-Match", deleteErr: "If-None-Match"},
		{h: header("If-None-Match", ""), putErr: "If-None-Match", deleteErr: "If-None-Match"},
		{h: header("If-Match", ""), putErr: "If-Match", deleteErr: "If-Match"},
		{h: header("If-Match", `""`), putErr: "If-Match", deleteErr: "If-Match"},
		{h: header("If-Match", "W/"+quoted), putErr: "If-Match", deleteErr: "If-Match"},
		{h: header("If-Match", quoted+", "+quoted), putErr: "If-Match", deleteErr: "If-Match"},
		{h: header("If-Match", "*", "If-Match", quoted), putErr: "If-Match", deleteErr: "If-Match"},
		{h: header("If-Match", quoted, "If-None-Match", "*"), putErr: "If-Match,If-None-Match", deleteErr: "If-Match,If-None-Match"},
		{h: header("If-Unmodified-Since", dateSame), putErr: "If-Unmodified-Since", deleteErr: "If-Unmodified-Since"},
		{h: header("X-Amz-If-Match-Size", "1"), deleteErr: "X-Amz-If-Match-Size"},
		{h: header("x-amz-if-match-last-modified-time", dateSame), deleteErr: "X-Amz-If-Match-Last-Modified-Time"},
	}
	check := func(what string, h http.Header, got WriteCondition, err error, want WriteCondition, wantErr string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", what, h, diff)
		}
		var e *Error
		switch {
		case wantErr == "" && err != nil:
			t.Errorf("%s %v: %v", what, h, err)
		case wantErr != "" && (!errors.Is(err, ErrNotImplemented) || !errors.As(err, &e) || e.Field("Header") != wantErr || e.Field("additionalMessage") == ""):
			t.Errorf("%s %v: %v, want NotImplemented for %s", what, h, err, wantErr)
		}
	}
	for _, tt := range tests {
		got, err := ParseWriteCondition(tt.h)
		check("put", tt.h, got, err, tt.put, tt.putErr)
		got, err = ParseDeleteCondition(tt.h)
		check("delete", tt.h, got, err, tt.delete, tt.deleteErr)
	}
}

func TestWriteConditionCheck(t *testing.T) {
	tests := []struct {
		name        string
		c           WriteCondition
		same        error
		other, gone error
		condition   string
	}{
		{"none", WriteCondition{}, nil, nil, nil, ""},
		{"absent", WriteCondition{Absent: true}, ErrPreconditionFailed, ErrPreconditionFailed, nil, "If-None-Match"},
		{"present", WriteCondition{Present: true}, nil, nil, ErrNoSuchKey, ""},
		{"etag", WriteCondition{ETag: testETag}, nil, ErrPreconditionFailed, ErrNoSuchKey, "If-Match"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []struct {
				exists bool
				etag   string
				want   error
			}{
				{true, testETag, tt.same},
				{true, `"` + testETag + `"`, tt.same},
				{true, otherETag, tt.other},
				{true, "", tt.other},
				{false, "", tt.gone},
				{false, testETag, tt.gone},
			} {
				err := tt.c.Check(step.exists, step.etag)
				if !errors.Is(err, step.want) {
					t.Errorf("exists %v, ETag %q: %v, want %v", step.exists, step.etag, err, step.want)
				}
				var e *Error
				if errors.Is(err, ErrPreconditionFailed) && (!errors.As(err, &e) || e.Field("Condition") != tt.condition) {
					t.Errorf("Condition %q", e.Field("Condition"))
				}
			}
			if tt.c.IsZero() != (tt.name == "none") {
				t.Errorf("IsZero() = %v", tt.c.IsZero())
			}
		})
	}
}

func FuzzConditions(f *testing.F) {
	f.Add(`"a", W/"b"`, `*`, dateSame)
	f.Add(`W/`, `"`, "")
	f.Add(`,`, ` W/"x`, "0")
	f.Fuzz(func(t *testing.T, match, none, date string) {
		h := header("If-Match", match, "If-None-Match", none, "If-Modified-Since", date, "If-Unmodified-Since", date)
		status, condition := ParseConditions(h).Evaluate(testETag, testModified)
		if (status == 0) != (condition == "") || status != 0 && h.Get(condition) == "" {
			t.Fatalf("%d %q", status, condition)
		}
		h = header("If-Match", match)
		if c, err := ParseWriteCondition(h); err == nil && c.ETag == "" {
			t.Fatalf("If-Match %q is no condition", match)
		}
	})
}
