package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// Body yields the decoded bytes of a request body and verifies them.
//
// Read returns io.EOF only when the body is complete and everything declared
// or signed about it holds: its length, its hash, the signature of every chunk
// including the final one, and the trailer. Bytes are handed out before the
// hash or chunk signature that covers them has been seen, so the reader must
// make nothing durable before io.EOF. After any other error the connection
// must not be reused.
//
// Violations are errors of type *s3api.Error. A failure to read, such as a
// timeout, is an error that wraps ErrRead and the one of the reader; only a
// body that ends early is an IncompleteBody. Not safe for concurrent use.
type Body struct {
	src    io.Reader
	err    error // sticky
	mode   PayloadMode
	want   int64 // length, -1 if not declared
	got    int64
	sha    hash.Hash // of the body, or of the current signed chunk; nil if neither
	sum    [32]byte  // PayloadHash: declared hash
	chunks *chunkReader
	value  string // of the trailer
}

// Body wraps the body of the request. A nil body is an empty one. It may be
// called once.
func (a *Auth) Body(body io.Reader) *Body {
	b := &Body{src: body, mode: a.Payload, want: a.DecodedLength, sum: a.sum}
	if body == nil {
		b.src = eofReader{}
	}
	switch a.Payload {
	case PayloadUnsigned:
	case PayloadHash:
		b.sha = sha256.New()
	case PayloadChunksSigned, PayloadChunksSignedTrailer:
		b.sha = sha256.New()
		b.chunks = newChunkReader(b.src)
		b.chunks.signer = newChunkSigner(a)
		b.chunks.trailer = a.TrailerName
	case PayloadChunksTrailer:
		b.chunks = newChunkReader(b.src)
		b.chunks.trailer = a.TrailerName
	default:
		b.err = s3api.ErrInternalError
	}
	return b
}

// Trailer returns the value of the announced trailer, "" before io.EOF or if
// none was announced. It has been checked for its signature if it has one, not
// against the data.
func (b *Body) Trailer() string {
	if b.err != io.EOF {
		return ""
	}
	return b.value
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.chunks != nil {
		n, err = b.readChunked(p)
	} else {
		n, err = b.readPlain(p)
	}
	if err != nil {
		b.err = err
		if b.chunks != nil {
			b.chunks.release()
		}
	}
	return n, err
}

func (b *Body) readPlain(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.want >= 0 && int64(n) > b.want-b.got {
		return 0, errTooLong
	}
	b.got += int64(n)
	if b.sha != nil {
		b.sha.Write(p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, readError(err)
	case b.got < b.want:
		return n, s3api.ErrIncompleteBody
	}
	if b.sha != nil {
		var sum [32]byte
		if subtle.ConstantTimeCompare(b.sha.Sum(sum[:0]), b.sum[:]) != 1 {
			return n, s3api.ErrContentSHA256Mismatch.
				With("ClientComputedContentSHA256", hexString(b.sum[:])).
				With("S3ComputedContentSHA256", hexString(sum[:]))
		}
	}
	return n, io.EOF
}

// errTooLong: S3 reports any difference from the declared length like this.
var errTooLong = s3api.ErrIncompleteBody.WithMessage("The request body is longer than its declared length")

// ErrRead means that a body could not be read, for a reason that is not in the
// body itself.
var ErrRead = errors.New("reading the request body")

// readError turns a failure of the underlying reader into one of Body.
// net/http reports a body cut short as io.ErrUnexpectedEOF.
func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s3api.ErrIncompleteBody
	}
	return fmt.Errorf("%w: %w", ErrRead, err)
}

type eofReader struct{}

func (eofReader) Read([]byte) (int, error) { return 0, io.EOF }
