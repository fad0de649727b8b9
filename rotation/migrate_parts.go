package rotation

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// decodeSum reads the value of a checksum header.
func decodeSum(v string) ([]byte, error) {
	if v == "" {
		return nil, errors.New("no checksum")
	}
	return base64.StdEncoding.DecodeString(v)
}

// leastPart is the least plaintext in bytes of a part that is not the last.
var leastPart = int64(256 << 20)

// partLength returns the plaintext bytes of every part but the last of an
// object of size bytes.
func partLength(size int64) int64 {
	return max(leastPart, (size+encryptor.MaxParts-1)/encryptor.MaxParts)
}

// encryptParts replaces an object that is too large for one request by its
// encrypted form, as an upload in parts.
func (m *migrator) encryptParts(ctx context.Context, it item, o *Object, target Target) (_ *metadata.Envelope, err error) {
	body, err := m.open(ctx, it.Name, o)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // read only
	p := m.newPlaintext(o, body, target, false)
	env, keys, err := m.envelope(ctx, it.Name, target, func(e *metadata.Envelope) { e.Multipart = true })
	if err != nil {
		return nil, err
	}
	defer keys.Clear()
	h, err := m.uploadHeaders(ctx, it, o, env)
	if err != nil {
		return nil, err
	}
	when := h[mtimeHeader]
	delete(h, mtimeHeader)
	to := Name{Bucket: it.Bucket, Key: it.Key}
	err = m.mover.keepACL(ctx, to, func() error {
		upload, err := m.Store.BeginUpload(ctx, to, h, true)
		if err != nil {
			return err
		}
		done := http.Header{"If-Match": {quote(o.ETag)}}
		if when != nil {
			done[mtimeHeader] = when
		}
		parts, err := m.sealParts(ctx, to, upload, o.Size, p, env, keys)
		if err == nil {
			err = m.Store.CompleteUpload(ctx, to, upload, parts, done)
		}
		if err != nil {
			err = m.mover.giveUp(ctx, to, upload, err)
		}
		return err
	})
	return env, err
}

// sealParts uploads a body as the parts of an encrypted object.
func (m *migrator) sealParts(ctx context.Context, to Name, upload string, size int64, p *plaintext, env *metadata.Envelope, keys encryptor.Keys) ([]s3api.CompletedPart, error) {
	var (
		rec   = &encryptor.Record{Length: size}
		parts []s3api.CompletedPart
		md5s  = md5.New() //nolint:gosec // S3's ETag
		step  = partLength(size)
		room  = encryptor.StoredSize(size) // for the end
	)
	whole := p.md5
	for left := size; left > 0; {
		n := min(step, left)
		left -= n
		if whole != nil {
			p.md5 = md5.New() //nolint:gosec // S3's ETag
		}
		sealer, part, err := encryptor.NewPartSealer(keys, io.LimitReader(p, n), uint32(len(parts)+1), n)
		if err != nil {
			return nil, err
		}
		sealer.ComputeCheck()
		rec.Parts = append(rec.Parts, part)
		last := &rec.Parts[len(parts)]
		body := Body{sealer, encryptor.PartSize(n), encryptor.CheckedCRC32C}
		room -= body.Size
		if left == 0 {
			body.Size += room
			body.CRC32C = encryptor.JoinedCRC32C(room)
			body.Reader = io.MultiReader(sealer, &end{make: func() ([]byte, error) {
				last.Check = sealer.Check()
				if whole != nil {
					md5s.Write(p.md5.Sum(nil))
				}
				return m.tail(rec, p, md5s.Sum(nil), env, keys)
			}})
		}
		uploaded, err := m.Store.PutPart(ctx, to, upload, len(parts)+1, body)
		_ = sealer.Close()
		if err != nil {
			return nil, err
		}
		last.Check = sealer.Check()
		if whole != nil && left > 0 {
			md5s.Write(p.md5.Sum(nil))
		}
		parts = append(parts, uploaded)
	}
	return parts, nil
}

// tail returns what ends the object, once all of its plaintext has been read.
func (m *migrator) tail(rec *encryptor.Record, p *plaintext, md5s []byte, env *metadata.Envelope, keys encryptor.Keys) ([]byte, error) {
	composite := p.md5 != nil
	p.md5 = nil // of a part
	d, err := p.digests()
	if err != nil {
		return nil, err
	}
	if composite {
		d.ETag = hex.EncodeToString(md5s) + "-" + strconv.Itoa(len(rec.Parts))
	}
	rec.Digests = d
	foot, err := env.FooterCopy()
	if err != nil {
		return nil, err
	}
	return encryptor.AppendTail(nil, keys, foot, rec)
}

// end is a reader of what is made when it is read.
type end struct {
	make func() ([]byte, error)
	rest []byte
	made bool
}

// Read implements io.Reader.
func (e *end) Read(b []byte) (int, error) {
	if !e.made {
		var err error
		if e.rest, err = e.make(); err != nil {
			return 0, fmt.Errorf("ending the object: %w", err)
		}
		e.made = true
	}
	if len(e.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
