package s3api

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxPostFields is the size in bytes of all that comes before the file.
	maxPostFields = 20480
	// maxPostRest is the size in bytes of all that comes after it, which is
	// read only to see that the form is complete.
	maxPostRest = 64 << 10
)

// PostForm is the form of a browser upload (S3 API Reference, "POST Object").
// ReadPostForm reads it up to its file, which is then read from the form
// itself. Not safe for concurrent use.
type PostForm struct {
	reader *formReader
	fields []postField

	// Of the file: bytes read, what may be, and how it ended.
	size, min, max int64
	err            error
}

// postField is one field, with the name as it was sent and in lower case.
type postField struct {
	name, lower, value string
}

var (
	errNotMultipart = ErrPreconditionFailed.With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
	errPostFields   = ErrPostFieldsTooLarge.With("MaxPostPreDataLengthBytes", strconv.Itoa(maxPostFields))
)

// errPostFiles says that there is not one file but count.
func errPostFiles(count int) *Error {
	return ErrInvalidArgument.WithMessage("POST requires exactly one file upload per request.").
		With("ArgumentName", "file").
		With("ArgumentValue", strconv.Itoa(count))
}

// ReadPostForm reads the fields of a form up to its file. Of fields of the
// same name the values are joined with commas, and ${filename} is replaced in
// all by the name of the file without its directories, if the file has one.
//
// Errors are those of body, and *Error: ErrPreconditionFailed if it is no form,
// ErrMalformedPOSTRequest, ErrPostFieldsTooLarge, and ErrInvalidArgument for a
// form without a file.
func ReadPostForm(contentType string, body io.Reader) (*PostForm, error) {
	r, err := newFormReader(contentType, body)
	if err != nil {
		return nil, err
	}
	r.limit, r.tooLong = maxPostFields, errPostFields
	if err := r.first(); err != nil {
		return nil, err
	}
	f := &PostForm{reader: r, max: MaxPartSize}
	for {
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil, errPostFiles(0)
		}
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(p.name, "file") {
			if err := f.expand(p); err != nil {
				return nil, err
			}
			return f, nil
		}
		value, err := r.text()
		if err != nil {
			return nil, err
		}
		f.add(p.name, value)
	}
}

func (f *PostForm) add(name, value string) {
	l := strings.ToLower(name)
	if i := slices.IndexFunc(f.fields, func(g postField) bool { return g.lower == l }); i >= 0 {
		f.fields[i].value += "," + value
		return
	}
	f.fields = append(f.fields, postField{name, l, value})
}

// expand puts the file's name in place of ${filename}. The fields stay within
// their bounds by it: a small form could become a large one before anybody has
// looked at its signature.
func (f *PostForm) expand(p formPart) error {
	if !p.hasFilename {
		return nil
	}
	const variable = "${filename}"
	name := p.filename[strings.LastIndexAny(p.filename, `/\`)+1:]
	added := 0
	for i := range f.fields {
		if isPostAuth(f.fields[i].lower) {
			continue
		}
		value := &f.fields[i].value
		if added += strings.Count(*value, variable) * len(name); added > maxPostFields {
			return errPostFields
		}
		*value = strings.ReplaceAll(*value, variable, name)
	}
	return nil
}

// isPostAuth reports whether the field, in lower case, is part of how a form
// is signed.
func isPostAuth(lower string) bool {
	switch lower {
	case "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token", "awsaccesskeyid", "signature":
		return true
	}
	return false
}

// Field returns the value of the field of that name, in any case.
func (f *PostForm) Field(name string) (value string, ok bool) {
	for i := range f.fields {
		if strings.EqualFold(f.fields[i].lower, name) {
			return f.fields[i].value, true
		}
	}
	return "", false
}

// Key returns the key of the object. Errors are ErrInvalidArgument if there is
// none, ErrInvalidURI and ErrKeyTooLong.
func (f *PostForm) Key() (string, error) {
	key, _ := f.Field("key")
	if key == "" {
		return "", MissingPostField("key")
	}
	return checkKey(key)
}

// MissingPostField is the error for a form without the field of that name, or
// with it behind the file.
func MissingPostField(name string) *Error {
	return ErrInvalidArgument.
		WithMessage("Bucket POST must contain a field named '%s'.  If it is specified, please check the order of the fields.", name).
		With("ArgumentName", name).
		With("ArgumentValue", "")
}

// MaxFileSize returns the most bytes that the file can have in a request of
// contentLength bytes, or contentLength if that is negative. It is to be called
// before the file is read. Where nothing follows the file, the file has that
// many bytes or, if the form ends with a line end as usual, two less.
func (f *PostForm) MaxFileSize(contentLength int64) int64 {
	if contentLength < 0 {
		return contentLength
	}
	return max(0, contentLength-f.reader.consumed-int64(len(f.reader.delimiter))-int64(len("--")))
}

// MinFileSize returns the fewest bytes that the file can have in a request of
// contentLength bytes if the form is complete. It is to be called before the
// file is read.
func (f *PostForm) MinFileSize(contentLength int64) int64 {
	return max(0, contentLength-f.reader.consumed-int64(len(f.reader.delimiter))-maxPostRest)
}

// LimitFile makes Read return ErrEntityTooSmall or ErrEntityTooLarge for a
// file of less than smallest or more than largest bytes. Without it, a file may
// be empty and has at most 5 GiB.
func (f *PostForm) LimitFile(smallest, largest int64) {
	f.min, f.max = smallest, min(largest, MaxPartSize)
}

// Read reads the file. It returns io.EOF only when the whole body has been
// read and the form is complete, so that a file never counts that was cut short.
// Errors are those of ReadPostForm and LimitFile.
func (f *PostForm) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.read(p)
	f.err = err
	return n, err
}

func (f *PostForm) read(p []byte) (int, error) {
	f.reader.limit = 1<<63 - 1
	piece, err := f.reader.content(len(p))
	if errors.Is(err, io.EOF) {
		if f.size < f.min {
			return 0, ErrEntityTooSmall.
				With("ProposedSize", strconv.FormatInt(f.size, 10)).
				With("MinSizeAllowed", strconv.FormatInt(f.min, 10))
		}
		return 0, f.finish()
	}
	if err != nil {
		return 0, err
	}
	if got := f.size + int64(len(piece)); got > f.max {
		return 0, ErrEntityTooLarge.
			With("ProposedSize", strconv.FormatInt(got, 10)).
			With("MaxSizeAllowed", strconv.FormatInt(f.max, 10))
	}
	n := copy(p, piece)
	f.size += int64(n)
	return n, f.reader.discard(n)
}

// finish reads what comes after the file, to the end of the body, and returns
// io.EOF: fields, which count for nothing, but no second file.
func (f *PostForm) finish() error {
	f.reader.limit, f.reader.tooLong = f.reader.consumed+maxPostRest, ErrMalformedPOSTRequest
	for {
		p, err := f.reader.next()
		if errors.Is(err, io.EOF) {
			return f.reader.rest()
		}
		if err != nil {
			return err
		}
		if strings.EqualFold(p.name, "file") {
			return errPostFiles(2)
		}
		if _, err := f.reader.text(); err != nil {
			return err
		}
	}
}
