package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestErrorXML(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	tests := []struct {
		name             string
		err              *Error
		resource, id, ho string
		want             string
	}{
		{
			"order", ErrInvalidArgument.WithMessage("m").With("ArgumentName", "n").With("ArgumentValue", "v"), "/b/k", "1", "2",
			"<Error><Code>InvalidArgument</Code><Message>m</Message><ArgumentName>n</ArgumentName><ArgumentValue>v</ArgumentValue><Resource>/b/k</Resource><RequestId>1</RequestId><HostId>2</HostId></Error>",
		},
		{
			"empty parts left out", ErrAccessDenied, "", "", "",
			"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
		},
		{
			"markup", &Error{Code: "X", Message: `<a href="&">'</a>`}, "/b/<k>", "", "",
			"<Error><Code>X</Code><Message>&lt;a href=&#34;&amp;&#34;&gt;&#39;&lt;/a&gt;</Message><Resource>/b/&lt;k&gt;</Resource></Error>",
		},
		{
			"what XML cannot hold", &Error{Code: "X", Message: "\x00\x1f\xff\ufffe|\t\r\n|\U0001F511"}, "", "", "",
			"<Error><Code>X</Code><Message>\ufffd\ufffd\ufffd\ufffd|&#x9;&#xD;&#xA;|\U0001F511</Message></Error>",
		},
		{
			"field names that are none", (&Error{Code: "X"}).With("a b", "1").With("", "2").With("9", "3").With("X-Amz-Expires", "4"), "", "", "",
			"<Error><Code>X</Code><Message></Message><X-Amz-Expires>4</X-Amz-Expires></Error>",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(tt.err.XML(tt.resource, tt.id, tt.ho))
			if diff := cmp.Diff(head+tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// summary is how the files in testdata/store-errors write an error down.
func summary(e *Error) string {
	s := fmt.Sprintf("%d %s %s", e.Status, e.Code, strconv.QuoteToASCII(e.Message))
	for _, f := range e.Fields {
		s += " " + f.Name + "=" + strconv.QuoteToASCII(f.Value)
	}
	return s
}

// readStoreError splits a file of testdata/store-errors.
func readStoreError(tb testing.TB, file string) (status int, expect string, body []byte) {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	head, body, _ := bytes.Cut(data, []byte("\n\n"))
	first, second, _ := strings.Cut(string(head), "\n")
	status, err = strconv.Atoi(strings.TrimPrefix(first, "status: "))
	if err != nil {
		tb.Fatal(err)
	}
	return status, strings.TrimPrefix(second, "expect: "), body
}

func storeErrors(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/store-errors/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no test data: %v", err)
	}
	return files
}

func TestParseErrorStoreDocuments(t *testing.T) {
	for _, file := range storeErrors(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			status, want, body := readStoreError(t, file)
			if diff := cmp.Diff(want, summary(ParseError(status, body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrorByStatus(t *testing.T) {
	want := map[int]*Error{
		403: ErrAccessDenied, 404: ErrNoSuchKey, 405: ErrMethodNotAllowed, 409: ErrOperationAborted,
		411: ErrMissingContentLength, 412: ErrPreconditionFailed, 416: ErrInvalidRange, 429: ErrSlowDown,
		501: ErrNotImplemented, 502: ErrServiceUnavailable, 503: ErrServiceUnavailable, 504: ErrServiceUnavailable,
	}
	for status := range 700 {
		w := want[status]
		if w == nil {
			w = ErrInternalError
			if status/100 == 4 {
				w = ErrInvalidRequest
			}
		}
		got := ParseError(status, nil)
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("status %d (-want +got):\n%s", status, diff)
		}
		if got == w {
			t.Errorf("status %d: the shared error itself is handed out", status)
		}
	}
}

func TestParseErrorBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("<Error><Code>NoSuchKey</Code>")
	for i := range 10 * maxErrorFields {
		fmt.Fprintf(&b, "<F%d>%s</F%d>", i, strings.Repeat("é", maxErrorText), i)
	}
	b.WriteString(strings.Repeat("<Deep>", 1000))
	e := ParseError(404, []byte(b.String()))
	if !errors.Is(e, ErrNoSuchKey) {
		t.Errorf("got %v", e)
	}
	if len(e.Fields) > maxErrorFields {
		t.Errorf("%d fields", len(e.Fields))
	}
	for _, f := range e.Fields {
		if len(f.Value) > maxErrorText {
			t.Errorf("field %s has %d bytes", f.Name, len(f.Value))
		}
	}

	late := append(bytes.Repeat([]byte(" "), maxErrorBody), "<Error><Code>NoSuchBucket</Code></Error>"...)
	if e := ParseError(404, late); !errors.Is(e, ErrNoSuchKey) {
		t.Errorf("a document after the limit was read: %v", e)
	}
}

func FuzzParseError(f *testing.F) {
	for _, file := range storeErrors(f) {
		status, _, body := readStoreError(f, file)
		f.Add(status, body)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := ParseError(status, body)
		if e.Status < 400 || e.Status > 599 {
			t.Fatalf("status %d", e.Status)
		}
		if !validElementName(e.Code) || !utf8.ValidString(e.Message) {
			t.Fatalf("code %q, message %q", e.Code, e.Message)
		}
		// What is written is well formed and reads back as the same error,
		// apart from white space, which a reader of the code may trim, and
		// from what XML has no character for.
		doc := e.XML("/r", "1", "2")
		if err := xml.Unmarshal(doc, new(struct{})); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		if diff := cmp.Diff(e, ParseError(e.Status, doc)); diff != "" && len(doc) < maxErrorBody {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}
