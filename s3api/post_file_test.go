package s3api

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPostFormSizes(t *testing.T) {
	body := func(n int) string {
		return formField("key", "k") + formFile("a") + strings.Repeat("x", n) + formEnd
	}
	for _, tt := range []struct {
		n      int
		code   string
		fields []Field
	}{
		{12, "EntityTooLarge", []Field{{"ProposedSize", "12"}, {"MaxSizeAllowed", "10"}}},
		{11, "EntityTooLarge", []Field{{"ProposedSize", "11"}, {"MaxSizeAllowed", "10"}}},
		{10, "", nil},
		{5, "", nil},
		{4, "EntityTooSmall", []Field{{"ProposedSize", "4"}, {"MinSizeAllowed", "5"}}},
		{0, "EntityTooSmall", []Field{{"ProposedSize", "0"}, {"MinSizeAllowed", "5"}}},
	} {
		f, err := ReadPostForm(formType, strings.NewReader(body(tt.n)))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.MaxFileSize(int64(len(body(tt.n)))); got != int64(tt.n)+2 {
			t.Errorf("%d bytes: at most %d", tt.n, got)
		}
		if got := f.MinFileSize(int64(len(body(tt.n)))); got != 0 {
			t.Errorf("%d bytes: at least %d", tt.n, got)
		}
		f.LimitFile(5, 10)
		file, err := io.ReadAll(f)
		e, _ := errors.AsType[*Error](err)
		if tt.code == "" && (err != nil || len(file) != tt.n) || tt.code != "" && (e == nil || e.Code != tt.code || !cmp.Equal(e.Fields, tt.fields)) {
			t.Errorf("%d bytes: %d, %+v", tt.n, len(file), err)
		}
	}
	f, err := ReadPostForm(formType, strings.NewReader(body(0)))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{-1, 0, 5} {
		if got := f.MaxFileSize(n); got != min(n, 0) {
			t.Errorf("MaxFileSize(%d) = %d", n, got)
		}
	}
}

// TestPostFormRest: as many bytes may follow the file as the smallest size that
// it can have takes for granted.
func TestPostFormRest(t *testing.T) {
	const size = maxPostRest + 1000
	for _, extra := range []int{0, 1} {
		end := "\r\n--b0undary"
		end += "--" + strings.Repeat("e", maxPostRest+extra-len("--"))
		body := formField("key", "k") + formFile("a") + strings.Repeat("x", size) + end
		f, err := ReadPostForm(formType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.MinFileSize(int64(len(body))); got != int64(size+extra) {
			t.Errorf("at least %d bytes, want %d", got, size+extra)
		}
		if _, err := io.ReadAll(f); (err == nil) != (extra == 0) || err != nil && !errors.Is(err, ErrMalformedPOSTRequest) {
			t.Errorf("%d bytes too many: %v", extra, err)
		}
	}
}

// TestPostFormPieces reads forms of random content in pieces of all kinds.
func TestPostFormPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"\r", "\n", "\r\n", "--", "-", "b0undary", "\r\n--b0undar", "x", strings.Repeat("y", formBuffer-7)}), 0, 12).Draw(t, "pieces")
		content := strings.Join(pieces, "")
		if strings.Contains("\r\n"+content, "\r\n--b0undary") {
			return
		}
		body := formField("key", "k") + formFile("a") + content + formEnd
		var r io.Reader = strings.NewReader(body)
		if rapid.Bool().Draw(t, "one byte at a time") && len(body) < 2000 {
			r = iotest.OneByteReader(r)
		}
		f, err := ReadPostForm(formType, r)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		buf := make([]byte, rapid.SampledFrom([]int{1, 7, 4096, 3 * formBuffer}).Draw(t, "buffer"))
		if len(content) > 4096 && len(buf) == 1 {
			buf = make([]byte, 512)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, f, buf); err != nil {
			t.Fatal(err)
		}
		if got.String() != content {
			t.Fatalf("%d bytes, want %d", got.Len(), len(content))
		}
	})
}

func TestPostFormBodyErrors(t *testing.T) {
	whole := formField("key", "k") + formFile("a") + "content" + formEnd
	fault := errors.New("the connection broke")
	for i := range len(whole) + 1 {
		r := io.MultiReader(strings.NewReader(whole[:i]), iotest.ErrReader(fault))
		f, err := ReadPostForm(formType, r)
		if err == nil {
			_, err = io.ReadAll(f)
		}
		if !errors.Is(err, fault) {
			t.Errorf("after %d bytes: %v", i, err)
		}
	}
}
