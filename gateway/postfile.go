package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// A form does not say how long its file is: how much of what comes last belongs
// to the form shows only once it is there. Stores want to know the length of
// what they are sent before it comes. So small files are held in memory, and
// of a large one all but the end, of which the length of the whole form leaves
// no doubt, is sent as it comes in, as the first of two parts of an upload.

// maxHeldFile is the most of a file in bytes that has to be held in memory. It
// is more than may be uncertain at the end of a form.
const maxHeldFile = encryptor.MinPartSize + 128<<10

// formFile is the file of a form as a body. A form that does not end well makes
// reading it fail.
type formFile struct{ io.Reader }

// Trailer implements verifiedBody: what follows a file is no checksum.
func (formFile) Trailer() string { return "" }

// putForm stores the file of the form as the object of the call.
func (c *call) putForm(enc *encryption, h http.Header) (*putResult, error) {
	length := c.auth.DecodedLength // of the whole form, -1 if the client did not say
	switch first := c.form.MinFileSize(length); {
	case first > maxPlaintextPut:
		return nil, s3api.ErrEntityTooLarge
	case first >= encryptor.MinPartSize:
		return c.putFormParts(enc, first, c.form.MaxFileSize(length)-first, h)
	}
	most, tooLong := c.form.MaxFileSize(length), s3api.ErrMalformedPOSTRequest
	if length < 0 {
		most, tooLong = maxHeldFile, s3api.ErrMissingContentLength
	}
	plain := getBuffer(int(most))
	defer plain.wipe()
	n, err := hold(c.form, plain.b, tooLong)
	if err != nil {
		return nil, err
	}
	in, err := c.newIntake(enc.mode, n, formFile{bytes.NewReader(plain.b[:n])})
	if err != nil {
		return nil, err
	}
	return c.putSealed(c.sealBuffered, enc, in, n, h)
}

// hold reads all of r into b. If it is longer than that, it is an error.
func hold(r io.Reader, b []byte, tooLong error) (int64, error) {
	n, err := io.ReadFull(r, b)
	switch {
	case err == nil:
		var more [1]byte
		if n, err := io.ReadFull(r, more[:]); n > 0 {
			return 0, tooLong
		} else if err != io.EOF {
			return 0, bodyError(err)
		}
	case err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF):
		return 0, bodyError(err)
	}
	return int64(n), nil
}

// putFormParts stores a large file, of which first bytes are certain and at
// most rest more may follow, in two parts.
func (c *call) putFormParts(enc *encryption, first, rest int64, h http.Header) (*putResult, error) {
	ctx := c.r.Context()
	in, err := c.newIntake(enc.mode, first, formFile{c.form})
	if err != nil {
		return nil, err
	}
	conditions := make(http.Header, 2)
	if err := c.writeConditions(ctx, conditions); err != nil {
		return nil, err
	}
	env, keys, err := c.sealKeys(ctx, enc, func(e *metadata.Envelope) {
		e.Multipart, e.ETagInFooter = true, in.etag
	})
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	whole := c.keepWhole(h)
	id, _, err := c.startUpload(ctx, env, h)
	if err != nil {
		return nil, err
	}
	p := formParts{c: c, up: &uploadState{uploadID: id, env: env, whole: whole}, keys: &keys, in: in}
	from, err := p.put(ctx, first, rest, conditions)
	if err != nil {
		c.giveUp(ctx, id)
		return nil, err
	}
	digests, err := in.digests()
	if err != nil {
		return nil, err
	}
	return &putResult{c.sseResponse(enc), env, digests, from}, nil
}

// formParts is an upload in two parts that begins and ends with one request.
type formParts struct {
	c    *call
	up   *uploadState // no more of it than two parts need
	keys *encryptor.Keys
	in   *intake
	rec  encryptor.Record
	sent []s3api.CompletedPart
}

// put uploads both parts and has the store put them together. It returns the
// header of the store's answer, with the object's ETag.
func (p *formParts) put(ctx context.Context, first, rest int64, conditions http.Header) (http.Header, error) {
	sealer, err := p.seal(io.LimitReader(p.in, first), first)
	if err != nil {
		return nil, err
	}
	if err := p.send(streamed(sealer, encryptor.PartSize(first), encryptor.CheckedCRC32C, p.c.comparesParts(p.up))); err != nil {
		return nil, err
	}
	p.rec.Parts[0].Check = sealer.Check()
	end, err := p.end(rest)
	if err != nil {
		return nil, err
	}
	if err := p.send(end); err != nil {
		return nil, err
	}
	resp, etag, err := p.c.assemble(context.WithoutCancel(ctx), p.up, p.sent, conditions) //nolint:bodyclose // it is closed
	if err != nil {
		return nil, err
	}
	from := resp.Header.Clone()
	from["Etag"] = []string{quote(etag)}
	return from, nil
}

// seal begins the next part, of length plaintext bytes.
func (p *formParts) seal(body io.Reader, length int64) (*encryptor.Sealer, error) {
	sealer, part, err := encryptor.NewPartSealer(*p.keys, body, uint32(len(p.rec.Parts)+1), length) //nolint:gosec // 1 or 2
	p.rec.Parts = append(p.rec.Parts, part)
	p.rec.Length += length
	return sealer, err
}

// end returns what the second part of the upload is: the end of the file and
// that of the object. When it does, the whole form has been found as declared.
func (p *formParts) end(rest int64) (*upload, error) {
	plain := getBuffer(int(rest))
	defer plain.wipe()
	n, err := hold(p.in, plain.b, s3api.ErrMalformedPOSTRequest)
	if err != nil {
		return nil, err
	}
	if p.rec.Digests, err = p.in.digests(); err != nil {
		return nil, err
	}
	var end []byte
	if n > 0 {
		sealer, err := p.seal(bytes.NewReader(plain.b[:n]), n)
		if err != nil {
			return nil, err
		}
		sealer.ComputeCheck()
		end, err = io.ReadAll(sealer)
		_ = sealer.Close() // never fails
		if err != nil {
			return nil, err
		}
		p.rec.Parts[1].Check = sealer.Check()
	}
	foot, err := p.up.env.FooterCopy()
	if err != nil {
		return nil, err
	}
	segment := len(end)
	if end, err = encryptor.AppendTail(end, *p.keys, foot, &p.rec); err != nil {
		return nil, err
	}
	sum := encryptor.CheckedCRC32C
	if segment > 0 {
		sum = encryptor.JoinedCRC32C(int64(len(end) - segment))
	}
	return &upload{
		buffered: &buffer{b: end, class: -1}, length: int64(len(end)),
		crc32c: sum, compare: p.c.comparesParts(p.up),
	}, nil
}

// send uploads the next part.
func (p *formParts) send(part *upload) error {
	sent, err := p.c.sendPart(p.up, len(p.sent)+1, part)
	if err != nil {
		return err
	}
	p.sent = append(p.sent, sent)
	return nil
}
