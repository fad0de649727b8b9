package s3api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"
)

const (
	// formBuffer is how much of a form is buffered, in bytes.
	formBuffer = 64 << 10
	// maxFormLine is the longest header line of a part, in bytes.
	maxFormLine = 8 << 10
	// maxBoundary is that of RFC 2046, section 5.1.1.
	maxBoundary = 70
)

// formReader takes multipart/form-data (RFC 7578) apart as it comes in.
type formReader struct {
	r *bufio.Reader
	// delimiter is what ends the content of a part: CRLF, two dashes and the
	// boundary.
	delimiter []byte
	// consumed is the number of bytes read, which must stay below limit.
	consumed, limit int64
	tooLong         error // what it is if they do not
}

// formPart is the header of one part.
type formPart struct {
	name           string // as it was sent
	filename       string
	hasFilename    bool
	hasDisposition bool
}

func newFormReader(contentType string, body io.Reader) (*formReader, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if mediaType != "multipart/form-data" {
		return nil, errNotMultipart
	}
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > maxBoundary || strings.ContainsAny(boundary, "\r\n") {
		return nil, ErrMalformedPOSTRequest
	}
	return &formReader{r: bufio.NewReaderSize(body, formBuffer), delimiter: []byte("\r\n--" + boundary)}, nil
}

// discard steps over n buffered bytes.
func (f *formReader) discard(n int) error {
	f.consumed += int64(n)
	if f.consumed > f.limit {
		return f.tooLong
	}
	_, err := f.r.Discard(n)
	return err
}

// first steps over the delimiter that begins the form, which may do without
// the line end before it.
func (f *formReader) first() error {
	for _, delimiter := range [...][]byte{f.delimiter, f.delimiter[len("\r\n"):]} {
		got, err := f.r.Peek(len(delimiter))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if bytes.Equal(got, delimiter) {
			return f.discard(len(delimiter))
		}
	}
	return ErrMalformedPOSTRequest
}

// next reads what follows a delimiter: the header of another part, or io.EOF
// if that was the last one.
func (f *formReader) next() (formPart, error) {
	end, err := f.r.Peek(2)
	if err != nil {
		return formPart{}, incomplete(err)
	}
	if string(end) == "--" {
		return formPart{}, io.EOF
	}
	padding, err := f.line()
	if err != nil {
		return formPart{}, err
	}
	if strings.Trim(padding, " \t") != "" {
		return formPart{}, ErrMalformedPOSTRequest
	}
	var p formPart
	for {
		line, err := f.line()
		if err != nil {
			return formPart{}, err
		}
		if line == "" {
			break
		}
		if err := p.header(line); err != nil {
			return formPart{}, err
		}
	}
	if p.name == "" {
		return formPart{}, ErrMalformedPOSTRequest
	}
	return p, nil
}

// line reads a line and takes its end off.
func (f *formReader) line() (string, error) {
	line, err := f.r.ReadSlice('\n')
	if f.consumed += int64(len(line)); f.consumed > f.limit {
		return "", f.tooLong
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", ErrMalformedPOSTRequest
	}
	if err != nil {
		return "", incomplete(err)
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok || len(text) > maxFormLine {
		return "", ErrMalformedPOSTRequest
	}
	return text, nil
}

// header reads one header line of a part. All but Content-Disposition are
// without meaning (RFC 7578, section 4.8), except that an encoding would make
// the content something else than what it is.
func (p *formPart) header(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return ErrMalformedPOSTRequest
	}
	switch strings.ToLower(name) {
	case "content-disposition":
		disposition, params, err := mime.ParseMediaType(value)
		if err != nil || p.hasDisposition {
			return ErrMalformedPOSTRequest
		}
		p.hasDisposition = true
		if disposition == "form-data" {
			p.name = params["name"]
			p.filename, p.hasFilename = params["filename"]
		}
	case "content-transfer-encoding":
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "7bit", "8bit", "binary":
		default:
			return ErrMalformedPOSTRequest
		}
	}
	return nil
}

// content returns a piece of the part's content of up to n bytes, n at least 1,
// which is valid until the next call and has to be discarded; io.EOF at its
// end, after the delimiter.
func (f *formReader) content(n int) ([]byte, error) {
	if _, err := f.r.Peek(len(f.delimiter)); err != nil {
		return nil, incomplete(err)
	}
	buffered, err := f.r.Peek(min(f.r.Buffered(), n+len(f.delimiter)-1))
	if err != nil {
		return nil, err
	}
	switch i := bytes.Index(buffered, f.delimiter); {
	case i == 0:
		if err := f.discard(len(f.delimiter)); err != nil {
			return nil, err
		}
		return nil, io.EOF
	case i > 0:
		return buffered[:i], nil
	}
	// A delimiter may begin in what is left.
	return buffered[:len(buffered)-len(f.delimiter)+1], nil
}

// text reads the rest of a part's content, which is a field's.
func (f *formReader) text() (string, error) {
	var text []byte
	for {
		piece, err := f.content(formBuffer)
		if errors.Is(err, io.EOF) {
			return string(text), nil
		}
		if err != nil {
			return "", err
		}
		text = append(text, piece...)
		if err := f.discard(len(piece)); err != nil {
			return "", err
		}
	}
}

// rest steps over what follows the last delimiter, to the end of the body,
// where it returns io.EOF.
func (f *formReader) rest() error {
	for {
		if _, err := f.r.Peek(1); err != nil {
			return err
		}
		if err := f.discard(f.r.Buffered()); err != nil {
			return err
		}
	}
}

// incomplete is the error for a form that ends too early; other errors of the
// body stay what they are.
func incomplete(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrMalformedPOSTRequest
	}
	return err
}
