package gateway

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-s3-sse/caddy-s3-sse/encryptor"
	"github.com/caddy-s3-sse/caddy-s3-sse/s3api"
)

// partRecord is what is known of one attempt at a part, once the store has
// all of it. Its stored form is the name of an empty object, so that a listing
// tells those of a whole upload, a thousand with one request.
type partRecord struct {
	number    int
	length    int64 // of the plaintext, in bytes
	salt      [32]byte
	check     [4]byte   // of the segment; zero if it has none
	at        time.Time // by the clock of the instance that took it
	stashed   bool      // it waits in the system bucket and is not a part of the store's upload
	storeETag string    // the store's; empty if it is stashed
	md5       []byte    // of the plaintext, if that is the part's ETag
	checksum  []byte    // of the algorithm that the upload asks for, if it asks for one

	modified time.Time // by the store's clock, when the record was found
}

// etag is the ETag of the part as clients know it.
func (p *partRecord) etag() string {
	if len(p.md5) > 0 {
		return hex.EncodeToString(p.md5)
	}
	return encryptor.PartETag(p.salt)
}

// stash is the name of the part's ciphertext in the system bucket.
func (p *partRecord) stash(dir string) string {
	return fmt.Sprintf("%sstash/%05d-%s", dir, p.number, hex.EncodeToString(p.salt[:]))
}

// segment is the part as the object's footer names it.
func (p *partRecord) segment() encryptor.Part {
	return encryptor.Part{Number: uint32(p.number), Length: p.length, Salt: p.salt, Check: p.check} //nolint:gosec // 1 to 10,000
}

const (
	partRecordVersion = 1
	partStashed       = 1 << 0

	// What stands before the three values of variable length.
	partRecordFixed = 1 + 1 + 2 + 8 + 8 + 32 + 4

	// maxSegment is how much of a name may stand between two slashes: stores
	// that keep objects in a file system take little more.
	maxSegment = 200
)

// encode returns the plaintext of the record.
func (p *partRecord) encode() ([]byte, error) {
	b := make([]byte, 0, partRecordFixed+3+len(p.storeETag)+len(p.md5)+len(p.checksum))
	var flags byte
	if p.stashed {
		flags |= partStashed
	}
	b = append(b, partRecordVersion, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(p.number))        //nolint:gosec // 1 to 10,000
	b = binary.BigEndian.AppendUint64(b, uint64(p.length))        //nolint:gosec // never negative
	b = binary.BigEndian.AppendUint64(b, uint64(p.at.UnixNano())) //nolint:gosec // comes back the same
	b = append(b, p.salt[:]...)
	b = append(b, p.check[:]...)
	for _, v := range [][]byte{[]byte(p.storeETag), p.md5, p.checksum} {
		if len(v) > 255 {
			return nil, errors.New("part record: the store's ETag is too long")
		}
		b = append(b, byte(len(v)))
		b = append(b, v...)
	}
	return b, nil
}

var errPartRecord = errors.New("part record: malformed")

func decodePartRecord(b []byte) (partRecord, error) {
	if len(b) < partRecordFixed || b[0] != partRecordVersion || b[1]&^partStashed != 0 {
		return partRecord{}, errPartRecord
	}
	p := partRecord{
		stashed: b[1]&partStashed != 0,
		number:  int(binary.BigEndian.Uint16(b[2:])),
		length:  int64(binary.BigEndian.Uint64(b[4:])),                //nolint:gosec // checked below
		at:      time.Unix(0, int64(binary.BigEndian.Uint64(b[12:]))), //nolint:gosec // any time will do
		salt:    [32]byte(b[20:]),
		check:   [4]byte(b[52:]),
	}
	b = b[partRecordFixed:]
	var values [3][]byte
	for i := range values {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return partRecord{}, errPartRecord
		}
		values[i], b = b[1:1+int(b[0])], b[1+int(b[0]):]
	}
	p.storeETag, p.md5, p.checksum = string(values[0]), values[1], values[2]
	if len(b) > 0 || p.number < 1 || p.number > s3api.MaxParts || p.length < 0 || p.length > s3api.MaxPartSize ||
		len(p.md5) != 0 && len(p.md5) != 16 || p.stashed != (p.storeETag == "") {
		return partRecord{}, errPartRecord
	}
	return p, nil
}

// nameCipher seals the names of the upload's part records.
func (u *uploadState) nameCipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(u.names[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// partRecords is where the records of an upload are, within its directory.
const partRecords = "parts/"

const partNameLabel = "caddy-s3-sse v1 part record"

// partName returns the name of the record of p in the system bucket.
func (u *uploadState) partName(p *partRecord) (string, error) {
	plain, err := p.encode()
	if err != nil {
		return "", err
	}
	aead, err := u.nameCipher()
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, nil, plain, []byte(partNameLabel)) //nolint:gosec // the cipher draws the nonce
	text := fmt.Sprintf("%05d-", p.number) + base64.RawURLEncoding.EncodeToString(sealed)
	var b strings.Builder
	b.WriteString(u.dir())
	b.WriteString(partRecords)
	for len(text) > maxSegment {
		b.WriteString(text[:maxSegment])
		b.WriteByte('/')
		text = text[maxSegment:]
	}
	b.WriteString(text)
	return b.String(), nil
}

// partOf reads the name of a part record, without the directory.
func partOf(aead cipher.AEAD, name string) (partRecord, error) {
	number, text, _ := strings.Cut(strings.ReplaceAll(name, "/", ""), "-")
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return partRecord{}, errors.Join(errPartRecord, encryptor.ErrNotAuthentic)
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(partNameLabel))
	if err != nil {
		return partRecord{}, fmt.Errorf("part record %s: it does not open: %w", number, encryptor.ErrNotAuthentic)
	}
	p, err := decodePartRecord(plain)
	if err == nil && fmt.Sprintf("%05d", p.number) != number {
		err = fmt.Errorf("part record %s: it is of part %d: %w", number, p.number, encryptor.ErrNotAuthentic)
	}
	return p, err
}

// savePart writes the record of an attempt that the store has.
func (c *call) savePart(ctx context.Context, up *uploadState, p *partRecord) error {
	name, err := up.partName(p)
	if err != nil {
		return err
	}
	return c.putSystem(ctx, name, anyRecord, func(sr *storeRequest) { sr.setDocument(nil, "application/octet-stream") })
}
