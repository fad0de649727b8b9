package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// endObject uploads what the object needs besides the parts that the store has
// in the upload already: the last part, if that had to wait, the filler and
// the footer. It returns what the store is to make the object of.
func (c *call) endObject(ctx context.Context, up *uploadState, all attempts, chosen chosenParts, obj s3api.CompletedObject) ([]s3api.CompletedPart, error) {
	rec, parts, last := objectRecord(up, chosen, obj)
	if etag := c.compositeETag(up, obj); etag != "" {
		rec.Digests.ETag = etag
	}
	end, err := c.tail(ctx, up, rec)
	if err != nil {
		return nil, err
	}
	number := c.g.freeNumber(all)
	ended, err := c.putEnd(ctx, up, number, last, end)
	if err != nil {
		return nil, err
	}
	return append(parts, ended), nil
}

// objectRecord returns the record of the object, the parts that the store has
// of it, and the part that it has not, if there is one.
func objectRecord(up *uploadState, chosen chosenParts, obj s3api.CompletedObject) (rec *encryptor.Record, parts []s3api.CompletedPart, last *partRecord) {
	rec = &encryptor.Record{
		Length: obj.Size,
		Digests: encryptor.Digests{Checksum: encryptor.Checksum{
			Algorithm: uint8(obj.Checksum.Algorithm),
			Composite: obj.Checksum.Type == s3api.Composite,
			Value:     obj.Checksum.Value,
		}},
		Parts: make([]encryptor.Part, 0, len(chosen)),
	}
	parts = make([]s3api.CompletedPart, 0, len(chosen)+1)
	for _, p := range chosen.inOrder() {
		segment := p.segment()
		if !obj.Checksum.IsZero() {
			segment.Checksum = p.checksum
		}
		rec.Parts = append(rec.Parts, segment)
		if p.stashed {
			last = p // all before it are large enough to go to the store at once
		} else {
			parts = append(parts, CompletedPart(p.number, p.storeETag, up.whole, encryptor.CheckedCRC32C))
		}
	}
	return rec, parts, last
}

// tail returns the filler and the footer of the object.
func (c *call) tail(ctx context.Context, up *uploadState, rec *encryptor.Record) ([]byte, error) {
	tail := up.tail
	if tail == nil {
		keys, err := c.openEnvelope(ctx, up.env, source{bucket: up.bucket, key: up.key})
		if err != nil {
			return nil, err
		}
		defer keys.Clear()
		t, err := encryptor.NewTail(keys)
		if err != nil {
			return nil, err
		}
		defer t.Clear()
		tail = &t
	}
	foot, err := up.env.FooterCopy()
	if err != nil {
		return nil, err
	}
	return tail.Append(nil, foot, rec)
}

// freeNumber returns a number for the part that ends the object: one behind
// those of all parts. On MinIO it is not always the same, so that two
// completions of one upload at the same time do not replace each other's. Other
// stores may insist on numbers without gaps, as Amazon S3 does where parts have
// checksums (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html);
// there the completion that comes last can succeed, and the one before tries
// again.
func (g *Gateway) freeNumber(all attempts) int {
	highest := 0
	for number, of := range all {
		for i := range of {
			if !of[i].stashed {
				highest = max(highest, number)
			}
		}
	}
	if !g.onMinIO() {
		return highest + 1
	}
	return highest + 1 + rand.IntN(s3api.MaxParts-highest) //nolint:gosec // not a secret; at most 9,999 are not stashed
}

// putEnd uploads the part that ends the object, with the ciphertext of the
// part that waited in front, if there is one.
func (c *call) putEnd(ctx context.Context, up *uploadState, number int, waited *partRecord, end []byte) (s3api.CompletedPart, error) {
	body := &upload{length: int64(len(end)), crc32c: encryptor.CheckedCRC32C, compare: c.comparesParts(up)}
	if waited == nil {
		body.buffered = &buffer{b: end, class: -1}
	} else {
		size := encryptor.PartSize(waited.length)
		stash, err := c.getSystem(ctx, waited.stash(up.dir()))
		if err != nil {
			return s3api.CompletedPart{}, err
		}
		defer stash.Body.Close() //nolint:errcheck // read only
		if length := stash.ContentLength; length >= 0 && length != size {
			return s3api.CompletedPart{}, fmt.Errorf("part %d waits as %d bytes, not %d: %w", waited.number, length, size, encryptor.ErrNotAuthentic)
		}
		body.length += size
		body.crc32c = encryptor.JoinedCRC32C(int64(len(end)))
		body.compare = up.whole || body.compare && waited.check != [4]byte{}
		body.stream = &storeBody{r: &ending{waited: stash.Body, left: size, end: end}, size: body.length, free: func() {}}
	}
	part, err := c.sendPart(up, number, body)
	if errors.Is(err, s3api.ErrNoSuchUpload) {
		err = noSuchUpload(up.uploadID)
	}
	return part, err
}

// ending reads a part that waited and what comes after it.
type ending struct {
	waited io.Reader
	left   int64 // of waited, in bytes
	end    []byte
}

func (e *ending) Read(p []byte) (int, error) {
	if e.left > 0 {
		n, err := e.waited.Read(p[:min(int64(len(p)), e.left)])
		e.left -= int64(n)
		switch {
		case e.left == 0:
			err = nil
		case err == io.EOF:
			err = &unreachableError{io.ErrUnexpectedEOF}
		case err != nil:
			err = &unreachableError{err}
		}
		return n, err
	}
	if len(e.end) == 0 {
		return 0, io.EOF
	}
	n := copy(p, e.end)
	e.end = e.end[n:]
	return n, nil
}
