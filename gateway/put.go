package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
	"github.com/caddy-s3-sse/caddy-s3-sse/sigv4"
)

// maxSinglePut is the largest object in bytes that a store takes in one
// request (Amazon S3 API Reference, PutObject).
const maxSinglePut = 5 << 30

// maxPlaintextPut is the largest plaintext whose stored form is maxSinglePut.
var maxPlaintextPut = encryptor.MaxPlaintextSize(maxSinglePut)

// putObject encrypts the body and stores it with one request.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (c *call) putObject() error {
	enc, err := c.chooseEncryption(c.r.Context())
	if err != nil {
		return err
	}
	length, err := c.uploadLength()
	if err != nil {
		return err
	}
	h, err := c.uploadHeaders()
	if err != nil {
		return err
	}
	in, err := c.newIntake(enc.mode, length, c.auth.Body(c.r.Body))
	if err != nil {
		return err
	}
	put, err := c.put(&enc, in, length, h)
	if err != nil {
		return err
	}
	put.header(c.w.Header())
	c.w.Header()["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// put encrypts a body of length plaintext bytes and stores it as the object
// of the call with the given headers, under the conditions of the request.
func (c *call) put(enc *encryption, in *intake, length int64, h http.Header) (*putResult, error) {
	seal := c.sealStream
	if length < c.g.cfg.BufferLimit {
		seal = c.sealBuffered
	}
	return c.putSealed(seal, enc, in, length, h)
}

// sealFunc is how the ciphertext of an object is made.
type sealFunc func(ctx context.Context, in *intake, enc *encryption, length int64) (*upload, error)

func (c *call) putSealed(seal sealFunc, enc *encryption, in *intake, length int64, h http.Header) (*putResult, error) {
	ctx := c.r.Context()
	if err := c.writeConditions(ctx, h); err != nil {
		return nil, err
	}
	up, err := seal(ctx, in, enc, length)
	if err != nil {
		return nil, err
	}
	if h[metadata.Header], err = up.envelopeHeader(); err != nil {
		up.release()
		return nil, err
	}
	sr := &storeRequest{method: http.MethodPut, bucket: c.bucket, key: c.key, header: h}
	resp, err := c.store(up, sr) //nolint:bodyclose // store has closed it
	if err != nil {
		return nil, err
	}
	digests, err := in.digests()
	if err != nil {
		return nil, err
	}
	return &putResult{c.sseResponse(enc), up.env, digests, resp.Header}, nil
}

// putResult is what an upload's answer tells the client.
type putResult struct {
	sse     metadata.Response
	env     *metadata.Envelope
	digests encryptor.Digests
	from    http.Header // of the store's answer
}

func (p *putResult) etag() string {
	if p.digests.ETag != "" {
		return p.digests.ETag
	}
	return opaqueETag(unquote(p.from.Get("Etag")))
}

// header fills in the response header.
func (p *putResult) header(h http.Header) {
	copyHeaders(h, p.from, []string{"X-Amz-Version-Id", "X-Amz-Expiration", "X-Amz-Request-Charged"})
	h["Etag"] = []string{quote(p.etag())}
	p.env.SetResponse(h, p.sse)
	setChecksum(h, p.digests.Checksum, 0)
}

// uploadLength returns the length of the plaintext, which decides the length
// of everything that follows.
func (c *call) uploadLength() (int64, error) {
	n := c.auth.DecodedLength
	if n < 0 || !c.saysLength() {
		return 0, s3api.ErrMissingContentLength
	}
	if n > maxPlaintextPut {
		return 0, s3api.ErrEntityTooLarge.
			With("ProposedSize", strconv.FormatInt(n, 10)).
			With("MaxSizeAllowed", strconv.FormatInt(maxPlaintextPut, 10))
	}
	return n, nil
}

// saysLength reports whether the request says how long it is. In HTTP/1 a
// request that does not is an empty one, but S3 takes no object for empty
// because a client forgot to say.
func (c *call) saysLength() bool {
	return c.r.ProtoMajor != 1 || c.r.ContentLength != 0 || len(c.r.Header["Content-Length"]) > 0
}

// writeConditions adds the conditions under which the object may be written,
// in the store's terms: the store decides, so the decision is atomic.
func (c *call) writeConditions(ctx context.Context, h http.Header) error {
	cond, err := s3api.ParseWriteCondition(c.header)
	if err != nil {
		return err
	}
	if cond.Absent {
		h["If-None-Match"] = []string{"*"}
	}
	if cond.ETag != "" {
		etag, err := c.storeCondition(ctx, c.key, "", cond)
		if err != nil {
			return err
		}
		h["If-Match"] = []string{quote(etag)}
	}
	return nil
}

// store sends the upload as the body of sr. The answer is a success, and its
// body is closed.
func (c *call) store(up *upload, sr *storeRequest) (*http.Response, error) {
	up.attach(sr)
	send := c.send
	if sr.system {
		send = c.systemSend
	}
	resp, err := send(c.r.Context(), sr)
	up.release()
	if bad := up.clientError(); bad != nil {
		// The client's body was not what it declared. The store got less than
		// it was promised and keeps nothing.
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.storeError(resp)
	}
	drain(resp.Body)
	if !up.sent() {
		return nil, errors.New("the store accepted an upload before its end")
	}
	return resp, nil
}

// setChecksum puts an object's checksum into the response header. A composite
// one is of so many parts.
func setChecksum(h http.Header, sum encryptor.Checksum, parts int) {
	algo := s3api.Algorithm(sum.Algorithm)
	if !algo.Valid() {
		return
	}
	v, kind := base64.StdEncoding.EncodeToString(sum.Value), "FULL_OBJECT"
	if sum.Composite {
		v, kind = v+"-"+strconv.Itoa(parts), "COMPOSITE"
	}
	h[algo.Header()] = []string{v}
	h["X-Amz-Checksum-Type"] = []string{kind}
}

// sealBuffered reads a small body, verifies it and seals it, all before
// anything goes to the store.
func (c *call) sealBuffered(ctx context.Context, in *intake, enc *encryption, length int64) (*upload, error) {
	plain := getBuffer(int(length))
	defer plain.wipe()
	if _, err := io.ReadFull(in, plain.b); err != nil {
		return nil, bodyError(err)
	}
	if err := expectEOF(in); err != nil {
		return nil, err
	}
	digests, err := in.digests()
	if err != nil {
		return nil, err
	}
	env, keys, err := c.sealKeys(ctx, enc, func(e *metadata.Envelope) { e.Length = length })
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	if err := env.SealDigests(keys, digests); err != nil {
		return nil, err
	}
	foot, err := env.FooterCopy()
	if err != nil {
		return nil, err
	}
	sealed := getBuffer(int(encryptor.StoredSize(length)))
	if sealed.b, err = encryptor.SealBytes(sealed.b[:0], keys, plain.b, foot, digests); err != nil {
		sealed.release()
		return nil, err
	}
	return &upload{
		env: env, buffered: sealed, length: int64(len(sealed.b)),
		crc32c: encryptor.ObjectCRC32C(length), compare: c.compares(),
	}, nil
}

// sealStream prepares a large body to be sealed as it passes through. Its
// footer, without which no store completes the object, is made after the body
// has been verified.
func (c *call) sealStream(ctx context.Context, in *intake, enc *encryption, length int64) (*upload, error) {
	declared := in.declared()
	env, keys, err := c.sealKeys(ctx, enc, func(e *metadata.Envelope) {
		e.Length, e.ETagInFooter = length, in.etag && declared.ETag == ""
	})
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	if err := env.SealDigests(keys, declared); err != nil {
		return nil, err
	}
	foot, err := env.FooterCopy()
	if err != nil {
		return nil, err
	}
	sealer, err := encryptor.NewSealer(keys, in, length, foot, in.digests)
	if err != nil {
		return nil, err
	}
	up := streamed(sealer, encryptor.StoredSize(length), encryptor.ObjectCRC32C(length), c.compares())
	up.env = env
	return up, nil
}

// expectEOF reads past the last byte, which is what makes a body verify itself.
func expectEOF(r io.Reader) error {
	var b [1]byte
	for {
		n, err := r.Read(b[:])
		switch {
		case n > 0:
			return s3api.ErrIncompleteBody.WithMessage("The request body is longer than declared.")
		case err == io.EOF:
			return nil
		case err != nil:
			return bodyError(err)
		}
	}
}

// bodyError is the client's error for a body that could not be read in full,
// unless it was the store that did not give it.
func bodyError(err error) error {
	if e, ok := errors.AsType[*s3api.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*unreachableError](err); ok { // a body from the store
		return err
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, encryptor.ErrBodyLength) {
		return s3api.ErrIncompleteBody
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return s3api.ErrRequestTimeout
	}
	if most, ok := errors.AsType[*http.MaxBytesError](err); ok { // the server's own limit
		return s3api.ErrEntityTooLarge.With("MaxSizeAllowed", strconv.FormatInt(most.Limit, 10))
	}
	if errors.Is(err, sigv4.ErrRead) {
		// The client is gone, has given the request up, or broke the framing of
		// its protocol. Servers have an error of their own for each.
		return s3api.ErrIncompleteBody
	}
	return err
}
