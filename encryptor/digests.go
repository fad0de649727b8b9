package encryptor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Checksum is an S3 checksum of an object's plaintext. The zero value means none.
type Checksum struct {
	// Algorithm: 1 CRC32, 2 CRC32C, 3 CRC64NVME, 4 SHA1, 5 SHA256, 6 SHA512, 7 MD5,
	// 8 XXHASH64, 9 XXHASH3, 10 XXHASH128. The values are stored.
	Algorithm uint8
	// Composite marks a checksum of the parts' checksums (x-amz-checksum-type: COMPOSITE).
	Composite bool
	// Value is the raw digest, as long as the algorithm says.
	Value []byte
}

// Digests is what is known of an object's plaintext. It is stored sealed, never in clear.
type Digests struct {
	// ETag is 32 lower-case hex digits, the MD5 of the plaintext, or the same
	// followed by "-" and the number of parts. Empty if it is not known.
	ETag     string
	Checksum Checksum
}

// md5Size is the size in bytes of the MD5 in an ETag.
const md5Size = 16

// checksumSizes are the digest sizes in bytes by algorithm id; 0 is no algorithm.
var checksumSizes = [...]int{1: 4, 2: 4, 3: 8, 4: 20, 5: 32, 6: 64, 7: 16, 8: 8, 9: 8, 10: 16}

func checksumSize(algorithm uint8) int {
	if int(algorithm) >= len(checksumSizes) {
		return 0
	}
	return checksumSizes[algorithm]
}

// check refuses digests that cannot be stored without loss.
func (d *Digests) check() error {
	if d.ETag != "" {
		sum, parts, err := parseETag(d.ETag)
		if err != nil {
			return err
		}
		if formatETag(sum, parts) != d.ETag {
			return errors.New("ETag is not in its canonical form")
		}
	}
	c := &d.Checksum
	switch {
	case c.Algorithm == 0 && (c.Composite || len(c.Value) != 0):
		return errors.New("checksum without an algorithm")
	case c.Algorithm != 0 && checksumSize(c.Algorithm) == 0:
		return fmt.Errorf("checksum algorithm %d is not known", c.Algorithm)
	case len(c.Value) != checksumSize(c.Algorithm):
		return fmt.Errorf("checksum of %d bytes for algorithm %d", len(c.Value), c.Algorithm)
	}
	return nil
}

// wire returns the stored form of valid digests.
func (d *Digests) wire() wireDigests {
	w := wireDigests{Algorithm: d.Checksum.Algorithm, Composite: d.Checksum.Composite, Value: d.Checksum.Value}
	if d.ETag != "" {
		w.MD5, w.ETagParts, _ = parseETag(d.ETag)
	}
	return w
}

// digests is the inverse of wire. What it returns may be invalid, as may be what it is given.
func (w *wireDigests) digests() Digests {
	d := Digests{Checksum: Checksum{Algorithm: w.Algorithm, Composite: w.Composite, Value: w.Value}}
	if len(w.MD5) != 0 {
		d.ETag = formatETag(w.MD5, w.ETagParts)
	}
	return d
}

// parseETag splits an ETag into an MD5 and the number of parts, 0 if there is none.
func parseETag(s string) (sum []byte, parts uint32, err error) {
	digits, count, multipart := strings.Cut(s, "-")
	if multipart {
		n, err := strconv.ParseUint(count, 10, 32)
		if err != nil || n < 1 || n > MaxParts {
			return nil, 0, errors.New("ETag with an impossible number of parts")
		}
		parts = uint32(n)
	}
	sum, err = hex.DecodeString(digits)
	if err != nil || len(sum) != md5Size {
		return nil, 0, errors.New("ETag is not an MD5")
	}
	return sum, parts, nil
}

func formatETag(sum []byte, parts uint32) string {
	if parts == 0 {
		return hex.EncodeToString(sum)
	}
	return hex.EncodeToString(sum) + "-" + strconv.FormatUint(uint64(parts), 10)
}
