package gateway

import (
	"crypto/md5" //nolint:gosec // S3's ETag and Content-MD5
	"encoding/hex"
	"hash"
	"io"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// intake is the plaintext of an upload. It ends in io.EOF only when everything
// that the client declared about the body has been found true: signatures,
// hash, length, Content-MD5, checksum. Until then nothing may be committed.
type intake struct {
	body    verifiedBody
	md5     hash.Hash // nil when nobody needs it
	etag    bool      // the MD5 becomes the object's ETag
	wantMD5 []byte
	sum     hash.Hash
	algo    s3api.Algorithm
	want    s3api.ChecksumRequest
	done    bool
}

// verifiedBody is a body that ends in io.EOF only when it is the one that the
// client signed. Its trailer is known after that.
type verifiedBody interface {
	io.Reader
	Trailer() string
}

// newIntake reads the declarations of the client about a body of length
// plaintext bytes that is to be encrypted in the given mode.
func (c *call) newIntake(mode metadata.Mode, length int64, body verifiedBody) (*intake, error) {
	in := &intake{}
	var err error
	if in.want, err = s3api.RequestChecksum(c.header, c.auth.TrailerName); err != nil {
		return nil, err
	}
	if in.wantMD5, err = s3api.ParseContentMD5(c.header); err != nil {
		return nil, err
	}
	if in.algo = in.want.Algorithm; in.algo == 0 {
		in.algo = s3api.CRC64NVME // as Amazon S3 where the client names none
	}
	in.sum = in.algo.New()
	in.etag = c.etagIsMD5(mode, length, in.wantMD5 != nil)
	if in.etag || in.wantMD5 != nil {
		in.md5 = md5.New() //nolint:gosec // S3's ETag
	}
	in.body = body
	return in, nil
}

// etagIsMD5 reports whether the ETag of an object of length bytes in the given
// mode is to be the MD5 of its plaintext. known says that this has been
// computed by somebody already.
func (c *call) etagIsMD5(mode metadata.Mode, length int64, known bool) bool {
	if mode != metadata.SSES3 { // an ETag says nothing of the plaintext
		return false
	}
	switch c.g.cfg.ETag {
	case ETagAuto:
		return known || length < c.g.cfg.BufferLimit
	case ETagMD5:
		return true
	case ETagOpaque:
	}
	return false
}

func (in *intake) Read(p []byte) (int, error) {
	n, err := in.body.Read(p)
	if n > 0 {
		in.sum.Write(p[:n])
		if in.md5 != nil {
			in.md5.Write(p[:n])
		}
	}
	if err == io.EOF {
		if bad := in.verify(); bad != nil {
			return n, bad
		}
		in.done = true
	}
	return n, err
}

func (in *intake) verify() error {
	if in.md5 != nil {
		if err := s3api.VerifyContentMD5(in.wantMD5, in.md5.Sum(nil)); err != nil {
			return err
		}
	}
	return in.want.Verify(in.sum.Sum(nil), in.body.Trailer())
}

// declared returns what is known of the plaintext before its body is read.
func (in *intake) declared() encryptor.Digests {
	var d encryptor.Digests
	if in.etag && in.wantMD5 != nil {
		d.ETag = hex.EncodeToString(in.wantMD5)
	}
	if in.want.Expected != nil {
		d.Checksum = encryptor.Checksum{Algorithm: uint8(in.algo), Value: in.want.Expected}
	}
	return d
}

// digests returns what is known once the body has been verified.
func (in *intake) digests() (encryptor.Digests, error) {
	if !in.done {
		panic("gateway: digests of a body that has not been verified")
	}
	d := encryptor.Digests{Checksum: encryptor.Checksum{Algorithm: uint8(in.algo), Value: in.sum.Sum(nil)}}
	if in.etag {
		d.ETag = hex.EncodeToString(in.md5.Sum(nil))
	}
	return d, nil
}
