package sigv4

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

const trailerSignature = "x-amz-trailer-signature"

// readTrailer reads the announced trailer and, if the body is signed, its
// signature. Nothing else is accepted.
func (c *chunkReader) readTrailer() (string, error) {
	name, value, err := c.trailerLine()
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(name, c.trailer) {
		return "", s3api.ErrMalformedTrailer
	}
	if c.signer == nil {
		return value, nil
	}
	name, signature, err := c.trailerLine()
	if err != nil {
		return "", err
	}
	if name != "" && !strings.EqualFold(name, trailerSignature) {
		return "", s3api.ErrMalformedTrailer
	}
	if !parseHex32(&c.signer.provided, signature) || !c.signer.verifyTrailer(c.trailer, value) {
		return "", s3api.ErrSignatureDoesNotMatch
	}
	return value, nil
}

// trailerLine reads "name:value". At the end of the trailers, or of the body,
// it returns empty strings and consumes nothing. Some clients end the value
// with LF before CRLF.
func (c *chunkReader) trailerLine() (name, value string, err error) {
	if c.atEOF() {
		return "", "", nil
	}
	line, err := c.line()
	if err != nil {
		return "", "", err
	}
	if string(line) == "\r\n" {
		c.r -= len(line)
		return "", "", nil
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		text = line[:len(line)-1]
	}
	before, after, found := strings.Cut(string(text), ":")
	value = strings.Trim(after, " \t")
	if !found || !isToken(before) || !isFieldValue(value) {
		return "", "", s3api.ErrMalformedTrailer
	}
	if !ok {
		if err := c.crlf(s3api.ErrMalformedTrailer); err != nil {
			return "", "", err
		}
	}
	return before, value, nil
}

// chunkSigner verifies the chain of chunk signatures, which starts with the
// signature of the request.
type chunkSigner struct {
	mac         hash.Hash
	stamp       string
	scope       string
	previous    [32]byte
	provided    [32]byte // signature on the line just read
	sum, digest [32]byte
	toSign      []byte
}

func newChunkSigner(a *Auth) *chunkSigner {
	return &chunkSigner{
		mac: a.key.newMAC(), stamp: a.stamp, scope: a.scope, previous: a.seed,
		toSign: make([]byte, 0, 320+len(a.scope)),
	}
}

// verifyChunk checks the provided signature for a chunk with the given hash.
func (s *chunkSigner) verifyChunk(data hash.Hash) bool {
	data.Sum(s.digest[:0])
	s.begin("AWS4-HMAC-SHA256-PAYLOAD\n")
	s.toSign = append(s.toSign, EmptySHA256+"\n"...)
	return s.finish()
}

// verifyTrailer checks the provided signature for the trailer.
func (s *chunkSigner) verifyTrailer(name, value string) bool {
	s.digest = sha256.Sum256([]byte(name + ":" + value + "\n"))
	s.begin("AWS4-HMAC-SHA256-TRAILER\n")
	return s.finish()
}

func (s *chunkSigner) begin(label string) {
	s.toSign = append(s.toSign[:0], label...)
	s.toSign = append(append(s.toSign, s.stamp...), '\n')
	s.toSign = append(append(s.toSign, s.scope...), '\n')
	s.toSign = append(hex.AppendEncode(s.toSign, s.previous[:]), '\n')
}

func (s *chunkSigner) finish() bool {
	s.toSign = hex.AppendEncode(s.toSign, s.digest[:])
	s.mac.Reset()
	s.mac.Write(s.toSign)
	s.mac.Sum(s.sum[:0])
	s.previous = s.sum
	return subtle.ConstantTimeCompare(s.sum[:], s.provided[:]) == 1
}
