package encryptor

import (
	"encoding/binary"
	"fmt"
)

const (
	footerMagic = "S3SF"

	// MaxEnvelope is the most bytes of envelope that a footer holds.
	MaxEnvelope = 512

	envelopePrefix = 2 // length of the envelope copy
	footerTrailer  = 4 + len(footerMagic)
	objectTrailer  = footerTrailer + checkSize                           // where a reader begins
	footerFrame    = envelopePrefix + 32 + chunkOverhead + footerTrailer // a footer without envelope and record
	minFooter      = footerFrame + 1                                     // no record is empty
)

// maxFooter returns the largest footer of an object with that many parts (0 for PutObject).
func maxFooter(parts int) int {
	return footerFrame + MaxEnvelope + maxRecord + maxRecordPart*parts
}

// FooterSuffix returns a number of bytes such that the last so many of any object of one segment
// hold its whole footer. No object is shorter.
func FooterSuffix() int64 { return objectOverhead - headerSize }

// FooterBound returns how many bytes at the end of an object that is stored in so many are certain
// to hold its whole footer and what follows, whether PutObject made it or a multipart upload. It is at most the stored size.
func FooterBound(stored int64) int64 {
	parts := min(max(MaxPlaintextSize(stored), 0)/MinPartSize+1, MaxParts)
	return min(int64(maxFooter(int(parts)))+checkSize, stored)
}

// footer frames and seals an encoded record. Neither filler nor check is part of it.
func (r *roots) footer(suite Suite, salt *[32]byte, stored int64, envelope, record []byte) ([]byte, error) {
	l, err := r.record()
	if err != nil {
		return nil, err
	}
	return l.footer(suite, salt, stored, envelope, record)
}

// footer is that of roots, with the ciphers of the record.
func (l *layers) footer(suite Suite, salt *[32]byte, stored int64, envelope, record []byte) ([]byte, error) {
	if len(envelope) > MaxEnvelope {
		return nil, fmt.Errorf("footer: an envelope of %d bytes is too long", len(envelope))
	}
	size := footerFrame + len(envelope) + len(record)
	b := make([]byte, 0, size+outerSlack)
	b = binary.BigEndian.AppendUint16(b, uint16(len(envelope))) //nolint:gosec // checked above
	b = append(b, envelope...)
	aad := footerData(suite, stored, size, b)
	b = append(b, salt[:]...)
	b = l.seal(b, record, aad, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(size)) //nolint:gosec // at most maxFooter(MaxParts)
	return append(b, footerMagic...), nil
}

// footerData is the additional data of the sealed record. It binds all that the
// footer says in clear, and the size of the object that the footer is for.
func footerData(suite Suite, stored int64, size int, envelope []byte) []byte {
	b := make([]byte, 0, 14+len(envelope))
	b = append(b, formatVersion, byte(suite))
	b = binary.BigEndian.AppendUint64(b, uint64(stored)) //nolint:gosec // sizes are never negative
	b = binary.BigEndian.AppendUint32(b, uint32(size))   //nolint:gosec // at most maxFooter(MaxParts)
	return append(b, envelope...)
}

// FooterSize returns how many bytes at the end of an object its footer and the check behind it take. The
// object ends with these bytes, of which it needs the last twelve. Nothing is authenticated yet, but
// the size is possible.
func FooterSize(tail []byte) (int64, error) {
	if len(tail) < objectTrailer {
		return 0, rejectShort("%d bytes are no footer", len(tail))
	}
	end := tail[len(tail)-objectTrailer : len(tail)-checkSize]
	if string(end[4:]) != footerMagic {
		return 0, reject(failFooter, "it does not end as an encrypted object does")
	}
	size := int64(binary.BigEndian.Uint32(end))
	if size < int64(minFooter) || size > int64(maxFooter(MaxParts)) {
		return 0, reject(failFooter, "a footer of %d bytes is impossible", size)
	}
	return size + checkSize, nil
}

// cutFooter returns the footer at the end of tail, without the check.
func cutFooter(tail []byte) ([]byte, error) {
	size, err := FooterSize(tail)
	if err != nil {
		return nil, err
	}
	if size > int64(len(tail)) {
		return nil, rejectShort("%d bytes of a footer of %d", len(tail), size)
	}
	return tail[int64(len(tail))-size : len(tail)-checkSize], nil
}

// splitFooter returns the length-prefixed envelope at the head of a footer, and
// what follows it up to the trailer: salt and sealed record.
func splitFooter(footer []byte) (envelope, sealed []byte, err error) {
	n := int(binary.BigEndian.Uint16(footer))
	if n > MaxEnvelope || n > len(footer)-minFooter {
		return nil, nil, reject(failFooter, "an envelope of %d bytes is impossible", n)
	}
	n += envelopePrefix
	return footer[:n], footer[n : len(footer)-footerTrailer], nil
}

// FooterEnvelope returns the envelope copy in the footer that ends with tail. It is not
// authenticated before OpenFooter has succeeded with the keys that it leads to.
func FooterEnvelope(tail []byte) ([]byte, error) {
	footer, err := cutFooter(tail)
	if err != nil {
		return nil, err
	}
	envelope, _, err := splitFooter(footer)
	if err != nil {
		return nil, err
	}
	return envelope[envelopePrefix:], nil
}

// OpenFooter authenticates and decodes the footer of an object of that stored size,
// which ends with tail. The tail must hold FooterSize(tail) bytes and may hold more.
func OpenFooter(keys Keys, stored int64, tail []byte) (*Record, error) {
	rec, _, err := openFooter(&keys, stored, tail)
	return rec, err
}

// openFooter returns the stored form of the record too.
func openFooter(keys *Keys, stored int64, tail []byte) (*Record, []byte, error) {
	if err := keys.check(); err != nil {
		return nil, nil, err
	}
	footer, err := cutFooter(tail)
	if err != nil {
		return nil, nil, err
	}
	envelope, sealed, err := splitFooter(footer)
	if err != nil {
		return nil, nil, err
	}
	salt := [32]byte(sealed)
	r, err := keys.extract(&salt)
	if err != nil {
		return nil, nil, err
	}
	defer r.wipe()
	l, err := r.record()
	if err != nil {
		return nil, nil, err
	}
	plain, err := l.open(nil, sealed[len(salt):], footerData(keys.Suite, stored, len(footer), envelope), 0)
	if err != nil {
		return nil, nil, reject(failFooter, "the record does not open")
	}
	rec, err := decodeRecord(plain)
	if err != nil {
		return nil, nil, reject(failRecord, "%v", err)
	}
	if (rec.Parts == nil) != (salt == zeroSalt) {
		return nil, nil, reject(failRecord, "the salt does not fit the parts")
	}
	if StoredSize(rec.Length) != stored {
		return nil, nil, reject(failLength, "an object for %d plaintext bytes is stored in %d", rec.Length, stored)
	}
	return rec, plain, nil
}
