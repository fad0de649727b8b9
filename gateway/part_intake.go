package gateway

import (
	"hash"

	"github.com/caddy-s3-sse/caddy-s3-sse/metadata"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// partIntake is the plaintext of a part.
type partIntake struct {
	*intake
	needed hash.Hash // of what the object's checksum is made of; nil for none
}

// newPartIntake reads the declarations of the client about a part of the
// upload with length plaintext bytes.
func (c *call) newPartIntake(up *uploadState, length int64, body verifiedBody) (*partIntake, error) {
	in, err := c.newIntake(up.env.Mode, length, body)
	if err != nil {
		return nil, err
	}
	if err := up.checksum.CheckPart(in.want.Algorithm); err != nil {
		return nil, err
	}
	p := &partIntake{intake: in}
	needed := up.checksum.PartAlgorithm()
	if in.want.Algorithm == 0 {
		in.algo, in.sum = needed, needed.New()
	}
	switch {
	case up.checksum.Algorithm == 0 && up.env.Mode == metadata.SSEC:
		// Such an object has no checksum on Amazon S3.
	case in.algo == needed:
		p.needed = in.sum
	default:
		p.needed = needed.New()
	}
	return p, nil
}

func (p *partIntake) Read(b []byte) (int, error) {
	n, err := p.intake.Read(b)
	if p.needed != nil && p.needed != p.sum {
		p.needed.Write(b[:n])
	}
	return n, err
}

// md5Sum returns the MD5 of the plaintext if the part's ETag is to be it, once
// the body has been verified.
func (p *partIntake) md5Sum() []byte {
	if !p.etag {
		return nil
	}
	return p.md5.Sum(nil)
}

// checksum returns the part's checksum of the algorithm that the upload needs,
// nil if it needs none, once the body has been verified.
func (p *partIntake) checksum() []byte {
	if p.needed == nil {
		return nil
	}
	return p.needed.Sum(nil)
}

// shown is the checksum that the answer to the upload of the part names: the
// client's own or the upload's.
func (p *partIntake) shown(up *uploadState) s3api.Checksum {
	if p.want.Algorithm == 0 && up.checksum.Algorithm == 0 {
		return s3api.Checksum{}
	}
	return s3api.Checksum{Algorithm: p.algo, Value: p.sum.Sum(nil)}
}
