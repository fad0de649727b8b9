package s3api

import "hash"

// partSum makes the checksum of an object from those of its parts.
type partSum struct {
	upload  UploadChecksum
	crc     *crcCombiner // FULL_OBJECT
	hash    hash.Hash    // COMPOSITE
	parts   int
	missing int // parts without a checksum of the right size
}

func newPartSum(u UploadChecksum) *partSum {
	s := &partSum{upload: u}
	if u.Type == Composite {
		s.hash = u.Algorithm.New()
	} else {
		s.crc = u.PartAlgorithm().newCombiner()
	}
	return s
}

// add takes the next part.
func (s *partSum) add(p *UploadedPart) {
	s.parts++
	switch {
	case len(p.Checksum) != s.upload.PartAlgorithm().Size():
		s.missing++
	case s.hash != nil:
		s.hash.Write(p.Checksum)
	default:
		s.crc.add(p.Checksum, p.Size)
	}
}

// checksum returns the object's checksum. Where the client asked for none it
// is zero unless every part has what it takes.
func (s *partSum) checksum() (Checksum, error) {
	switch {
	case s.missing > 0 && s.upload.Algorithm == 0:
		return Checksum{}, nil
	case s.missing > 0:
		return Checksum{}, ErrInternalError
	case s.hash != nil:
		return Checksum{Algorithm: s.upload.Algorithm, Type: Composite, Value: s.hash.Sum(nil), Parts: s.parts}, nil
	}
	return Checksum{Algorithm: s.upload.PartAlgorithm(), Type: FullObject, Value: s.crc.value()}, nil
}
