package s3api

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
)

const (
	formType = "multipart/form-data; boundary=b0undary"
	formEnd  = "\r\n--b0undary--\r\n"
)

// formField is a part as browsers send it.
func formField(name, value string) string {
	return "--b0undary\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

// formFile is the part of the file, up to its content.
func formFile(filename string) string {
	return "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\nContent-Type: image/png\r\n\r\n"
}

// readForm reads a form and its file.
func readForm(contentType, body string) (f *PostForm, file []byte, err error) {
	f, err = ReadPostForm(contentType, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	file, err = io.ReadAll(f)
	return f, file, err
}

func TestReadPostForm(t *testing.T) {
	const content = "line\r\n--b0undar\r\n\r\n--"
	fields := formField("key", "user/${filename}") + formField("X-Amz-Meta-Tag", "Ninja") + formField("x-amz-meta-tag", "Stallman") + formField("policy", "${filename}") + formField("empty", "")
	for _, tt := range []struct{ name, body string }{
		{"plain", fields + formFile("a.png") + content + formEnd},
		{"a directory", fields + formFile(`C:\dir\sub/a.png`) + content + formEnd},
		{"no line end", fields + formFile("a.png") + content + strings.TrimSuffix(formEnd, "\r\n")},
		{"an epilogue", fields + formFile("a.png") + content + formEnd + "more"},
		{"a field after it", fields + formFile("a.png") + content + "\r\n" + formField("key", "ignored") + strings.TrimPrefix(formEnd, "\r\n")},
		{"a line end before", "\r\n" + fields + formFile("a.png") + content + formEnd},
		{"padding", strings.ReplaceAll(fields, "--b0undary\r\n", "--b0undary \t\r\n") + formFile("a.png") + content + formEnd},
	} {
		f, file, err := readForm(formType, tt.body)
		if err != nil || string(file) != content {
			t.Errorf("%s: %q, %v", tt.name, file, err)
			continue
		}
		for name, want := range map[string]string{"KEY": "user/a.png", "x-amz-meta-tag": "Ninja,Stallman", "Policy": "${filename}", "empty": ""} {
			if got, ok := f.Field(name); !ok || got != want {
				t.Errorf("%s: %s is %q, %v", tt.name, name, got, ok)
			}
		}
		if got, ok := f.Field("missing"); ok {
			t.Errorf("%s: a field %q", tt.name, got)
		}
		if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: after the end: %d, %v", tt.name, n, err)
		}
	}
}

// TestPostFormFilename: without a filename the variable stays, with an empty
// one it goes.
func TestPostFormFilename(t *testing.T) {
	const bare = "--b0undary\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"
	for file, want := range map[string]string{bare: "k-${filename}", formFile(""): "k-", formFile("é.png"): "k-é.png", formFile(`a\"b`): `k-a"b`} {
		f, _, err := readForm(formType, formField("key", "k-${filename}")+file+formEnd)
		if err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		if key, err := f.Key(); key != want || err != nil {
			t.Errorf("%q: %q, %v", file, key, err)
		}
	}
}

func TestReadPostFormRefuses(t *testing.T) {
	fields, file := formField("key", "k"), formFile("a")
	plain := fields + file + "content" + formEnd
	for _, tt := range []struct {
		name, contentType, body string
		want                    *Error
	}{
		{"no type", "", plain, ErrPreconditionFailed},
		{"another type", "text/plain", plain, ErrPreconditionFailed},
		{"multipart/mixed", "multipart/mixed; boundary=b0undary", plain, ErrPreconditionFailed},
		{"no boundary", "multipart/form-data", plain, ErrMalformedPOSTRequest},
		{"an empty boundary", `multipart/form-data; boundary=""`, plain, ErrMalformedPOSTRequest},
		{"a long boundary", "multipart/form-data; boundary=" + strings.Repeat("b", 71), plain, ErrMalformedPOSTRequest},
		{"another boundary", "multipart/form-data; boundary=other", plain, ErrMalformedPOSTRequest},
		{"a long name in many places", formType, formField("key", strings.Repeat("${filename}", 1000)) + formFile(strings.Repeat("f", 1000)) + formEnd, ErrPostFieldsTooLarge},
		{"nothing", formType, "", ErrMalformedPOSTRequest},
		{"only an end", formType, "--b0undary--\r\n", ErrInvalidArgument},
		{"no file", formType, fields + "--b0undary--\r\n", ErrInvalidArgument},
		{"a file of another name", formType, fields + strings.Replace(file, `"file"`, `"upload"`, 1) + formEnd, ErrInvalidArgument},
		{"two files", formType, fields + file + "1\r\n" + file + "2" + formEnd, ErrInvalidArgument},
		{"cut in a header", formType, fields + "--b0undary\r\nContent-Disp", ErrMalformedPOSTRequest},
		{"cut in a field", formType, strings.TrimSuffix(fields, "\r\n"), ErrMalformedPOSTRequest},
		{"cut in the file", formType, fields + file + "content", ErrMalformedPOSTRequest},
		{"cut in the end", formType, fields + file + "content\r\n--b0undary-", ErrMalformedPOSTRequest},
		{"no end", formType, fields + file + "content\r\n--b0undary\r\n", ErrMalformedPOSTRequest},
		{"bare line feeds", formType, strings.ReplaceAll(plain, "\r\n", "\n"), ErrMalformedPOSTRequest},
		{"text behind a boundary", formType, strings.Replace(plain, "--b0undary\r\n", "--b0undary x\r\n", 1), ErrMalformedPOSTRequest},
		{"no disposition", formType, "--b0undary\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"no name", formType, "--b0undary\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"an attachment", formType, "--b0undary\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"two dispositions", formType, "--b0undary\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"a line that is no header", formType, "--b0undary\r\nname\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"base64", formType, "--b0undary\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n" + plain, ErrMalformedPOSTRequest},
		{"much after the file", formType, fields + file + "content\r\n" + formField("a", strings.Repeat("a", maxPostRest)) + strings.TrimPrefix(formEnd, "\r\n"), ErrMalformedPOSTRequest},
	} {
		if _, file, err := readForm(tt.contentType, tt.body); !errors.Is(err, tt.want) {
			t.Errorf("%s: %q, %v", tt.name, file, err)
		}
	}
	_, err := ReadPostForm("text/html", strings.NewReader(""))
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != 412 || e.Field("Condition") != "Bucket POST must be of the enclosure-type multipart/form-data" {
		t.Errorf("%+v", err)
	}
}

// TestPostFormLimits: 20,480 bytes may come before the content of the file.
func TestPostFormLimits(t *testing.T) {
	rest := formField("key", "") + formFile("a")
	for extra, ok := range map[int]bool{0: true, 1: false, 1 << 20: false} {
		body := strings.Replace(rest, "\r\n\r\n\r\n", "\r\n\r\n"+strings.Repeat("k", maxPostFields-len(rest)+extra)+"\r\n", 1)
		_, _, err := readForm(formType, body+formEnd)
		if ok && err != nil || !ok && !errors.Is(err, ErrPostFieldsTooLarge) {
			t.Errorf("%d bytes: %v", len(body), err)
		}
		if e, is := errors.AsType[*Error](err); is && e.Field("MaxPostPreDataLengthBytes") != "20480" {
			t.Errorf("%+v", e)
		}
	}
	many := strings.Repeat(formField("a", ""), 1000)
	if _, _, err := readForm(formType, many+rest+formEnd); !errors.Is(err, ErrPostFieldsTooLarge) {
		t.Errorf("many fields: %v", err)
	}
}

// FuzzReadPostForm holds what is read against mime/multipart.
func FuzzReadPostForm(f *testing.F) {
	f.Add([]byte(formField("key", "k") + formFile("a.png") + "content" + formEnd))
	f.Add([]byte(formField("key", "${filename}") + formFile(`a\b`) + "\r\n--b0undar" + formEnd))
	f.Add([]byte("\r\n" + formField("key", "k") + formField("key", "l") + formFile("") + formEnd))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, file, err := readForm(formType, string(body))
		if err != nil {
			return
		}
		oracle := multipart.NewReader(bytes.NewReader(body), "b0undary")
		want := map[string]string{}
		for {
			p, err := oracle.NextRawPart()
			if err != nil {
				return // multipart is stricter in some ways, such as about header lines
			}
			content, err := io.ReadAll(p)
			if err != nil {
				return
			}
			name := strings.ToLower(p.FormName())
			if name == "file" {
				if string(content) != string(file) {
					t.Fatalf("%q, multipart reads %q", file, content)
				}
				break
			}
			if old, ok := want[name]; ok {
				content = []byte(old + "," + string(content))
			}
			want[name] = string(content)
		}
		for name, value := range want {
			got, ok := form.Field(name)
			if !ok || got != value && !strings.Contains(value, "${filename}") {
				t.Fatalf("%s: %q, multipart reads %q", strconv.Quote(name), got, value)
			}
		}
	})
}

func BenchmarkPostForm(b *testing.B) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	w.WriteField("key", "k")
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a"`}})
	if err != nil {
		b.Fatal(err)
	}
	p.Write(bytes.Repeat([]byte("0123456789abcde\r"), 1<<18))
	w.Close()
	b.SetBytes(int64(body.Len()))
	buf := make([]byte, 32<<10)
	for b.Loop() {
		f, err := ReadPostForm(w.FormDataContentType(), bytes.NewReader(body.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, f, buf); err != nil {
			b.Fatal(err)
		}
	}
}
