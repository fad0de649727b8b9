package s3api

import (
	"crypto/md5"  //nolint:gosec // an S3 checksum algorithm, not a security measure
	"crypto/sha1" //nolint:gosec // an S3 checksum algorithm, not a security measure
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
)

// Algorithm is one of S3's additional checksums. Zero is none. The numbers
// are those under which a checksum is recorded inside encrypted objects, so
// they never change.
//
// See "Checking object integrity in Amazon S3" in the S3 user guide.
type Algorithm uint8

// The algorithms S3 knows. XXHASH3 is XXH3 with 64 bits, XXHASH128 the same
// with 128 bits; all seeds are zero.
const (
	CRC32 Algorithm = iota + 1
	CRC32C
	CRC64NVME
	SHA1
	SHA256
	SHA512
	MD5
	XXHASH64
	XXHASH3
	XXHASH128
)

// algorithm is what the protocol says of one Algorithm.
type algorithm struct {
	name   string // as in ChecksumAlgorithm elements
	header string // canonical Go form
	size   int    // bytes of a raw value
	new    func() hash.Hash
}

// algorithms is indexed by Algorithm; entry 0 stands for none.
var algorithms = [...]algorithm{
	CRC32:     {"CRC32", "X-Amz-Checksum-Crc32", crc32.Size, func() hash.Hash { return crc32.NewIEEE() }},
	CRC32C:    {"CRC32C", "X-Amz-Checksum-Crc32c", crc32.Size, func() hash.Hash { return crc32.New(castagnoli) }},
	CRC64NVME: {"CRC64NVME", "X-Amz-Checksum-Crc64nvme", crc64nvme.Size, func() hash.Hash { return crc64nvme.New() }},
	SHA1:      {"SHA1", "X-Amz-Checksum-Sha1", sha1.Size, sha1.New},
	SHA256:    {"SHA256", "X-Amz-Checksum-Sha256", sha256.Size, sha256.New},
	SHA512:    {"SHA512", "X-Amz-Checksum-Sha512", sha512.Size, sha512.New},
	MD5:       {"MD5", "X-Amz-Checksum-Md5", md5.Size, md5.New},
	XXHASH64:  {"XXHASH64", "X-Amz-Checksum-Xxhash64", 8, func() hash.Hash { return xxhash.New() }},
	XXHASH3:   {"XXHASH3", "X-Amz-Checksum-Xxhash3", 8, func() hash.Hash { return xxh3.New() }},
	XXHASH128: {"XXHASH128", "X-Amz-Checksum-Xxhash128", 16, func() hash.Hash { return xxh128{xxh3.New()} }},
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Algorithms returns every algorithm in the order of their numbers.
func Algorithms() []Algorithm {
	all := make([]Algorithm, 0, len(algorithms)-1)
	for a := CRC32; int(a) < len(algorithms); a++ {
		all = append(all, a)
	}
	return all
}

// ParseAlgorithm returns the algorithm of that name, in any case.
func ParseAlgorithm(name string) (Algorithm, bool) {
	for _, a := range Algorithms() {
		if strings.EqualFold(name, algorithms[a].name) {
			return a, true
		}
	}
	return 0, false
}

// algorithmOfHeader returns the algorithm whose values the named header (or
// trailer), in any case, carries.
func algorithmOfHeader(name string) (Algorithm, bool) {
	for _, a := range Algorithms() {
		if strings.EqualFold(name, algorithms[a].header) {
			return a, true
		}
	}
	return 0, false
}

// Valid reports whether a is one of the algorithms.
func (a Algorithm) Valid() bool { return a != 0 && int(a) < len(algorithms) }

// String returns the name S3 uses in documents and messages, such as "CRC32".
func (a Algorithm) String() string {
	if !a.Valid() {
		return "Algorithm(" + strconv.Itoa(int(a)) + ")"
	}
	return algorithms[a].name
}

// Header returns the name of the header that carries a's values, in the form
// of http.CanonicalHeaderKey. a must be valid.
func (a Algorithm) Header() string { return algorithms[a].header }

// Size returns the length of a raw value in bytes. a must be valid.
func (a Algorithm) Size() int { return algorithms[a].size }

// New returns a hash whose Sum is a's raw value, big-endian. a must be valid.
func (a Algorithm) New() hash.Hash { return algorithms[a].new() }

// decode reads a value as it stands in a header, trailer or document.
func (a Algorithm) decode(value string) ([]byte, bool) {
	return decodeBase64(value, a.Size())
}

// decodeBase64 decodes padded base64 of exactly size bytes, in its only form:
// neither line breaks, which encoding/base64 skips, nor stray trailing bits.
func decodeBase64(value string, size int) ([]byte, bool) {
	if len(value) != base64.StdEncoding.EncodedLen(size) {
		return nil, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(value)
	return raw, err == nil && len(raw) == size
}

// xxh128 makes Sum return the 128-bit hash of an XXH3 hasher, which by itself
// sums to 64 bits.
type xxh128 struct{ *xxh3.Hasher }

func (h xxh128) Size() int { return 16 }

func (h xxh128) Sum(b []byte) []byte {
	sum := h.Sum128().Bytes()
	return append(b, sum[:]...)
}
