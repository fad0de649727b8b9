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
	if err := c.chooseSSE(); err != nil {
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
	in, err := c.newIntake(length)
	if err != nil {
		return err
	}
	if err := c.writeConditions(c.r.Context(), h); err != nil {
		return err
	}

	keys := encryptor.Keys{Suite: encryptor.SuiteAES256GCM, Data: encryptor.NewKey()}
	defer clear(keys.Data[:])
	var up *upload
	if length < c.g.cfg.BufferLimit {
		up, err = c.sealBuffered(in, keys, length)
	} else {
		up, err = c.sealStream(in, keys, length)
	}
	if err != nil {
		return err
	}
	if h[metadata.Header], err = up.envelopeHeader(); err != nil {
		up.release()
		return err
	}
	return c.store(in, up, h)
}

// chooseSSE reads how the client wants the object encrypted.
func (c *call) chooseSSE() error {
	sse, err := metadata.ParseSSE(c.header)
	if err != nil {
		return err
	}
	if sse.Mode != 0 && sse.Mode != metadata.SSES3 {
		return s3api.ErrNotImplemented.WithMessage("%s is not supported by this version of the gateway; use AES256.", sse.Mode)
	}
	c.out.Mode = metadata.SSES3.String()
	return nil
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

// store sends the upload and answers the client.
func (c *call) store(in *intake, up *upload, h http.Header) error {
	sr := &storeRequest{method: http.MethodPut, bucket: c.bucket, key: c.key, header: h}
	up.attach(sr, c.g.cfg.Upstream.Integrity)
	resp, err := c.send(c.r.Context(), sr)
	up.release()
	if bad := up.clientError(); bad != nil {
		// The client's body was not what it declared. The store got less than
		// it was promised and keeps nothing.
		if err == nil {
			_ = resp.Body.Close()
		}
		return bad
	}
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.storeError(resp)
	}
	drain(resp.Body)
	if !up.sent() {
		return errors.New("the store accepted an upload before its end")
	}
	digests, err := in.digests()
	if err != nil {
		return err
	}
	etag := digests.ETag
	if etag == "" {
		etag = opaqueETag(unquote(resp.Header.Get("Etag")))
	}
	rh := c.w.Header()
	copyHeaders(rh, resp.Header, []string{"X-Amz-Version-Id", "X-Amz-Expiration", "X-Amz-Request-Charged"})
	rh["Etag"] = []string{quote(etag)}
	up.env.SetResponse(rh, metadata.Response{})
	setChecksum(rh, digests.Checksum)
	rh["Content-Length"] = []string{"0"}
	c.start(http.StatusOK)
	return nil
}

// setChecksum puts an object's checksum into the response header.
func setChecksum(h http.Header, sum encryptor.Checksum) {
	algo := s3api.Algorithm(sum.Algorithm)
	if !algo.Valid() {
		return
	}
	h[algo.Header()] = []string{base64.StdEncoding.EncodeToString(sum.Value)}
	h["X-Amz-Checksum-Type"] = []string{"FULL_OBJECT"}
}

// sealBuffered reads a small body, verifies it and seals it, all before
// anything goes to the store.
func (c *call) sealBuffered(in *intake, keys encryptor.Keys, length int64) (*upload, error) {
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
	env, err := c.newEnvelope(keys, length, digests, false)
	if err != nil {
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
	return &upload{env: env, buffered: sealed, length: int64(len(sealed.b))}, nil
}

// sealStream prepares a large body to be sealed as it passes through. Its
// footer, without which no store completes the object, is made after the body
// has been verified.
func (c *call) sealStream(in *intake, keys encryptor.Keys, length int64) (*upload, error) {
	declared := in.declared()
	env, err := c.newEnvelope(keys, length, declared, in.etag && declared.ETag == "")
	if err != nil {
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
	stored := encryptor.StoredSize(length)
	return &upload{env: env, stream: newStreamBody(sealer, stored), length: stored}, nil
}

// newEnvelope seals the data key for the object of the call.
func (c *call) newEnvelope(keys encryptor.Keys, length int64, digests encryptor.Digests, etagInFooter bool) (*metadata.Envelope, error) {
	env := metadata.NewSSES3(c.g.cfg.Keys.Active(), length)
	env.ETagInFooter = etagInFooter
	kek, err := c.g.cfg.Keys.KEK(env.KeyID, env.Salt)
	if err != nil {
		return nil, err
	}
	defer clear(kek[:])
	if err := env.Seal(metadata.KEKs{Data: kek}, keys, c.realm(), c.key); err != nil {
		return nil, err
	}
	return env, env.SealDigests(keys, digests)
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

// bodyError is the client's error for a body that could not be read in full.
func bodyError(err error) error {
	if e, ok := errors.AsType[*s3api.Error](err); ok {
		return e
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, encryptor.ErrBodyLength) {
		return s3api.ErrIncompleteBody
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return s3api.ErrRequestTimeout
	}
	return err
}
