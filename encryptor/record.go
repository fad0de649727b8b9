package encryptor

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Part is one accepted part of a multipart object.
type Part struct {
	Number   uint32   // 1 … 10000
	Length   int64    // plaintext bytes; at least 5 MiB unless it is the last
	Salt     [32]byte // of the accepted attempt
	Checksum []byte   // of the object's checksum algorithm; empty if not known
	Check    [4]byte  // as Sealer.Check returned it
}

// Record is what the footer says of the object: the reader's authority on its length and parts.
type Record struct {
	Length  int64 // plaintext bytes of the whole object
	Digests Digests
	Parts   []Part // in ascending order of Number; nil for an object of PutObject

	Check [4]byte // of an object of PutObject, as Sealer.Check returns it; zero for any other
}

const (
	// A record takes at most this much, and this much for each part.
	maxRecord     = 192
	maxRecordPart = 128
)

// check refuses a record that no writer makes.
func (r *Record) check() error {
	if r.Length < 0 || r.Length > MaxObjectSize {
		return fmt.Errorf("record: length %d is out of range", r.Length)
	}
	if err := r.Digests.check(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if r.Parts == nil {
		return nil
	}
	if r.Check != [checkSize]byte{} {
		return errors.New("record: a check of one segment in an object of parts")
	}
	if n := len(r.Parts); n == 0 || n > MaxParts {
		return fmt.Errorf("record: %d parts", n)
	}
	var sum int64
	var number uint32
	for i := range r.Parts {
		p := &r.Parts[i]
		if err := p.check(i == len(r.Parts)-1, r.Digests.Checksum.Algorithm); err != nil {
			return fmt.Errorf("record: part %d: %w", p.Number, err)
		}
		if p.Number <= number {
			return fmt.Errorf("record: part %d after part %d", p.Number, number)
		}
		number = p.Number
		sum += p.Length // 10,000 times MaxObjectSize does not overflow
	}
	if sum != r.Length {
		return fmt.Errorf("record: parts of %d bytes in an object of %d", sum, r.Length)
	}
	return nil
}

func (p *Part) check(last bool, algorithm uint8) error {
	switch {
	case p.Number == 0 || p.Number > MaxParts:
		return errors.New("number is out of range")
	case p.Length < 0 || p.Length > MaxObjectSize:
		return fmt.Errorf("length %d is out of range", p.Length)
	case !last && p.Length < MinPartSize:
		return fmt.Errorf("length %d is too small for a part that is not the last", p.Length)
	case p.Salt == zeroSalt:
		return errors.New("no salt")
	case len(p.Checksum) != 0 && len(p.Checksum) != checksumSize(algorithm):
		return fmt.Errorf("a checksum of %d bytes", len(p.Checksum))
	}
	return nil
}

// The stored form: a CBOR map with small integers for keys (RFC 8949, section 4.2.1, core
// deterministic encoding).
type wireRecord struct {
	Length int64 `cbor:"1,keyasint"`
	wireDigests
	Parts []wirePart `cbor:"7,keyasint,omitempty"`
	Check []byte     `cbor:"8,keyasint,omitempty"`
}

type wireDigests struct {
	MD5       []byte `cbor:"2,keyasint,omitempty"`
	ETagParts uint32 `cbor:"3,keyasint,omitempty"`
	Algorithm uint8  `cbor:"4,keyasint,omitempty"`
	Composite bool   `cbor:"5,keyasint,omitempty"`
	Value     []byte `cbor:"6,keyasint,omitempty"`
}

type wirePart struct {
	_        struct{} `cbor:",toarray"`
	Number   uint32
	Length   int64
	Salt     []byte
	Checksum []byte
	Check    []byte
}

var cborEncoder, cborDecoder = cborModes()

func cborModes() (cbor.EncMode, cbor.DecMode) {
	opts := cbor.CoreDetEncOptions()
	opts.NilContainers = cbor.NilContainerAsEmpty
	enc, err := opts.EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   4,
		MaxArrayElements:  MaxParts,
		MaxMapPairs:       16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}

// encode returns the stored form of a valid record.
func (r *Record) encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	w := wireRecord{Length: r.Length, wireDigests: r.Digests.wire()}
	if r.Parts == nil {
		w.Check = r.Check[:]
	} else {
		w.Parts = make([]wirePart, len(r.Parts))
		for i := range r.Parts {
			p := &r.Parts[i]
			w.Parts[i] = wirePart{Number: p.Number, Length: p.Length, Salt: p.Salt[:], Checksum: p.Checksum, Check: p.Check[:]}
		}
	}
	b, err := cborEncoder.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(b) > maxRecord+maxRecordPart*len(r.Parts) {
		return nil, fmt.Errorf("record: %d bytes are too many", len(b))
	}
	return b, nil
}

// decodeRecord is the inverse of encode. It accepts nothing that encode does not give.
func decodeRecord(b []byte) (*Record, error) {
	var w wireRecord
	if err := cborDecoder.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Record{Length: w.Length, Digests: w.wireDigests.digests()}
	if w.Parts == nil {
		if len(w.Check) != checkSize {
			return nil, fmt.Errorf("record: a check of %d bytes", len(w.Check))
		}
		r.Check = [checkSize]byte(w.Check)
	} else {
		r.Parts = make([]Part, len(w.Parts))
		for i := range w.Parts {
			p := &w.Parts[i]
			if len(p.Salt) != len(r.Parts[i].Salt) {
				return nil, fmt.Errorf("record: part %d: a salt of %d bytes", p.Number, len(p.Salt))
			}
			if len(p.Check) != checkSize {
				return nil, fmt.Errorf("record: part %d: a check of %d bytes", p.Number, len(p.Check))
			}
			r.Parts[i] = Part{Number: p.Number, Length: p.Length, Salt: [32]byte(p.Salt), Checksum: p.Checksum, Check: [checkSize]byte(p.Check)}
		}
	}
	again, err := r.encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(b, again) {
		return nil, errors.New("record: not in deterministic encoding")
	}
	return r, nil
}
